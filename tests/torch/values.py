"""Values and gradients of every function at ordinary points and at limits, in full precision, as PyTorch has them.

`python -m tests.torch.values` writes values.json, with PyTorch installed. Numbers have all the digits that tell them
from their neighbours.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator
from functools import lru_cache
from itertools import zip_longest
from math import inf, nan
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests.torch import expressions as on

STORED = Path(__file__).with_name("values.json")
REAL = ("float64", "float32")
COMPLEX = "complex128"
INTEGERS = ("int64", "int32", "uint8", "bool")


class Case(NamedTuple):
    """An expression in `x` (and `y`) at one point."""

    expression: str
    point: tuple[Any, ...]
    dtype: str


def zero_sign(found: float, wanted: float, eps: float) -> bool:
    return found == wanted == 0


def either(*tests: Any) -> Any:
    return lambda *numbers: any(test(*numbers) for test in tests)


def nan_there(found: float, wanted: float, eps: float) -> bool:
    return wanted != wanted


def nan_here(found: float, wanted: float, eps: float) -> bool:
    return found != found


def rounding(found: float, wanted: float, eps: float) -> bool:
    return abs(found - wanted) <= 128 * eps * max(1.0, abs(wanted))


def precise(found: float, wanted: float, eps: float) -> bool:
    """PyTorch's is the worse one: it rounds what it subtracts."""
    return found != 0 and abs(found - wanted) <= 8 * eps


def underflow(found: float, wanted: float, eps: float) -> bool:
    return wanted == 0 and abs(found) < 1e-29


ZEROS = "the sign of a zero that both operands, or the quotient, give"
ELSEWHERE = "the derivative is that of the function on its domain, and NaN outside"
EXACT = "PyTorch computes inf / inf or inf * 0; the derivative exists"
ONE_PART = "in complex tensors, one part of an infinity or of 0 / 0 is NaN in one of both"
VIA_MEAN = "PyTorch leaves out the mean's part, which is zero, or NaN"
DIFFERS = {
    "torch.expm1(x)": ("y + 1 for exp(x)", rounding),
    "torch.tanh(x)": ("1 - y * y, rounded differently", rounding),
    "torch.acosh(x)": (ELSEWHERE, nan_here),
    "torch.fmod(x, y)": (ELSEWHERE, nan_here),
    "torch.fmod(x, 0)": (ELSEWHERE, nan_here),
    "torch.sigmoid(x)": ("the upper tail is computed without subtracting from 1", precise),
    "x ** 0.5": ("PyTorch takes the square root", nan_there),
    "x ** -0.5": ("PyTorch takes the square root", nan_there),
    "torch.logaddexp(x, y)": (EXACT, nan_there),
    **{f"x.{f}": ("PyTorch divides the product by the factor", either(nan_there, nan_here, underflow))
       for f in ("prod()", "prod(-1)", "cumprod(-1)", "cumprod(0)")},
    **{f"torch.logsumexp(x, {a})": ("rounded differently", rounding) for a in ("-1", "-1, keepdim=True")},
    "torch.softmax(x, -1)": ("rounded differently", rounding),
    "torch.softmax(x, 0)": ("rounded differently", rounding),
    "torch.log_softmax(x, -1)": ("rounded differently", rounding),
    "torch.log_softmax(x, 0)": ("rounded differently", rounding),
    **{f"x.copysign({n})": (EXACT, nan_there) for n in (-1.0, 0.0, -0.0)},
    "torch.copysign(x, y)": (EXACT, nan_there),
    **{f"{e}": (ZEROS, zero_sign) for e in ("x % 2", "x % -1.5", "torch.remainder(x, y)", "x.clamp(min=y)",
       "x.clamp(max=y)", "x.clamp(y, 2 * y)", "x.amax()", "x.amin()", "x.amax(-1)", "x.amin(-1)")},
    **{f"x.{f}({a})": (VIA_MEAN, either(rounding, nan_here)) for f in ("var", "std")
       for a in ("", "-1", "unbiased=False", "-1, correction=2", "0, keepdim=True", "(0, 1)")},
    **{f"x.norm({a})": ("the whole gradient is NaN where the norm is", nan_here)
       for a in ("inf", "-inf", "inf, -1", "-inf, -1")},
    **{f"x.norm({a})": (EXACT, either(rounding, nan_there)) for a in ("3", "-1", "2.5", "0.5", "3, -1, keepdim=True")},
}  # fmt: skip
COMPLEX_DIFFERS = {
    "x ** x": ("PyTorch's complex power of zero is NaN", nan_there),
    "0 ** x": ("PyTorch's complex power of zero is NaN", nan_there),
    **{f"torch.{f}(x)": (ONE_PART, either(rounding, nan_here, nan_there))
       for f in ("sqrt", "reciprocal", "rsqrt", "asin", "acos", "acosh", "sigmoid")},
    **{f"x.{f}": (ONE_PART, nan_here) for f in ("var()", "std()", "std(-1)")},
}  # fmt: skip
"""Where funcgrad.torch differs from PyTorch on purpose: why, and the numbers that may differ."""
LEFT_OUT = {
    ("torch.logsumexp(x, -1)", (1e30, 1e30)): "PyTorch's derivative is exp(x - y) with y rounded",
    ("torch.logsumexp(x, -1, keepdim=True)", (1e30, 1e30)): "PyTorch's derivative is exp(x - y) with y rounded",
    ("torch.logsumexp(x, 0)", (3 + 4j,)): "complex logarithms differ by whole turns",
    ("torch.logaddexp(x, x)", (300.0, 200.0)): "the derivative is exp(x - y) with y rounded, as JAX has it",
    ("x.norm(3)", (300.0, 200.0)): "PyTorch's derivative overflows in float16",
    ("torch.logsumexp(x, 0)", (1.0,) * 70_000): "PyTorch's derivative is exp(x - y) with y rounded",
}


