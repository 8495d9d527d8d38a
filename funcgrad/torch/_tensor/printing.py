"""How tensors print: as PyTorch prints them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.torch._record.tape import name_of, on_tape, raw
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.overrides import is_written

PROFILES: dict[str | None, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}


class Options:
    """What `set_printoptions` sets."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


options = Options()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """How tensors print: digits, from how many elements on not all of them, how many then, width, and the notation.

    `profile` is "default", "short" or "full". `sci_mode` is whether with exponents, None where the numbers decide.
    """
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    chosen = {**PROFILES.get(profile, {}), **{name: x for name, x in given.items() if x is not None}}
    for name, x in (*chosen.items(), ("sci_mode", sci_mode)):
        setattr(options, name, x)


class _Format:
    """How to write each element of one array: all in one width."""

    def __init__(self, shown: np.ndarray) -> None:
        self.kind = shown.dtype.kind
        self.whole = self.scientific = False
        flat = shown.reshape(-1)
        if self.kind == "f":
            flat = flat[np.isfinite(flat) & (flat != 0)]
            self._choose(flat)
        self.width = max((len(self.plain(x)) for x in flat), default=1)

    def _choose(self, numbers: np.ndarray) -> None:
        """Whole numbers without digits; very unequal, large or small ones with an exponent."""
        if not numbers.size:
            self.whole = True
            return
        sizes = np.abs(numbers).astype(np.float64)
        high, low = sizes.max(), sizes.min()
        self.whole = bool(np.all(numbers == np.ceil(numbers)))
        unequal = high / low > 1000.0 or high > 1e8 or low < 1e-4
        self.scientific = unequal if options.sci_mode is None else options.sci_mode

    def plain(self, x: Any) -> str:
        if self.kind != "f":
            return str(bool(x)) if self.kind == "b" else str(int(x))
        value = float(x)
        if self.scientific:
            return f"{value:.{options.precision}e}"
        if self.whole:
            return f"{value:.0f}" + ("." if math.isfinite(value) else "")
        return f"{value:.{options.precision}f}"

    def __call__(self, x: Any) -> str:
        return self.plain(x).rjust(self.width)


class _ComplexFormat:
    def __init__(self, shown: np.ndarray) -> None:
        self.real, self.imag = _Format(shown.real), _Format(shown.imag)
        # both parts take the wider choice of notation that either needs
        self.width = self.real.width + self.imag.width + 1

    def __call__(self, x: Any) -> str:
        imag = self.imag(x.imag).lstrip()
        return self.real(x.real) + ("" if imag[0] == "-" else "+") + imag + "j"


def _shown(array: np.ndarray, short: bool) -> np.ndarray:
    """The elements that are written out."""
    edge = options.edgeitems
    if short:
        for axis, n in enumerate(array.shape):
            if n > 2 * edge:
                array = np.take(array, [*range(edge), *range(n - edge, n)], axis)
    return array


def _body(array: np.ndarray, indent: int, short: bool, write: Any) -> str:
    if array.ndim == 0:
        return write(array[()])
    edge = options.edgeitems
    cut = short and array.shape[0] > 2 * edge
    if array.ndim == 1:
        per_line = max(1, (options.linewidth - indent) // (write.width + 2))
        items = (
            [write(x) for x in array[:edge]] + [" ..."] + [write(x) for x in array[-edge:]]
            if cut
            else list(map(write, array))
        )
        lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    rows = [*array[:edge], None, *array[-edge:]] if cut else list(array)
    parts = ["..." if row is None else _body(row, indent + 1, short, write) for row in rows]
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(parts) + "]"


def _suffixes(t: Any, array: np.ndarray) -> list[str]:
    found = []
    plain = (dtypes.default(), np.int64, np.bool_, dtypes.of_number(1j))
    if not array.size and array.shape != (0,):
        found.append(f"size={tuple(array.shape)}")
    if array.dtype not in plain or (not array.size and array.dtype != dtypes.default()):
        found.append(f"dtype={dtypes.of(array.dtype)}")
    value = t._read()
    if on_tape(value):
        if value.node.prim is None:
            found.append("requires_grad=True")
        else:
            found.append(f"grad_fn=<{_entry_name(t, value.node)}>")
    return found


def _entry_name(t: Any, node: Any) -> str:
    try:
        t._check_entry()
    except RuntimeError:
        return "Invalid"
    return name_of(node)


def text(t: Any) -> str:
    """`repr(t)`"""
    value = raw(t._read())
    if isinstance(value, Tracer):
        return f"tensor({value!r})"
    array = np.asarray(value)
    name = type(t).__name__ if is_written(type(t)) else "tensor"
    indent = len(name) + 1
    if array.size:
        short = array.size > options.threshold
        shown = _shown(array, short)
        write = _ComplexFormat(shown) if array.dtype.kind == "c" else _Format(shown)
        out = f"{name}(" + _body(array, indent, short, write)
    else:
        out = f"{name}([]"
    last = len(out) - out.rfind("\n") + 1
    for suffix in _suffixes(t, array):
        if last + len(suffix) + 2 > options.linewidth:
            out += ",\n" + " " * indent + suffix
            last = indent + len(suffix)
        else:
            out += ", " + suffix
            last += len(suffix) + 2
    return out + ")"
