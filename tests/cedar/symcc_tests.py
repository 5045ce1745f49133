"""`aegis cedar symcc`: verdicts against recorded and published ones, counterexamples, refusals, bad solvers.

symcc.json holds policies of one schema and what the official program (4.13.0 with cvc5) says about them: rows of a
property, the policies of one or two sides, and whether it holds. Without AEGIS_LONG a part of the rows is looked at.
"""
import concurrent.futures
import json
import os
import pathlib
import tempfile

from command import FAILURE, OK, SHARED, Failed, cedar, expect

CASES = json.loads((pathlib.Path(__file__).parent / "symcc.json").read_text())
ENVIRONMENT = ["--principal-type", "User", "--action", 'Action::"read"', "--resource-type", "File"]
IS_LONG = bool(os.environ.get("AEGIS_LONG"))
EVERY = 1 if IS_LONG else 12
SLOW = {"seconds"}  # divides numbers of 64 bits
SLOW_FILES = {f"policies{number}.cedar" for number in range(6, 11)}  # multiply them


def symcc(folder, *words, stdin="", env=None):
    return cedar(folder, "symcc", *ENVIRONMENT, "-s", "s.cedarschema", *words, stdin=stdin, env=env)


def write_policies(folder):
    """The schema, and each side of a case in a file named after its policies."""
    pathlib.Path(folder, "s.cedarschema").write_text("\n".join(CASES["schema"]))
    for names in [side for case in CASES["outcomes"] for side in case[1:-1]] + [[name] for name in CASES["policies"]]:
        text = "\n".join(CASES["policies"][name] for name in names)
        pathlib.Path(folder, file_of(names)).write_text(text)


def file_of(names):
    return "+".join(names or ["empty"]) + ".cedar"


def sides_of(case):
    name, *sides, _ = case
    files = [file_of(side) for side in sides]
    if len(files) == 1:
        return ["-p", files[0]]
    option = "--policy" if name.startswith("matches") else "--policies"
    return [f"{option}1", files[0], f"{option}2", files[1]]


def verdict(found):
    expect(found, OK)
    return json.loads(found[1])["holds"]


def in_parallel(check, rows):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        wrong = [text for text in workers.map(check, rows) if text]
    if wrong or len(rows) < 10:
        raise Failed(f"{len(wrong)} of {len(rows)}: {wrong[:5]}")


def test_symcc_agrees_with_the_official_program_and_z3(_samples):
    rows = [case for case in CASES["outcomes"] if IS_LONG or not SLOW & {name for side in case[1:-1] for name in side}]
    with tempfile.TemporaryDirectory() as folder:
        write_policies(folder)

        def check(case):
            found = symcc(folder, case[0], *sides_of(case), "--output", "json", "--solver", "both")
            return None if verdict(found) == case[-1] else f"{case} is not so: {found}"

        in_parallel(check, rows[::EVERY])


# Does the first set imply the second one, and the second one the first one?
COMPARED = {"pset1 is more permissive than pset2": (False, True), "pset1 is less permissive than pset2": (True, False),
            "pset1 is equivalent to pset2": (True, True), "pset1 is incomparable with pset2": (False, False)}