def cases() -> Iterator[Case]:
    return (case for case in _all() if (case.expression, *case.point) not in LEFT_OUT)


def _all() -> Iterator[Case]:
    for dtype in REAL:
        yield from (Case(expression, (on.LINE,), dtype) for expression in on.SINGLES)
        yield from (Case(expression, on.PAIRS, dtype) for expression in on.DOUBLES)
        yield Case("x ** y", on.POWERS, dtype)
        points = (*on.VECTORS, *on.MATRICES, on.EMPTY)
        yield from (Case(expression, (point,), dtype) for expression in on.REDUCED for point in points)
        points = (on.SQUARE, *on.MATRICES)
        yield from (Case(expression, (point,), dtype) for expression in on.OF_MATRICES for point in points)
    yield from (Case(expression, (point,), COMPLEX) for expression in on.WITH_COMPLEX for point in on.COMPLEXES)
    for dtype in INTEGERS:
        yield from (Case(expression, ((0, 1, 2, 3),), dtype) for expression in on.OF_INTEGERS)
    points = ((0.3, 1.25, 2.0, 0.7), (300.0, 200.0))
    yield from (Case(expression, (point,), "float16") for expression in on.HALF for point in points)
    for dtype, count in (("float16", 70_000), ("float32", 3_000)):
        yield from (Case(expression, ((1.0,) * count,), dtype) for expression in on.MANY)


@lru_cache
def by_expression() -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for case in cases():
        found.setdefault(f"{case.expression} in {case.dtype}", []).append(case)
    return found


def outcome(torch: Any, case: Case) -> dict[str, Any]:
    """The value, its dtype and shape, and the gradients of its weighted sum; or the name of the error."""
    kind = getattr(torch, case.dtype)
    floating = kind.is_floating_point or kind.is_complex
    xs = [torch.tensor(np.array(p), dtype=kind, requires_grad=floating) for p in case.point]
    names = {"torch": torch, "inf": inf, "nan": nan, **dict(zip("xy", xs))}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            out = eval(case.expression, names)
            found: dict[str, Any] = {
                "dtype": str(out.dtype).removeprefix("torch."),
                "shape": list(out.shape),
                "value": _numbers(out),
            }
            if out.requires_grad:
                weights = np.arange(out.numel()).reshape(tuple(out.shape)) % 5 + 1.0
                out.backward(torch.tensor(weights).to(out.dtype))
                found["gradients"] = [None if x.grad is None else _numbers(x.grad) for x in xs]
    except (RuntimeError, IndexError, TypeError, ValueError, NotImplementedError) as error:
        return {"error": _family(error)}
    return found


def _family(error: Exception) -> str:
    return "IndexError" if isinstance(error, IndexError) else "error"


def _numbers(t: Any) -> str:
    array = t.detach().resolve_conj().numpy() if hasattr(t, "resolve_conj") else t.detach().numpy()
    flat = np.asarray(array).reshape(-1)
    if len(flat) > 1000 and (flat == flat[0]).all():
        flat = flat[:1]
    if flat.dtype.kind == "c":
        return " ".join(f"{z.real},{z.imag}" for z in flat)
    return " ".join(map(str, flat))


@lru_cache
def stored() -> dict[str, Any]:
    return json.loads(STORED.read_text())


def differences(case: Case, found: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """What differs by more than rounding, and not on purpose."""
    differ = [
        f"{key}: {found.get(key)}, not {wanted.get(key)}"
        for key in ("error", "dtype", "shape")
        if found.get(key) != wanted.get(key)
    ]
    if differ or "error" in wanted:
        return differ
    exact = wanted["dtype"] in ("bool", "uint8", "int32", "int64")
    eps, tiny = (
        (0.0, 0.0) if exact else (float(x) for x in (np.finfo(wanted["dtype"]).eps, np.finfo(wanted["dtype"]).tiny))
    )

    on_purpose = (COMPLEX_DIFFERS if case.dtype == COMPLEX else DIFFERS).get(case.expression)

    def same(f: str, w: str, signed: bool) -> bool:
        if f == w:
            return True
        return not exact and all(close(a, b, signed) for a, b in zip(_parts(f), _parts(w)))

    def close(f: float, w: float, signed: bool) -> bool:
        if on_purpose is not None and on_purpose[1](f, w, eps):
            return True
        if f == w == 0 and signed and case.dtype in REAL:
            return math.copysign(1, f) == math.copysign(1, w)
        return f == w or (f != f and w != w) or abs(f - w) <= 4 * eps * max(abs(w), tiny)

    for what, fs, ws in _lists(found, wanted):
        if len(fs) != len(ws):
            differ.append(f"{what}: {len(fs)} numbers, not {len(ws)}")
        else:
            differ += [
                f"{what}[{i}]: {f}, not {w}" for i, (f, w) in enumerate(zip(fs, ws)) if not same(f, w, what == "value")
            ]
    return differ


def _lists(found: dict[str, Any], wanted: dict[str, Any]) -> Iterator[tuple[str, list[str], list[str]]]:
    yield "value", found["value"].split(), wanted["value"].split()
    for i, (f, w) in enumerate(zip_longest(found.get("gradients") or [], wanted.get("gradients") or [])):
        zeros = ["0.0"] * len((f or w or "").split())  # PyTorch has no gradient where it is known to be zero
        yield f"gradient {i}", f.split() if f else zeros, w.split() if w else zeros


def _parts(number: str) -> list[float]:
    return [float(part) for part in number.split(",")]


if __name__ == "__main__":
    import torch

    table = {name: [outcome(torch, case) for case in group] for name, group in by_expression().items()}
    STORED.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in table.items()) + "\n}\n")
