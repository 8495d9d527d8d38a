"""Programs in text files, each with what a report on it has to say and must not say.

A file of programs is a series of

    #### 24 partly_cut | a title
    #### says: words | other words          all of these stand in the report
    #### never: words | other words         and none of these
    #### leaf: 1                            the leaf whose status is meant, if it is not the first
    the program's text

`a/b` as the status is either. A program makes `report`, or `f` and `args`, of which the report is `explain(f)(*args)`;
with the status `raises` it is an error, which the program keeps as `report`, or which `grad(f)(*args)` raises.
`--- name.py` begins another module of the program. Behind a line's code stand

    #!          the report names this line
    #! code     and the remedy is this code in its place
    #~ code     part of the remedy, on a line that need not be named
    #+ code     a line of the remedied program alone

The remedied program is run too: its gradients `right = gradient, expected` (of `f`: finite differences) have to agree.
"""

import importlib
import linecache
import re
import sys
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import funcgrad as fg

IMPORTS = ["import funcgrad, funcgrad.scipy, numpy as np", "import funcgrad.numpy as fnp", "import funcgrad as fg"]
MARK = re.compile(r"\s*#([!~])(?: (.*))?$")


@dataclass
class Program:
    row: str
    statuses: list
    title: str
    says: list = field(default_factory=list)
    never: list = field(default_factory=list)
    leaf: int = 0
    lines: list = field(default_factory=list)

    @property
    def healthy(self):
        return self.row == "healthy"

    @property
    def has_remedy(self):
        marks = map(MARK.search, self.lines)
        return any(line.startswith("#+") for line in self.lines) or any(mark and mark[2] for mark in marks)


def programs(path):
    """The programs of a file, in its order."""
    found = []
    for line in path.read_text().splitlines():
        if not line.startswith("#### "):
            found[-1].lines.append(line)
        elif line.startswith(("#### says:", "#### never:")):
            key, words = line[5:].split(":", 1)
            getattr(found[-1], key).extend(word.strip() for word in words.split("|"))
        elif line.startswith("#### leaf:"):
            found[-1].leaf = int(line.split(":")[1])
        else:
            head, title = line[5:].split(" | ")
            row, statuses = head.split()
            found.append(Program(row, statuses.split("/"), title))
    return found


def modules(program, remedied):
    """The text of each module of a program, and the lines of it that a report has to name."""
    texts, named, name = {"train.py": []}, [], "train.py"
    for line in program.lines:
        if line.startswith("--- "):
            name = line[4:].strip()
            texts[name] = []
            continue
        mark = MARK.search(line)
        if line.startswith("#+ "):
            line = line[3:] if remedied else ""
        elif mark:
            line = line[: mark.start()]
            if mark[1] == "!":
                named.append(f"{name}:{len(texts[name]) + 1}")
            if remedied and mark[2]:
                line = line[: len(line) - len(line.lstrip())] + mark[2]
        texts[name].append(line)
    return {name: "\n".join(lines) + "\n" for name, lines in texts.items()}, named


def run(program, folder, remedied=False):
    """The names of the program's first module, after it has run in a folder of its own."""
    texts, named = modules(program, remedied)
    folder = tempfile.mkdtemp(dir=folder)
    for name, text in texts.items():
        Path(folder, name).write_text(text)
    others = [name[:-3] for name in texts if name != "train.py"]
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    linecache.clearcache()
    space = {"__name__": "__main__", "__file__": str(Path(folder, "train.py"))}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as they do in a terminal, after the first
            exec(compile(texts["train.py"], space["__file__"], "exec"), space)
            if not remedied and "report" not in space:
                kept_error = "f" not in space or program.statuses == ["raises"]
                space["report"] = error_of(space) if kept_error else explain(space)
    finally:
        sys.path.remove(str(folder))
        for name in others:
            sys.modules.pop(name, None)
    return space, named


def explain(space):
    return fg.explain(space["f"], space.get("argnums", 0))(*space["args"])


