"""The help of aegis, taken apart. src/cli/command.h describes its form; what does not keep to it is refused."""
import re
import subprocess

COLUMNS = 80
EXAMPLE_COLUMNS = 73  # of a page, whose text begins in the eighth column
TOPICS = "Topics"
# A row: "  TAG   text", where the letters of options have a column of their own. What is deeper goes on with a row.
ROW = re.compile(r"  (?:    (?=--))?(\S+(?: \S+)*)(?:  +(\S.*))?$")
REST = re.compile(r" {5,}(\S.*)$")


class Misshapen(Exception):
    pass


class Help:
    """What one command's help says. words: those of the command line, without 'aegis'."""

    def __init__(self, words):
        self.words = words
        self.summary = ""
        self.usages = []     # one line each
        self.body = []       # ("text", paragraph) or ("rows", title, rows)
        self.options = []    # rows
        self.examples = []   # (title or "", lines)
        self.groups = []     # (title, rows of commands)
        self.exit_codes = []
        self.text = ""       # all of it

    def options_named(self):
        """Every "-x" and "--long" that has a row."""
        return [name for tag, _ in self.options for name in re.findall(r"(?<![\w-])--?[\w-]+", tag)]

    def inner_named(self):
        """The commands inside it."""
        return [name for title, rows in self.groups for name, _ in rows if title != TOPICS]


def check_columns(lines, most):
    for line in lines:
        if len(line) > most:
            raise Misshapen(f"a line of more than {most} columns: {line!r}")


def read_rows(lines):
    rows = []
    for line in lines:
        row, rest = ROW.match(line), REST.match(line)
        if row:
            rows.append([row[1], row[2] or ""])
        elif rest and rows:
            rows[-1][1] = f"{rows[-1][1]} {rest[1]}".strip()
        else:
            raise Misshapen(f"no row: {line!r}")
    for tag, text in rows:
        if not text:
            raise Misshapen(f"nothing is said of {tag!r}")
    return [tuple(row) for row in rows]


def read_usages(lines):
    usages = []
    for line in lines:
        if line[:7] in ("usage: ", " " * 7) and line[7:].startswith("aegis"):
            usages.append(line[7:])
        elif line.startswith(" " * 8) and usages:
            usages[-1] += " " + line.strip()
        else:
            raise Misshapen(f"no usage: {line!r}")
    return usages


def read_example(lines):
    shown = [line.removeprefix("  ") for line in lines]
    check_columns(shown, EXAMPLE_COLUMNS)
    return shown


def read_block(told, lines):
    first = lines[0]
    title = first[:-1] if first.endswith(":") and len(lines) > 1 and lines[1].startswith("  ") else None
    if first.startswith("usage: "):
        told.usages = read_usages(lines)
    elif title == "exit codes":
        told.exit_codes = read_rows(lines[1:])
    elif title == "examples":
        told.examples.append(("", read_example(lines[1:])))
    elif title and title[0].isupper():
        told.groups.append((title, read_rows(lines[1:])))
    elif title and told.examples:
        told.examples.append((title, read_example(lines[1:])))
    elif title:
        told.body.append(("rows", title, read_rows(lines[1:])))
    elif re.match(r"  (-\w, |    )?--", first):
        told.options += read_rows(lines)
    elif first.startswith("'aegis help"):
        pass  # where to read on, which a manual does not need
    elif first.startswith(" "):
        raise Misshapen(f"rows without a title: {first!r}")
    else:
        told.body.append(("text", " ".join(lines)))


def read_help(words, text):
    told = Help(words)
    told.text = text
    check_columns(text.split("\n"), COLUMNS)
    head, *blocks = text.rstrip("\n").split("\n\n")
    name = " ".join(["aegis", *words])
    if not head.startswith(name + ": "):
        raise Misshapen(f"begins with {head!r}, not with {name!r} and a summary")
    told.summary = head.removeprefix(name + ": ")
    for block in blocks:
        read_block(told, block.split("\n"))
    for what, found in (("usage", told.usages), ("description", told.body), ("exit codes", told.exit_codes),
                        ("examples", told.examples or (words and told.groups))):
        if not found:
            raise Misshapen(f"has no {what}")
    return told


def ask(aegis, *arguments):
    done = subprocess.run([aegis, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Misshapen(f"{' '.join(['aegis', *arguments])}: exit code {done.returncode}, {done.stderr.strip()}")
    return done.stdout


def read_tree(aegis, words=()):
    """The help of a command, and of all that are inside it: {words: Help}, in the order of the help."""
    try:
        told = read_help(list(words), ask(aegis, *words, "--help"))
    except Misshapen as problem:
        raise Misshapen(f"help of '{' '.join(['aegis', *words])}': {problem}") from None
    tree = {tuple(words): told}
    for name in told.inner_named():
        tree |= read_tree(aegis, (*words, name))
    return tree


def read_topic(aegis, name):
    """The rows of a topic."""
    return read_rows(ask(aegis, "help", name).split("\n\n")[0].rstrip("\n").split("\n"))
