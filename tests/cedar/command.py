"""`aegis cedar` as a command: what the tests of this folder share."""
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
AEGIS = (ROOT / os.environ.get("AEGIS_BINARY", "build/dev/aegis")).resolve()
SHARED = pathlib.Path(os.environ.get("AEGIS_SHARED", ROOT / "../shared")).resolve() / "cedar-tests"
OK, FAILURE, DENY, INVALID, UNKNOWN = 0, 1, 2, 3, 4


class Failed(Exception):
    pass


def cedar(folder, *words, stdin="", env=None):
    done = subprocess.run([AEGIS, "cedar", *words], cwd=folder, input=stdin, capture_output=True, text=True,
                          env={**os.environ, **(env or {})}, check=False)
    return done.returncode, done.stdout, done.stderr


def expect(found, code, *texts):
    """The exit code is this one, and stdout holds these texts."""
    if found[0] != code:
        raise Failed(f"exit code {found[0]} instead of {code}:\n{found[1]}{found[2]}")
    for text in texts:
        if text not in found[1]:
            raise Failed(f"'{text}' is not in the output:\n{found[1]}{found[2]}")


def entity(kind, name):
    return f'{kind}::"{name}"'
