"""What of each name of NumPy there is: the list behind docs/coverage.md and its test.

`python -m tests.coverage > docs/coverage.md` writes the page. It is made of the calls that tests/test_numpy.py makes of
each name, which has them checked there: a name that gets a row gets its line here.
"""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

import funcgrad.numpy as fnp
from funcgrad.compile.kinds import kind_of
from funcgrad.compile.simplify import simplify
from funcgrad.core.avals import aval_of
from funcgrad.core.staging import trace_graph
from tests.test_numpy import CONCRETE, FLAT, NAN, SMOOTH, STAGED, UNDETERMINED, calls, flat, function_of

MORE_SMOOTH = """
kaiser(5, x) put(v, [1], x, inplace=False) place(v, v > 0, u, inplace=False) fill_diagonal(o, u, inplace=False)
copyto(v, w, inplace=False) putmask(v, v > 0, w, inplace=False)
put_along_axis(v, n, u, 0, inplace=False) vectorize(np.sin)(a) r_[v,u] c_[v,w] mgrid[0:x:3j,0:2] ogrid[0:x:3j,0:2]
frompyfunc(np.sin,1,1)(a)
"""
MORE_FLAT = "fix(a)"
"""Calls of names whose rows are in tests/test_names.py."""

NUMPYS_OWN: dict[str, tuple[str, ...]] = {
    "strings, dates and times": (
        "busday_count", "busday_offset", "busdaycalendar", "char", "datetime_as_string", "datetime_data", "is_busday",
        "isnat", "strings",
    ),
    "matrices, records, masked arrays and memory that is not an ndarray's": (
        "asmatrix", "bmat", "flatiter", "ma", "matrix", "memmap", "rec", "recarray", "record",
    ),
    "packages of NumPy's with names of their own": (
        "core", "ctypeslib", "dtypes", "emath", "f2py", "lib", "polynomial", "random", "test", "testing", "typing",
    ),
    "about the installation, buffers and memory": (
        "__version__", "get_include", "getbufsize", "isfortran", "setbufsize",
        "show_config", "show_runtime", "typename",
    ),
    "numbers of the platform's that no kernel has": ("complex256", "float128"),
    "old names (write `vstack`)": ("row_stack",),
}  # fmt: skip
"""Names that are left out, by why."""


class Line(NamedTuple):
    """What there is of a name: the cells of its line."""

    name: str
    derivatives: bool
    vmap: bool
    compiled: str
    why: str


def module_of(path: str) -> tuple[ModuleType, Any]:
    """A module of NumPy and ours; its calls are written with `path`."""
    return (np, fnp) if not path else (getattr(np, path.rstrip(".")), getattr(fnp, path.rstrip("."), None))


def called(call: str) -> str:
    """The name in a call, with its module."""
    return call.split("(")[0].split("[")[0]


def first_of(table: str) -> dict[str, list[str]]:
    """The calls in a table, by the name they call."""
    found: dict[str, list[str]] = {}
    for call in calls(table):
        found.setdefault(called(call), []).append(call)
    return found


SMOOTH_CALLS = first_of(SMOOTH + MORE_SMOOTH)
OTHER_CALLS = first_of("\n".join((FLAT, NAN, CONCRETE, MORE_FLAT)))
STAGED_CALLS = frozenset((*STAGED, *calls(MORE_SMOOTH + MORE_FLAT)))


def second_order_calls() -> list[str]:
    """For each name with derivatives one call, of real numbers and with a determined result."""
    chosen = []
    for found in SMOOTH_CALLS.values():
        for call in found:
            _, arrays, floats = function_of(call)
            real = any(floats) and not any(x.dtype.kind == "c" for x in arrays)
            if real and not any(u in call for u in UNDETERMINED):
                chosen.append(call)
                break
    return chosen


def on_numpy(call: str) -> list[str]:
    """The primitives of a call that a compiled program leaves to NumPy."""
    fun, arrays, _ = function_of(call)
    graph = simplify(trace_graph(lambda *xs: flat(fun(fnp, *xs)), [aval_of(x) for x in arrays]))
    return list(dict.fromkeys(str(e.prim) for e in graph.eqns if kind_of(e) == "host"))


