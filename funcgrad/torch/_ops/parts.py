"""The parts of complex numbers."""

from __future__ import annotations

from funcgrad import numpy as fnp
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call, need_tensor
from funcgrad.torch._tensor.tensor import Tensor

SELECT, CONJ = Kind("Select"), Kind("Conj")


@named(method=False)
def real(input: Tensor) -> Tensor:
    """The real part; a real tensor itself. A copy, where PyTorch's is a view."""
    need_tensor(input, "real")
    return call(SELECT, fnp.real, input) if input.is_complex() else input


@named(method=False)
def imag(input: Tensor) -> Tensor:
    """The imaginary part of a complex tensor. A copy, where PyTorch's is a view."""
    need_tensor(input, "imag")
    if not input.is_complex():
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return call(SELECT, fnp.imag, input)


@named()
def conj(input: Tensor) -> Tensor:
    """The complex conjugates; a real tensor itself."""
    need_tensor(input, "conj")
    return call(CONJ, fnp.conj, input) if input.is_complex() else input