def error_of(space):
    if "f" not in space:
        return None
    try:
        fg.grad(space["f"], space.get("argnums", 0))(*space["args"])
    except Exception as error:
        return error
    return None


def text_of(report):
    if isinstance(report, BaseException):
        text = "\n".join([str(report), *getattr(report, "__notes__", [])])
    else:
        text = str(report)
    return text


def faults(program, folder):
    """What is wrong with the report on a program: pairs of the kind (`false`, `lacks`) and what."""
    space, named = run(program, folder)
    report = space["report"]
    text = text_of(report)
    flat = " ".join(text.split())
    found = []
    if isinstance(report, BaseException) or report is None:
        statuses = ["raises" if report is not None else "nothing raised"]
    else:
        statuses = [leaf.status for leaf in report.leaves] if program.healthy else [report.leaves[program.leaf].status]
    found += [("false", f"status {status}") for status in statuses if status not in program.statuses]
    found += [("false", f"says {word!r}") for word in program.never if word in flat]
    found += [("lacks", f"line {line}") for line in named if not re.search(re.escape(line) + r"\b", flat)]
    found += [("lacks", repr(word)) for word in program.says if not re.search(re.escape(word), flat, re.I)]
    return found, text


def remedied(program, folder):
    """The gradients of the remedied program, and what they should be."""
    space, _ = run(program, folder, remedied=True)
    if "right" in space:
        return tuple(np.asarray(each) if isinstance(each, list) else each for each in space["right"])
    f, args, place = space["f"], space["args"], space.get("argnums", 0)
    return fg.grad(f, place)(*args), differences(f, args, place)


def differences(f, args, place):
    """Central differences of f along each number of an argument, a pytree."""
    leaves, structure = fg.tree.flatten(args[place])
    leaves = [np.array(leaf, dtype=float) for leaf in leaves]
    slopes = [np.zeros(leaf.shape) for leaf in leaves]
    for leaf, slope in zip(leaves, slopes, strict=True):
        for at in np.ndindex(leaf.shape):
            kept, ends = leaf[at], []
            for step in (1e-6, -1e-6):
                leaf[at] = kept + step
                whole = fg.tree.unflatten(structure, [each.copy() for each in leaves])
                ends.append(float(f(*args[:place], whole, *args[place + 1 :])))
            leaf[at] = kept
            slope[at] = (ends[0] - ends[1]) / 2e-6
    return fg.tree.unflatten(structure, slopes)


def as_arrays(tree):
    return [np.asarray(leaf) for leaf in fg.tree.leaves(tree)]


def repaired(program, folder, rounds=4):
    """The leaf asked about when remedies that are code were put in place until there are none; None without any."""
    for after in range(rounds):
        space, _ = run(program, folder)
        fixes = space["report"].leaves[program.leaf].fixes if hasattr(space["report"], "leaves") else ()
        if not fixes:
            return space["report"].leaves[program.leaf] if after else None
        program = with_fixes(program, fixes)
    return space["report"].leaves[program.leaf]


def with_fixes(program, fixes):
    """The program with each fix in the columns it replaces."""
    texts, _ = modules(program, remedied=False)
    for fix in sorted(set(fixes), key=lambda each: (each.place.lineno, each.place.col), reverse=True):
        name = Path(fix.place.filename).name
        lines = texts[name].splitlines()
        line = lines[fix.place.lineno - 1]
        indent = len(line) - len(line.lstrip())
        lines[fix.place.lineno - 1] = line[: indent + fix.place.col] + fix.code + line[indent + fix.place.end_col :]
        texts[name] = "\n".join(lines)
    first, *others = texts.values()
    imports = [] if first.startswith(IMPORTS[0]) else IMPORTS
    lines = [*imports, *first.splitlines()]
    for name, text in zip(list(texts)[1:], others, strict=True):
        lines += [f"--- {name}", *text.splitlines()]
    return Program(program.row, [], program.title, leaf=program.leaf, lines=lines)
