"""Complex tensors of real ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad import lax
from funcgrad import numpy as fnp
from funcgrad.torch._ops import kinks
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call, need_tensor
from funcgrad.torch._record.operands import check_broadcast
from funcgrad.torch._tensor.tensor import Tensor

COMPLEX, POLAR = Kind("Complex"), Kind("Polar", "xy")


def _broadcast(first: Tensor, second: Tensor, function: str) -> tuple[int, ...]:
    """The common shape of two tensors of one real dtype."""
    need_tensor(first, function)
    kinds = first.dtype, second.dtype
    if any(k.numpy.kind != "f" for k in kinds):
        raise RuntimeError(
            f"Expected both inputs to be Half, Float or Double tensors but got {kinds[0].title} and {kinds[1].title}"
        )
    if kinds[0] is not kinds[1]:
        raise RuntimeError(
            f"Expected object of scalar type {kinds[0].title} but got scalar type {kinds[1].title} for second argument"
        )
    if kinds[0].itemsize == 2:
        raise NotImplementedError(f"{function}() of float16: there is no complex32; write x.float()")
    check_broadcast(first.shape, second.shape)
    return np.broadcast_shapes(first.shape, second.shape)


@named(method=False)
def complex(real: Tensor, imag: Tensor) -> Tensor:
    """Complex numbers of their real and imaginary parts."""
    shape = _broadcast(real, imag, "complex")
    return call(COMPLEX, lambda a, b: lax.complex(fnp.broadcast_to(a, shape), fnp.broadcast_to(b, shape)), real, imag)


@named(method=False)
def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """Complex numbers of their absolute values and angles."""
    shape = _broadcast(abs, angle, "polar")

    def made(r: Any, phi: Any) -> Any:
        r, phi = fnp.broadcast_to(kinks.signed_size(r), shape), fnp.broadcast_to(phi, shape)
        return lax.complex(fnp.multiply(r, fnp.cos(phi)), fnp.multiply(r, fnp.sin(phi)))

    return call(POLAR, made, abs, angle)
