"""One test for all cases of a function: reporting ten thousand tests takes longer than running them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest

Test = Callable[..., None]
MOST = 40
"""Tests made of one function: the report of one takes 3 ms of two processes."""


def together(names: str, cases: Iterable[Any], of: Callable[..., str]) -> Callable[[Test], Test]:
    """In place of `pytest.mark.parametrize(names, cases)`: one test for all cases of which `of(*case)` is the same.

    More than `MOST` of them are joined with their neighbours. All cases run, whichever fail, and the failure names
    those that do. A case may skip itself.
    """
    variables = [name.strip() for name in names.split(",")]
    alike: dict[str, list[tuple]] = {}
    for case in cases:
        values = case if isinstance(case, tuple) else (case,)
        alike.setdefault(of(*values), []).append(values)
    members = joined(list(alike))
    groups = {group: [values for name in names for values in alike[name]] for group, names in members.items()}

    def decorate(test: Test) -> Test:
        def run(*self: Any, function: str, **others: Any) -> None:
            failures: list[BaseException] = []
            skips: list[BaseException] = []
            for values in groups[function]:
                try:
                    test(*self, **dict(zip(variables, values)), **others)
                except pytest.skip.Exception as skip:
                    skips.append(skip)
                except (Exception, pytest.fail.Exception) as failure:
                    failure.add_note(f"case: {named(values)}")
                    failures.append(failure)
            report(function, len(groups[function]), failures, skips)

        rest = [p for name, p in inspect.signature(test).parameters.items() if name not in variables]
        function = inspect.Parameter("function", inspect.Parameter.KEYWORD_ONLY)
        run.__signature__ = inspect.Signature([*rest, function])  # type: ignore[attr-defined]
        run.__name__, run.__doc__ = test.__name__, test.__doc__
        run.members = members  # type: ignore[attr-defined]
        run.pytestmark = list(getattr(test, "pytestmark", []))  # type: ignore[attr-defined]
        return pytest.mark.parametrize("function", groups)(run)

    return decorate


def joined(names: list[str]) -> dict[str, list[str]]:
    """At most `MOST` groups of neighbours, named by the first and the last of those in them."""
    step = max(1, -(-len(names) // MOST))
    found = [names[i : i + step] for i in range(0, len(names), step)]
    return {those[0] if len(those) == 1 else f"{those[0]} to {those[-1]}": those for those in found}


def over_calls(names: str, cases: Iterable[Any]) -> Callable[[Test], Test]:
    """`together`, where the first name is a call such as "sum(x, 1)", of the function that is called."""
    return together(names, cases, lambda call, *_: call.split("(")[0].split("[")[0])


def over_rows(rows: Iterable[Any]) -> Callable[[Test], Test]:
    """`together` for the rows of tests/samples, by their primitives."""
    return together("row", rows, lambda row: row.prim)


def over_programs(names: str, cases: Iterable[Any]) -> Callable[[Test], Test]:
    """`together` for programs whose names begin with their topic: "hooks: one that raises"."""
    return together(names, cases, lambda name, *_: name.partition(":")[0])


def function_of(expression: str) -> str:
    """The function or method that an expression calls first, or all of it."""
    called = re.search(r"([A-Za-z_]\w*)\(", expression)
    return called[1] if called else expression


def named(values: tuple) -> str:
    return ", ".join(getattr(value, "__name__", str(value)) for value in values)


def report(function: str, count: int, failures: list[BaseException], skips: list[BaseException]) -> None:
    if len(failures) == 1:
        raise failures[0]
    if failures:
        those = "; ".join(failure.__notes__[-1].removeprefix("case: ") for failure in failures)
        raise BaseExceptionGroup(f"{len(failures)} of {count} cases of {function} fail: {those}", failures)
    if len(skips) == count:
        raise skips[0]
