"""A sample of each operation: expressions in `x`, `y` and `z` at several points, with what PyTorch gives for them.

Each area has a file of expressions and a file of what PyTorch 2.13 gives, in full precision, in float64 and float32:
value, gradients and second gradients, the name of the entry, the error's type and text.
`python -m tests.torch.samples pointwise` writes `pointwise.json`, with PyTorch installed.
"""

from __future__ import annotations

import importlib
import json
import math
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

HERE = Path(__file__).parent
AREAS = sorted(p.stem for p in HERE.glob("[a-z]*.py"))
DTYPES = ("float64", "float32")


class Sample(NamedTuple):
    """An expression, the points (each the values of x, y, z), and how far it may be off.

    `ulps` is the error that is allowed, in units of the largest number's last place: more than the usual only where
    the reason is given in `why`. `dtypes` are those that it is evaluated in. `exact`, again with the reason in `why`:
    where PyTorch's derivative is NaN, of the kind inf / inf, the number that exists is right too. `orders` is 1 where
    PyTorch has no second derivative.
    """

    expression: str
    points: tuple[Any, ...]
    ulps: float = 8.0
    why: str = ""
    dtypes: tuple[str, ...] = DTYPES
    exact: bool = False
    orders: int = 2


class Case(NamedTuple):
    sample: Sample
    point: Any
    dtype: str


def samples(area: str) -> list[Sample]:
    return importlib.import_module(f"tests.torch.samples.{area}").SAMPLES


def cases(sample: Sample) -> Iterator[Case]:
    return (Case(sample, point, dtype) for dtype in sample.dtypes for point in sample.points)


def evaluate(torch: Any, case: Case, leaves: list[Any]) -> Any:
    names = {"torch": torch, "inf": math.inf, "nan": math.nan, **dict(zip("xyz", leaves))}
    return eval(case.sample.expression, names)


def tensors(torch: Any, case: Case) -> list[Any]:
    """x, y and z: floating numbers in the case's dtype, which require a gradient; lists of integers as they are."""
    kind = getattr(torch, case.dtype)
    found = []
    for given in case.point:
        array = np.array(given)
        moves = array.dtype.kind in "fc"
        as_given = getattr(torch, {"i": "int64", "b": "bool"}.get(array.dtype.kind, case.dtype))
        tracked = moves and case.dtype[0] in "fc"
        found.append(torch.tensor(array, dtype=kind if moves else as_given, requires_grad=tracked))
    return found


def flat(out: Any) -> list[Any]:
    return [t for o in out for t in flat(o)] if isinstance(out, (tuple, list)) else [out]


def weighted(torch: Any, outs: list[Any]) -> Any:
    """A number whose derivative needs all of the outputs, each with another weight."""
    total = 0
    for i, y in enumerate(outs):
        weights = torch.tensor(np.cos(1.0 + i + np.arange(y.numel())).reshape(tuple(y.shape)), dtype=y.dtype)
        total = total + (y * weights).sum()
    return total.real if total.is_complex() else total


def outcome(torch: Any, case: Case) -> dict[str, Any]:
    """What an expression gives: dtypes, shapes, values, the entry's name, gradients of both orders; or the error.

    Second gradients that are None are zeros here: which they are depends on what is recorded of constants.
    """
    leaves = tensors(torch, case)
    moving = [t for t in leaves if t.requires_grad]
    found: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            outs = flat(evaluate(torch, case, leaves))
            tracked = [y for y in outs if hasattr(y, "requires_grad") and y.requires_grad]
            found["results"] = [_shown(y) for y in outs]
            found["entry"] = [type(y.grad_fn).__name__ for y in tracked]
            if tracked:
                gradients = torch.autograd.grad(weighted(torch, tracked), moving, create_graph=True, allow_unused=True)
                found["gradients"] = [None if g is None else _numbers(g, x) for g, x in zip(gradients, moving)]
                curved = [g for g in gradients if g is not None and g.requires_grad]
                if curved and case.sample.orders > 1:
                    again = torch.autograd.grad(weighted(torch, curved), moving, allow_unused=True)
                    found["second"] = [_numbers(g, x) for g, x in zip(again, moving)]
        except Exception as error:
            found["error"] = [_family(error), str(error).split("\n")[0]]
    return found


def _family(error: Exception) -> str:
    return "RuntimeError" if isinstance(error, RuntimeError) else type(error).__name__


def _shown(y: Any) -> Any:
    if not hasattr(y, "requires_grad"):
        return repr(y)
    return [str(y.dtype).removeprefix("torch."), list(y.shape), _numbers(y, y)]


def _numbers(t: Any, like: Any) -> list[Any]:
    if t is None:
        return [0.0] * like.numel()
    if getattr(t, "_is_zerotensor", bool)():  # PyTorch's zero without memory
        return [0.0] * t.numel()
    array = np.array(t.detach().tolist()).reshape(-1)
    return [str(z) for z in array] if array.dtype.kind == "c" else array.tolist()


@lru_cache
def stored(area: str) -> dict[str, Any]:
    return json.loads((HERE / f"{area}.json").read_text())


def differences(case: Case, found: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """What differs: keys, dtypes, shapes, errors exactly; numbers by more than the sample allows."""
    found, wanted = _with_seconds(found, wanted), _with_seconds(wanted, found)
    counts = [len(outcome.get("results", ())) for outcome in (found, wanted)]
    if list(found) != list(wanted) or found.get("error") != wanted.get("error") or counts[0] != counts[1]:
        return [f"{found}, not {wanted}"]
    differ = [f"entry: {found['entry']}, not {wanted['entry']}"] if found.get("entry") != wanted.get("entry") else []
    for i, (f, w) in enumerate(zip(found.get("results", ()), wanted.get("results", ()), strict=True)):
        if isinstance(f, str) or f[:2] != w[:2]:
            differ += [f"result {i}: {f}, not {w}"] if f != w else []
        else:
            differ += [f"result {i}: {d}" for d in far(f[2], w[2], case, f[0])]
    for key in ("gradients", "second"):
        for i, (f, w) in enumerate(zip(found.get(key, ()), wanted.get(key, ()), strict=True)):
            if f is None or w is None:
                differ += [f"{key} {i}: {f}, not {w}"] if f is not w else []
            else:
                differ += [f"{key} {i}: {d}" for d in far(f, w, case, case.dtype)]
    return differ


def _with_seconds(outcome: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Gradients that do not depend on anything may be recorded or not: as zeros, where the other has them."""
    if "second" in outcome or "second" not in other:
        return outcome
    return {**outcome, "second": [[0.0] * len(numbers) for numbers in other["second"]]}


def far(found: list[Any], wanted: list[Any], case: Case, dtype: str) -> list[str]:
    """Numbers that are further apart than the sample's allowance."""
    if len(found) != len(wanted):
        return [f"{len(found)} numbers, not {len(wanted)}"]
    f, w = (np.array([complex(n) if isinstance(n, str) else n for n in ns]) for ns in (found, wanted))
    if not dtype.startswith(("float", "complex")):
        return [] if (f == w).all() else [f"{found}, not {wanted}"]
    eps = np.finfo(dtype).eps * case.sample.ulps
    finite = np.isfinite(w)
    scale = np.abs(w[finite]).max(initial=np.finfo(dtype).tiny)
    with np.errstate(invalid="ignore"):
        near = np.abs(f - w) <= eps * np.maximum(np.abs(w), scale)
        same = (f == w) | (finite & near) | (np.isnan(w) & (np.isnan(f) | case.sample.exact))
    return [f"[{i}]: {found[i]}, not {wanted[i]}" for i in np.flatnonzero(~same)]
