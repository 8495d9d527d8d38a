"""One test for all calls of a function: reporting ten thousand tests takes longer than running them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest


def over_calls(names: str, cases: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """In place of `pytest.mark.parametrize(names, cases)`, where the first name is a call such as "sum(x, 1)"."""
    variables = [name.strip() for name in names.split(",")]
    groups: dict[str, list[tuple]] = {}
    for case in cases:
        values = case if isinstance(case, tuple) else (case,)
        groups.setdefault(values[0].split("(")[0].split("[")[0], []).append(values)

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        def run(function: str, **others: Any) -> None:
            for values in groups[function]:
                test(**dict(zip(variables, values)), **others)

        rest = [p for name, p in inspect.signature(test).parameters.items() if name not in variables]
        function = inspect.Parameter("function", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        run.__signature__ = inspect.Signature([function, *rest])  # type: ignore[attr-defined]
        run.__name__, run.__doc__ = test.__name__, test.__doc__
        run.pytestmark = list(getattr(test, "pytestmark", []))  # type: ignore[attr-defined]
        return pytest.mark.parametrize("function", groups)(run)

    return decorate
