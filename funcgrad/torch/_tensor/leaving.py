"""How a tensor leaves: as NumPy's memory, as Python's numbers, as a copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.torch._record.left import left
from funcgrad.torch._record.modes import mode
from funcgrad.torch._record.story import cut_again
from funcgrad.torch._record.tape import moves, on_tape
from funcgrad.torch._tensor import messages
from funcgrad.torch._tensor.exports import exports
from funcgrad.torch._tensor.views import Cutting, View

if TYPE_CHECKING:
    from funcgrad.torch._tensor.tensor import Tensor


def _gone(op: str, tensor: Any, numbers: Any) -> Any:
    """Numbers that leave, which are remembered where they may have a derivative."""
    if on_tape(tensor._read()) or tensor._cuts:
        left.remember(left.note(op, tensor), numbers)
    return numbers


def _is_cut(view: View | None) -> bool:
    return view is not None and any(isinstance(step, Cutting) for step in view.storage_steps)


class Leaving:
    """The part of `Tensor` that gives its values away."""

    def numpy(self: Any, *, force: bool = False) -> np.ndarray:
        """The memory as an ndarray. RuntimeError where it requires a gradient, unless forced (a copy)."""
        if type(force) is not bool:
            raise TypeError("force is no bool")
        value = self._read()
        asked = not force and mode.enabled
        if on_tape(value):
            if asked:
                raise messages.noted(RuntimeError(messages.NUMPY_OF_TRACKED), messages.STAY_A_TENSOR)
            return self.detach().numpy(force=force)
        if asked and isinstance(value, Tracer) and moves(value) and not _is_cut(self._view):
            raise RuntimeError(messages.NUMPY_OF_TRACKED if self.requires_grad else messages.NUMPY_OF_TRACED)
        array = self._array("`numpy()`")
        traced = isinstance(self._storage.value, Tracer)  # whose memory NumPy cannot share
        whole = array.copy() if traced else self._storage.share()
        if self._cuts:
            cuts = cut_again("numpy", self._cuts)
            exports.remember(whole, cuts)
            left.remember(cuts, None)
        out = whole if traced else self._array()
        return out if np.may_share_memory(out, whole) else out.copy()

    def __array__(self: Any, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        return array if dtype is None or array.dtype == dtype else array.astype(dtype)

    def __dlpack__(self: Any, **options: Any) -> Any:
        if self.requires_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        return self.numpy().__dlpack__(**options)

    def __dlpack_device__(self: Any) -> tuple[int, int]:
        return 1, 0

    def item(self: Any) -> Any:
        """The value as a Python number; RuntimeError unless there is exactly one element."""
        array = self._array(messages.NUMBER_OF_ONE)
        if array.size != 1:
            raise RuntimeError(f"a Tensor with {array.size} elements cannot be converted to Scalar")
        return _gone("item", self, array.item())

    def tolist(self: Any) -> Any:
        """Nested lists of Python numbers."""
        return _gone("tolist", self, self._array("`tolist()`").tolist())

    def _number(self: Any, kind: Callable[[Any], Any], c_name: str = "") -> Any:
        if self.requires_grad:
            messages.warn_once(messages.SCALAR_OF_TRACKED)
        if self.numel() != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        x = self.item()
        if isinstance(x, complex) and c_name:
            if x.imag:
                raise RuntimeError(f"value cannot be converted to type {c_name} without overflow")
            x = x.real
        return kind(x)

    def __float__(self: Any) -> float:
        return self._number(float, "double")

    def __int__(self: Any) -> int:
        return self._number(int, "int64_t")

    def __complex__(self: Any) -> complex:
        return self._number(complex)

    def __index__(self: Any) -> int:
        if self._read().dtype.kind in "fc" or self.numel() != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __bool__(self: Any) -> bool:
        array = self._array(messages.BRANCH, messages.USE_WHERE)
        if array.size != 1:
            much = "more than one value" if array.size else "no values"
            raise RuntimeError(f"Boolean value of Tensor with {much} is ambiguous")
        return bool(array.item())

    def __copy__(self: Any) -> Tensor:
        """A leaf over the same memory."""
        out = self.detach()
        if self.requires_grad:
            out._make_leaf("copy")
        return out
