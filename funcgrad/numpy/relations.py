"""What the results of NumPy's functions are to their arguments: views, the arguments themselves, or arrays apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from funcgrad.core.buffers import Buffer, held
from funcgrad.core.trace import Tracer
from funcgrad.ops.views import BY_LAYOUT, FIXED, READ_ONLY, contiguous, fortran, gridded, note, subscripted

VIEWS: frozenset[Any] = frozenset((
    *BY_LAYOUT, *READ_ONLY, np.einsum, np.transpose, np.permute_dims, np.swapaxes, np.moveaxis, np.rollaxis,
    np.matrix_transpose, np.linalg.matrix_transpose, np.squeeze, np.expand_dims, np.flip, np.fliplr, np.flipud,
    np.rot90, np.split, np.array_split, np.hsplit, np.vsplit, np.dsplit, np.unstack, np.real, np.imag,
))  # fmt: skip
"""Functions that give views of their first argument."""
LAID_OUT = {np.ascontiguousarray: contiguous, np.asfortranarray: fortran}
"""Functions that NumPy lets no traced value take over, and what does the same here."""
EACH: frozenset[Any] = frozenset((np.atleast_1d, np.atleast_2d, np.atleast_3d, np.broadcast_arrays))
"""Functions that give a view of each argument."""
ITSELF: frozenset[Any] = frozenset(
    (np.asarray, np.asanyarray, np.asarray_chkfinite, np.require, np.real_if_close, np.nan_to_num, np.trim_zeros)
)
"""Functions that may return an array as it is, or as it is indexed."""


def relation(function: Any) -> Callable[[tuple[Any, ...], Mapping[str, Any], Any], Any]:
    """How what a function of NumPy's returns shares memory with its arguments: `(args, kwargs, result) -> result`."""
    if function in ITSELF:
        return lambda args, kwargs, out: out
    if function is np.broadcast_arrays:
        return _broadcast
    if function is np.einsum:
        return _of_einsum
    if function in EACH:
        return lambda args, kwargs, out: _each(function, args, out)
    if function is np.diag:
        return _of_diag
    if function is np.meshgrid:
        return _of_meshgrid
    if function is np.real:
        return _of_real
    if function is np.imag:
        return _of_imag
    if function in LAID_OUT:
        return lambda args, kwargs, out: _laid_out(function, args, kwargs, out)
    if function in VIEWS:
        return lambda args, kwargs, out: _views(function, args, kwargs, out)
    return _apart


def _each(function: Any, args: tuple[Any, ...], out: Any) -> Any:
    if not isinstance(out, (tuple, list)):
        return note(args[0], out, function)
    return type(out)([note(a, y, function) for a, y in zip(args, out)])


def _broadcast(args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> Any:
    return type(out)([note(a, y, np.broadcast_to, (y.shape,)) for a, y in zip(args, out)])


def _laid_out(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> Any:
    same = isinstance(args[0], Tracer) and args[0].dtype == out.dtype
    return note(args[0], out, LAID_OUT[function]) if same else _apart(args, kwargs, out)


def _of_einsum(args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> Any:
    if len(args) != 2 or type(args[0]) is not str:
        return _apart(args, kwargs, out)
    return note(args[1], out, subscripted, args[:1])


def _of_meshgrid(args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> Any:
    if kwargs.get("copy", True):
        return _apart(args, kwargs, out)
    places = list(range(len(args)))
    if kwargs.get("indexing", "xy") == "xy":
        places[:2] = places[:2][::-1]
    units = [tuple([np.size(x) if i == place else 1 for i in range(len(args))]) for place, x in zip(places, args)]
    return type(out)([note(x, y, gridded, (unit, y.shape)) for unit, x, y in zip(units, args, out)])


def _of_real(args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> Any:
    return _views(np.real, args, kwargs, out) if np.iscomplexobj(args[0]) else args[0]


def _of_imag(args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> Any:
    if np.iscomplexobj(args[0]) or not isinstance(out, Tracer):
        return _views(np.imag, args, kwargs, out)
    out = out.snapshot() if type(out) is not Buffer else out
    out._place = FIXED
    return out


def _of_diag(args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> Any:
    return _views(np.diag, args, kwargs, out) if out.ndim == 1 else _apart(args, kwargs, out)


def _views(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> Any:
    base, *rest = args
    if not isinstance(out, (tuple, list)):
        return note(base, out, function, tuple(rest), kwargs)
    return type(out)([note(base, y, function, tuple(rest), kwargs, index) for index, y in enumerate(out)])


def _apart(args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> Any:
    """A result that shares no memory: where an implementation hands an argument or a view through, NumPy copies."""
    if isinstance(out, Tracer):
        if out._place:
            return out.snapshot()
        for a in args:
            if a is out or held(a) is out:
                return out.snapshot()
        return out
    if type(out) is tuple or type(out) is list:
        return type(out)([_apart(args, kwargs, y) for y in out])
    return out
