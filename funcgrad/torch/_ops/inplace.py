"""Writing in place: the functional result, taken on by the tensor's memory and name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.torch._ops import select
from funcgrad.torch._record.calls import Kind, call
from funcgrad.torch._record.operands import check_broadcast, number
from funcgrad.torch._record.tape import on_tape, own_note
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.tensor import Tensor, fresh

COPY, FILL, ZERO = Kind("CopyBackwards"), Kind("FillBackward2"), Kind("Zero")


def check_output(shape: tuple[int, ...], given: tuple[int, ...]) -> None:
    """PyTorch's errors for an operand that does not fit into the tensor that is written."""
    check_broadcast(shape, given)
    whole = np.broadcast_shapes(shape, given)
    if whole != shape:
        raise RuntimeError(f"output with shape {list(shape)} doesn't match the broadcast shape {list(whole)}")


def in_place(fun: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`x.name_(...)` for `name(x, ...)`."""

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        self._check_writable()
        new = fun(self, *args, **kwargs)
        check_output(self._read().shape, new._read().shape)
        return finish(self, new)

    method.__name__ = method.__qualname__ = fun.__name__ + "_"
    method.__doc__ = f"`{fun.__name__}` in place."
    return method


def finish(x: Tensor, new: Tensor) -> Tensor:
    """Let `x` take on the result of an operation that has been computed for it."""
    value, own = new._read(), x._read()
    if on_tape(value) and value.node.note.watch:
        note = own_note(value.node)
        # the result's own version is counted up by the write that follows
        note.watch = tuple(
            w._replace(storage=x._storage, version=x._storage.version + 1) if isinstance(w.source, str) else w
            for w in note.watch or ()
            if not (w.first and w.source() is x)
        )
    if value.dtype != own.dtype:
        if dtypes.category(value.dtype) > dtypes.category(own.dtype):
            raise RuntimeError(
                f"result type {dtypes.of(value.dtype).title} can't be cast to the desired output type "
                f"{x.dtype.title}"
            )
        name = value.node.note.name if on_tape(value) else ""
        value = value.astype(own.dtype)
        if on_tape(value):
            value.node.note = Kind(name).note
    x._write(value, new._cuts)
    return x


def _constantly(kind: Kind, x: Tensor, value: Any) -> Tensor:
    """Written over: the old value's gradient is zero."""
    new = np.full(x._read().shape, dtypes.held(value, x._read().dtype))
    if on_tape(x._read()):
        return finish(x, call(kind, lambda v: fnp.where(np.False_, v, new), x))
    return finish(x, fresh(new))


def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Take on the values of another tensor."""
    self._check_writable()
    if not isinstance(src, Tensor):
        raise TypeError(f"copy_(): argument 'other' (position 1) must be Tensor, not {type(src).__name__}")
    shape, own = self._read().shape, self._read().dtype
    check_output(shape, src._read().shape)

    def copied(old: Any, new: Any) -> Any:
        if new.dtype != own:
            new = new.astype(own)
        if new.shape != shape:
            new = fnp.broadcast_to(new, shape)
        if on_tape(new):
            return fnp.where(np.True_, new, old if on_tape(old) else own.type(0))
        return (
            fnp.where(np.False_, old, new)
            if on_tape(old)
            else np.array(new)
            if isinstance(new, np.ndarray)
            else new
        )

    return finish(self, call(COPY, copied, self, src))


def fill_(self: Tensor, value: Any) -> Tensor:
    """Set all elements to a number."""
    self._check_writable()
    value = number(value)
    if isinstance(value, Tensor):
        return copy_(self, value)
    return _constantly(FILL, self, value)


def zero_(self: Tensor) -> Tensor:
    """Set all elements to zero."""
    self._check_writable()
    return _constantly(ZERO, self, 0)


def masked_fill_(self: Tensor, mask: Tensor, value: Any) -> Tensor:
    self._check_writable()
    return finish(self, select.masked_fill(self, mask, value))


def refused(name: str, missing: str) -> Callable[..., Any]:
    """A method of PyTorch's that is not here, and says so."""

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"Tensor.{name}: funcgrad.torch cannot {missing}; use the form without `_`")

    method.__name__ = name
    return method
