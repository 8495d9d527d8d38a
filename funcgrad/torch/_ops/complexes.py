"""Complex numbers: their parts, and making them of parts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from funcgrad import lax
from funcgrad import numpy as fnp
from funcgrad.torch._ops import kinks
from funcgrad.torch._ops.arity import unary
from funcgrad.torch._ops.kinks import flat
from funcgrad.torch._ops.memory_order import like_first, lying
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call, need_tensor, view
from funcgrad.torch._record.composed import composite
from funcgrad.torch._record.operands import check_broadcast, need_tensors, refuse
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.tensor import Tensor

SELECT, VIEW_AS_REAL, VIEW_AS_COMPLEX = Kind("Select", "-"), Kind("ViewAsReal"), Kind("ViewAsComplex")
CONJ, CONJ_PHYSICAL = Kind("Conj"), Kind("ConjPhysical")


def _both(v: Any) -> Any:
    if isinstance(v, np.ndarray):
        part = v.real
        return np.lib.stride_tricks.as_strided(part, (*part.shape, 2), (*part.strides, part.itemsize))
    return fnp.stack([fnp.real(v), fnp.imag(v)], -1)


def _joined(v: Any) -> Any:
    if isinstance(v, np.ndarray) and v.strides[-1] == v.itemsize:
        return v.view(np.result_type(v.dtype, np.complex64))[..., 0]
    return lax.complex(v[..., 0], v[..., 1])


@named(method=False)
def real(input: Tensor) -> Tensor:
    """The real parts, as a view; of real numbers, the tensor itself."""
    need_tensor(input, "real")
    return _part(input, 0, fnp.real) if input.is_complex() else input


def _part(input: Tensor, place: int, fun: Callable[[Any], Any]) -> Tensor:
    """A view that PyTorch takes in two steps."""

    def composed(t: Tensor) -> Tensor:
        return view(view_as_real(t), SELECT, lambda v: v[..., place])

    return composite(composed, partial(view, kind=SELECT, step=fun), input)


@named(method=False)
def imag(input: Tensor) -> Tensor:
    """The imaginary parts of complex numbers, as a view."""
    need_tensor(input, "imag")
    if not input.is_complex():
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return _part(input, 1, fnp.imag)


@named(method=False)
def view_as_real(input: Tensor) -> Tensor:
    """A view with a last dimension of the two parts."""
    need_tensor(input, "view_as_real")
    if not input.is_complex():
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return view(input, VIEW_AS_REAL, _both)


@named(method=False)
def view_as_complex(input: Tensor) -> Tensor:
    """A view of complex numbers, whose parts are in the last dimension."""
    need_tensor(input, "view_as_complex")
    if not input.is_floating_point():
        raise RuntimeError(
            "view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: "
            f"{input.dtype.title}"
        )
    if not input.dim():
        raise RuntimeError("Input tensor must have one or more dimensions")
    if input.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    return view(input, VIEW_AS_COMPLEX, _joined)


@named()
def conj(input: Tensor) -> Tensor:
    """Conjugates; of real numbers, the tensor itself."""
    need_tensor(input, "conj")
    return call(CONJ, fnp.conj, input) if input.is_complex() else input


@named(writes=True, out=True)
def conj_physical(input: Tensor) -> Tensor:
    """As `conj`."""
    need_tensor(input, "conj_physical")
    return call(CONJ_PHYSICAL, fnp.conj, input) if input.is_complex() else input


def _angle(v: Any) -> Any:
    return kinks.angle(v) if v.dtype.kind == "c" else flat(_half_turns, v)


def _half_turns(v: Any) -> Any:
    turned = fnp.where(fnp.less(v, 0), v.dtype.type(np.pi), v.dtype.type(0))
    return fnp.where(fnp.isnan(v), v, turned)


angle = unary(
    "angle", _angle, "x=", in_place=False,
    doc="Angles of complex numbers; of real ones 0, or pi where they are negative.",
)  # fmt: skip


def _parts(x: Any, y: Any, function: str, names: tuple[str, str]) -> None:
    need_tensors(function, **dict(zip(names, (x, y))))
    if not (x.is_floating_point() and y.is_floating_point()):
        raise RuntimeError(
            "Expected both inputs to be Half, Float or Double tensors but got "
            f"{x.dtype.title} and {y.dtype.title}"
        )
    if x.dtype is not y.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {x.dtype.title} but got scalar type {y.dtype.title} for second argument"
        )
    check_broadcast(x.shape, y.shape)


def _turned(size: Any, at: Any) -> Any:
    return lax.complex(fnp.multiply(size, fnp.cos(at)), fnp.multiply(size, fnp.sin(at)))


def _turned_read(keep: Any, size: Any, at: Any) -> Any:
    """Linear in both, of the result that was saved."""
    found = keep(_turned(constant(size), constant(at)))
    return fnp.add(fnp.multiply(kinks.sgn(found), size), fnp.multiply(fnp.multiply(found, 1j), at))


COMPLEX, POLAR = Kind("Complex", "yx"), Kind("Polar", "r", reads=_turned_read)


@named(method=False, out=True)
@lying(like_first)
def complex(real: Tensor, imag: Tensor) -> Tensor:
    """real + 1j * imag"""
    _parts(real, imag, "complex", ("real", "imag"))
    if real._read().dtype == np.float16:
        raise NotImplementedError("complex(): NumPy has no complex32; convert the parts with .float() first")
    return call(COMPLEX, lambda re, im: lax.complex(*fnp.broadcast_arrays(re, im)), real, imag)


@named(method=False, out=True)
def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """abs * exp(1j * angle)"""
    _parts(abs, angle, "polar", ("abs", "angle"))
    refuse(abs, "e", "polar_cpu")
    return call(POLAR, _turned, abs, angle)
