"""What the lint tools share: the list of C files, C text without comments, and planted violations."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def tracked(*patterns, root=ROOT):
    """Tracked files that exist, as paths relative to root."""
    out = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=root, check=True,
                         capture_output=True).stdout.decode()
    return [path for path in out.split("\0") if path and (root / path).is_file()]


_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def code_only(text, keep_strings=False):
    """The text with comments (and strings) blanked, every line still at its number."""
    def blank(match):
        token = match.group(0)
        if token[0] == '"':
            return token if keep_strings else '""'
        if token[0] == "'":
            return "' '"
        return " " + "\n" * token.count("\n")
    return _TOKEN.sub(blank, text)


def is_test_file(path):
    """Tests and fuzzers, with the headers only they include."""
    return re.search(r"_(test|fuzz)\.[ch]$", path) is not None or path.startswith("tests/")


def run_tool(check, self_test):
    """The command line of a lint tool: no argument checks the tree, --self-test checks the tool."""
    if sys.argv[1:] == ["--self-test"]:
        problems = self_test()
    elif not sys.argv[1:]:
        problems = check(ROOT)
    else:
        problems = [f"usage: {os.path.basename(sys.argv[0])} [--self-test]"]
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


def planted(check, cases, clean):
    """Self-test: each case (name, {path: text}, expected words) must be found, clean must not."""
    problems = []
    for name, files, expected in [*cases, ("clean tree", clean, None)]:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for path, text in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            subprocess.run(["git", "init", "-q"], cwd=root, check=True)
            subprocess.run(["git", "add", "-f", "."], cwd=root, check=True)
            found = check(root)
        if expected is None and found:
            problems.append(f"self-test: '{name}' reported: {found}")
        if expected is not None and not any(expected in line for line in found):
            problems.append(f"self-test: '{name}' not reported, got: {found}")
    return problems
