"""Orthogonal polynomials of torch.special, by their recurrences; as in PyTorch, not recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad import lax
from funcgrad import numpy as fnp
from funcgrad.core.trace import known
from funcgrad.torch._ops.table import named, titled
from funcgrad.torch._record.calls import NUMBERS, Kind, call
from funcgrad.torch._record.operands import check_together, no_overload, number, promote, refuse
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.tensor import Tensor

Step = Callable[[int, Any, Any, Any], Any]
"""The polynomial of degree k + 1, of k, x, and those of degrees k and k - 1."""


def _evaluated(first: Callable[[Any], Any], step: Step, x: Any, n: Any) -> Any:
    """The polynomial of degree n, a whole number, in x: 0 for negative ones."""
    before, now = fnp.ones_like(x), first(x)
    out = fnp.where(n < 0, fnp.zeros_like(x), fnp.where(n == 0, before, now))
    k = x.dtype.type(1)

    def advanced(k: Any, before: Any, now: Any, out: Any) -> tuple[Any, ...]:
        after = step(k, x, now, before)
        return k + x.dtype.type(1), now, after, fnp.where(n > k, after, out)

    degrees = known(n)
    if degrees is None:
        state = (fnp.ones_like(n), before, now, out)
        return lax.while_loop(lambda s: fnp.any(n > s[0]), lambda s: advanced(*s), state)[-1]
    while np.any(degrees > k):
        k, before, now, out = advanced(k, before, now, out)
    return out


def _chebyshev(shift: bool, first: Callable[[Any], Any]) -> tuple[Callable[[Any], Any], Step]:
    """Those of the four kinds differ in the polynomial of degree one; the shifted ones are those of 2 x - 1."""

    def at(x: Any) -> Any:
        return x + x - 1 if shift else x

    return (lambda x: first(at(x))), (lambda k, x, now, before: (at(x) + at(x)) * now - before)


def _named(name: str, doc: str, first: Callable[[Any], Any], step: Step) -> None:
    kind, kernel, title = Kind(name), f"{name}_cpu", f"special_{name}"

    def on_values(x: Any, n: Any) -> Any:
        x, n = fnp.broadcast_arrays(constant(x), fnp.trunc(constant(n)))
        return _evaluated(first, step, x, n)

    def apply(x: Any, n: Any) -> Tensor:
        x, n = number(x), number(n)
        if not any(isinstance(t, Tensor) for t in (x, n)) or not all(isinstance(t, (Tensor, *NUMBERS)) for t in (x, n)):
            raise TypeError(no_overload(title, x, n))
        check_together(x, n)
        x, n = promote(x, n, floating=True)
        tensor = x if isinstance(x, Tensor) else n
        refuse(tensor, "ce", kernel)
        dtype = tensor._read().dtype.type
        return call(kind, lambda *given: on_values(*(v if hasattr(v, "dtype") else dtype(v) for v in given)), x, n)

    line = f"{doc} of degree n; as in PyTorch, not recorded."
    named(name=name, space="special", out=True)(titled(apply, title, line))


_KINDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "t": ("first", lambda x: x),
    "u": ("second", lambda x: x + x),
    "v": ("third", lambda x: x + x - 1),
    "w": ("fourth", lambda x: x + x + 1),
}
for _letter, (_which, _first) in _KINDS.items():
    _doc = f"Chebyshev's polynomial of the {_which} kind"
    _named(f"chebyshev_polynomial_{_letter}", _doc, *_chebyshev(False, _first))
    _named(f"shifted_chebyshev_polynomial_{_letter}", f"{_doc} in 2 x - 1,", *_chebyshev(True, _first))
_named(
    "hermite_polynomial_h", "The physicists' Hermite polynomial",
    lambda x: x + x, lambda k, x, now, before: (x + x) * now - 2 * k * before,
)  # fmt: skip
_named(
    "hermite_polynomial_he", "The probabilists' Hermite polynomial",
    lambda x: x, lambda k, x, now, before: x * now - k * before,
)  # fmt: skip
_named(
    "laguerre_polynomial_l", "Laguerre's polynomial",
    lambda x: 1 - x, lambda k, x, now, before: ((2 * k + 1 - x) * now - k * before) / (k + 1),
)  # fmt: skip
_named(
    "legendre_polynomial_p", "Legendre's polynomial",
    lambda x: x, lambda k, x, now, before: ((2 * k + 1) * x * now - k * before) / (k + 1),
)  # fmt: skip