def test_symcc_agrees_with_published_comparisons(_samples):
    runs = map(json.loads, (SHARED / "analyze/expected.jsonl").read_text().splitlines())
    rows = [(run["dir"], run["files"], row) for run in runs if run["command"] == "compare" for row in run["rows"]
            if IS_LONG or run["dir"] != "arithmetic" or not SLOW_FILES & set(run["files"])]

    def check(case):
        folder, (first, second, schema), row = case
        space = "App::" if folder == "file_share_demo" else ""
        words = ["symcc", "--principal-type", space + row["principal"], "--resource-type", space + row["resource"],
                 "--action", f'{space}Action::"{row["action"]}"', "-s", schema, "--output", "json", "implies"]
        found = tuple(verdict(cedar(SHARED / "analyze" / folder, *words, "--policies1", one, "--policies2", other))
                      for one, other in ((first, second), (second, first)))
        return None if found == COMPARED[row["result"]] else f"{case}: {found}"

    in_parallel(check, rows[::EVERY // 3 or 1])


# z3 gives a user all groups as ancestors, before it says which group a file has.
def test_symcc_takes_the_elements_of_a_set_of_everything_from_the_whole_model(_samples):
    words = ["symcc", "--principal-type", "App::User", "--resource-type", "App::Document", "--action",
             'App::Action::"EditFile"', "-s", "policies.cedarschema", "--solver", "z3"]
    found = cedar(SHARED / "analyze/file_share_demo", *words, "implies", "--policies1", "policies3.cedar",
                  "--policies2", "policies2.cedar")
    expect(found, OK, "DOES NOT HOLD\n  Counterexample found:\nprincipal: App::User::")


EXAMPLE = """✗ Policy always matches: DOES NOT HOLD
  Counterexample found:
principal: User::"", action: Action::"read", resource: File::""
context: {"""


def test_symcc_prints_what_scripts_expect(_samples):
    with tempfile.TemporaryDirectory() as folder:
        write_policies(folder)
        expect(symcc(folder, "never-errors", "-p", "adult.cedar"), OK, "✓ Policy never errors: VERIFIED\n")
        expect(symcc(folder, "-v", "never-errors", "-p", "adult.cedar"), OK, "VERIFIED\n  No counterexample found")
        expect(symcc(folder, "always-matches", stdin=CASES["policies"]["adult"]), OK, EXAMPLE, "\nentities: [\n  User::",
               '"age": ', "\n  },\n  File::", "\n]\n")
        found = symcc(folder, "--no-counterexample", "always-allows", "-p", "adult.cedar")
        expect(found, OK, "✗ Policy set always allows: DOES NOT HOLD\n")
        if "Counterexample" in found[1]:
            raise Failed(found[1])
        found = symcc(folder, "never-matches", "-p", "team.cedar", "--output", "json")
        example = json.loads(found[1])["counterexample"]
        user = next(one for one in example["entities"] if one["uid"] == example["principal"])
        if 'Team::"a"' not in user["ancestors"]:
            raise Failed(found[1])
        template = "permit(principal == ?principal, action, resource);"
        found = symcc(folder, "always-denies", stdin=template)
        expect(found, OK, "VERIFIED")
        if "1 policy template(s), which will be ignored" not in found[2]:
            raise Failed(found[2])


REFUSED = [
    (2, [], "it needs a property"),
    (2, ["never-err", "-p", "all.cedar"], "no property"),
    (2, ["never-errors", "--policy1", "all.cedar"], "--policy1"),
    (2, ["implies", "--policies1", "all.cedar", "-p", "all.cedar"], "--policies"),
    (2, ["never-errors", "-p", "all.cedar", "--counterexample", "--no-counterexample"], "contradicts"),
    (2, ["never-errors", "-p", "all.cedar", "--time-limit", "0"], "--time-limit"),
    (2, ["never-errors", "-p", "all.cedar", "--solver", "other"], "--solver"),
    (FAILURE, ["never-errors", "-p", "no-such.cedar"], "no-such.cedar"),
    (FAILURE, ["never-errors", "-p", "empty.cedar"], "Expected exactly one policy in --policies, found 0"),
    (FAILURE, ["never-errors", "-p", "all+no_mfa.cedar"], "Expected exactly one policy in --policies, found 2"),
    (FAILURE, ["matches-implies", "--policy1", "all.cedar", "--policy2", "empty.cedar"], "in --policy2, found 0"),
    (FAILURE, ["implies"], "stdin"),
    (FAILURE, ["never-errors"], "has no attribute 'ages'\n"),
]


def test_symcc_refuses(_samples):
    with tempfile.TemporaryDirectory() as folder:
        write_policies(folder)

        def refuse(code, found, text):
            if found[0] != code or text not in found[2] or found[1] != "":
                raise Failed(f"{text}: {found}")

        for code, words, text in REFUSED:
            refuse(code, symcc(folder, *words, stdin="permit(principal, action, resource) when { principal.ages > 1 };"),
                   text)
        words = dict(zip(ENVIRONMENT[::2], ENVIRONMENT[1::2]))
        for option, value, text in (("--principal-type", "Users", "'Users'"), ("--resource-type", "User", "'User'"),
                                    ("--action", 'Action::"any"', "does not apply"), ("--action", "read", "--action"),
                                    ("--action", 'Action::"none"', "does not declare")):
            changed = [word for pair in {**words, option: value}.items() for word in pair]
            refuse(FAILURE, cedar(folder, "symcc", *changed, "-s", "s.cedarschema", "never-errors", "-p", "all.cedar"), text)
        report = symcc(folder, "never-errors", "-f", "json", stdin="permit(principal, action, resource) when { 1 };")
        if json.loads(report[2])["message"] != "Analysis failed":
            raise Failed(report)


BAD_SOLVERS = [
    ("exit 3", "ended with exit code 3 and no answer"),
    ("kill -9 $$", "ended by signal 9"),
    ("echo hello", "no answer but 'hello'"),
    ("echo '(error \"\"\"no\"\"\")'", "no answer but '(error"),
    ("echo sat; echo '(('", "malformed"),
    ("echo sat; echo '((define-fun t0 () E0 nobody))'", "not understood near 'nobody'"),
    ("echo 'sat ()'", "does not bear out"),  # everybody is 0 years old then, which is no error
    ("echo unknown", "the solver gave up"),
    ("head -c 20000000 /dev/zero", "which is too much"),
]


def test_symcc_and_bad_solvers(_samples):
    with tempfile.TemporaryDirectory() as folder:
        write_policies(folder)
        path = pathlib.Path(folder, "solver")
        for text, problem in BAD_SOLVERS:
            path.write_text(f"#!/bin/sh\n{text}\n")
            path.chmod(0o700)
            found = symcc(folder, "never-errors", "-p", "sum_errs.cedar", "--cvc5-path", path)
            if found[0] != FAILURE or problem not in found[2] or found[1] != "":
                raise Failed(f"{text}: {found}")
        expect(symcc(folder, "never-errors", "-p", "sum_errs.cedar", env={"CVC5": "/no/such"}), FAILURE)
        for words, package in (([], "cvc5"), (["--solver", "z3"], "z3")):
            found = symcc(folder, "never-errors", "-p", "sum_errs.cedar", *words, env={"PATH": folder})
            if found[0] != FAILURE or f"install the Debian package '{package}'" not in found[2]:
                raise Failed(found)
        # What needs no solver asks none.
        expect(symcc(folder, "never-errors", "-p", "adult.cedar", env={"PATH": folder}), OK, "VERIFIED")