def line(path: str, name: str) -> Line:
    """The line of a function that is ours."""
    full = path + name
    rows = [*SMOOTH_CALLS.get(full, ()), *OTHER_CALLS.get(full, ())]
    assert rows, f"{full} has no row in tests/test_numpy.py"
    smooth = full in SMOOTH_CALLS
    staged = [call for call in rows if call in STAGED_CALLS]
    why = "" if smooth else "integers, truth values or steps"
    if not staged:
        options = inspect.signature(getattr(module_of(path)[1], name)).parameters
        option = next((f": `{o}=` fixes it" for o in ("size", "length", "strip_zeros") if o in options), "")
        made = call_gives_arrays(rows[0])
        decides = f"its values decide the shape or dtype{option}" if made else "no array comes out"
        return Line(full, smooth, False, "", f"{why}; {decides}" if why and made else decides)
    left = on_numpy(staged[0])
    return Line(full, smooth, True, "NumPy: " + ", ".join(f"`{p}`" for p in left) if left else "yes", why)


def call_gives_arrays(call: str) -> bool:
    fun, arrays, _ = function_of(call)
    return all(isinstance(y, (np.ndarray, np.generic)) for y in flat(fun(np, *arrays)))


def is_ours(value: Any) -> bool:
    return getattr(value, "__module__", type(value).__module__ or "").startswith("funcgrad")


def public(path: str) -> list[str]:
    theirs, _ = module_of(path)
    return sorted(n for n in theirs.__all__ if not isinstance(getattr(theirs, n), ModuleType) or n in LEFT_OUT)


LEFT_OUT = {name: why for why, names in NUMPYS_OWN.items() for name in names}

INTRODUCTION = """\
# NumPy's names

What funcgrad has of `numpy`, `numpy.linalg` and `numpy.fft`. Each function takes traced values, also when it is
called as NumPy's own (`np.sum(x)`), with NumPy's arguments, dtypes and errors.

- *jvp*, *vjp*, *second order*: it has derivatives, which the tests compare with differences.
- *vmap*: it can be batched.
- *compiled*: kernels do all of it in a `jit`ted program; or which primitives such a program leaves to NumPy.

This page is written by `python -m tests.coverage` from the calls in tests/test_numpy.py; the tests compare it.
"""
HEADS = "| name | forward | jvp | vjp | second order | vmap | compiled | why not |\n" + "| --- " * 8 + "|\n"
TITLES = {"": "numpy", "linalg.": "numpy.linalg", "fft.": "numpy.fft"}


def section(path: str) -> str:
    """The table of a module, and what has no line in it."""
    _, ours = module_of(path)
    table, same, missing = [], [], []
    for name in public(path):
        if not hasattr(ours, name):
            if name not in LEFT_OUT:
                missing.append(f"`{path}{name}`")
        elif is_ours(getattr(ours, name)):
            full, derivatives, vmap, compiled, why = line(path, name)
            mark = "yes" if derivatives else ""
            cells = (f"`{full}`", "yes", mark, mark, mark, "yes" if vmap else "", compiled, why)
            table.append("|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|\n")
        else:
            same.append(f"`{name}`")
    text = f"\n## {TITLES[path]}\n\n" + (HEADS + "".join(table) if table else "")
    if same:
        text += f"\nNumPy's own, for their arguments are no traced values: {', '.join(same)}.\n"
    if missing:
        text += f"\nNot there yet: {', '.join(missing)}.\n"
    return text


def left_out() -> str:
    rows = "".join(f"| {', '.join(f'`{n}`' for n in names)} | {why} |\n" for why, names in NUMPYS_OWN.items())
    return "\n## What is left out\n\n| names | what they are |\n| --- | --- |\n" + rows


def page() -> str:
    """docs/coverage.md."""
    return INTRODUCTION + "".join(map(section, TITLES)) + left_out()


if __name__ == "__main__":
    print(page(), end="")
