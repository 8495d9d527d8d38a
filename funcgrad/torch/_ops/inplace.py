"""Writing in place: the functional result, taken on by the tensor's memory and name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.core.frames import hide
from funcgrad.core.warned import warn
from funcgrad.torch._ops import shape as shaping
from funcgrad.torch._ops.table import admitted, other_call
from funcgrad.torch._record.calls import NUMBERS, Kind, call, cuts_of
from funcgrad.torch._record.modes import mode, quietly
from funcgrad.torch._record.operands import check_broadcast, number, tensors_in
from funcgrad.torch._record.tape import on_tape, own_note, raw
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.messages import warn_once
from funcgrad.torch._tensor.overlaps import check_between, check_within, is_repeated
from funcgrad.torch._tensor.overrides import Fitting, dispatched, overriding, public, state
from funcgrad.torch._tensor.storage import Storage, scope
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch._tensor.views import Elements, Flat, Part, Shaped, View

COPY, FILL, ZERO = Kind("CopyBackwards"), Kind("FillBackward2"), Kind("Zero")
COMPARISONS = {
    name: (Kind(f"{name.title()}Backward0"), Kind(f"{name.title()}Backward1"))
    for name in ("eq", "ne", "lt", "le", "gt", "ge")
}
"""With a number, and with a tensor. The gradient of what they write over is zero; through logical operations in place
it passes, as in PyTorch."""
MAY_OVERLAP = ("masked_fill", "masked_scatter", "index_fill")
"""What these write PyTorch does not compare with what they read."""
OF_EXPANDED = (
    "Use of {}_ on expanded tensors is deprecated. Please clone() the tensor before performing this operation. This "
    "also applies to advanced indexing e.g. tensor[{}] = {}"
)
FILLS = ("masked_fill", "index_fill")
"""These set elements to one number, so that they may share memory."""


TENSORS = ("add", "div", "divide", "floor_divide", "mul", "multiply", "sub", "subtract", "true_divide")
EITHER = (
    *("eq", "ne", "lt", "le", "gt", "ge", "not_equal", "less", "less_equal", "greater", "greater_equal"),
    *("bitwise_and", "bitwise_or", "bitwise_xor", "copysign", "float_power", "fmod", "masked_fill", "pow", "remainder"),
)
"""Names of which PyTorch's full ones say that they take a tensor: always, or where it is none."""


def full_name(name: str, args: tuple[Any, ...]) -> str:
    """An operation in place as PyTorch's errors call it."""
    if name in TENSORS:
        return f"{name}_.Tensor"
    if name in EITHER:
        return f"{name}_.{'Tensor' if args and isinstance(args[-1], Tensor) else 'Scalar'}"
    return f"{name}_"


def check_output(shape: tuple[int, ...], given: tuple[int, ...]) -> None:
    """PyTorch's errors for an operand that does not fit into the tensor that is written."""
    check_broadcast(shape, given)
    whole = np.broadcast_shapes(shape, given)
    if whole != shape:
        raise RuntimeError(f"output with shape {list(shape)} doesn't match the broadcast shape {list(whole)}")


def in_place(fun: Callable[..., Tensor], called: str = "") -> Callable[..., Tensor]:
    """`x.name_(...)` for `name(x, ...)`; `called` by another name in errors."""
    called = called or fun.__name__ + "_"
    checks, fills = fun.__name__ not in MAY_OVERLAP, fun.__name__ in FILLS

    fitting = Fitting()

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        try:
            kinds = (*map(type, args), *kwargs, *map(type, kwargs.values()))
            if kinds not in fitting.kinds:
                found = overriding((self, *args, *kwargs.values()))
                if found and not state.off:
                    return dispatched(public("Tensor", called), found, (self, *args), kwargs)
                kinds = () if found else kinds
                (_, *args), kwargs = admitted("Tensor", called, (self, *args), kwargs, fitting, kinds)
            self._check_writable(full_name(fun.__name__, (*args, *kwargs.values())) if scope.derives else "", fills)
            if checks:
                for other in tensors_in((*args, *kwargs.values())):
                    check_between(self, other)
            try:
                saver = mode.saver
                new = fun(self, *args, **kwargs) if saver is None else saver.writing(self, fun, args, kwargs)
            except NotImplementedError:
                _check_fits(self, (*args, *kwargs.values()))
                raise
            except Exception as error:
                instead = other_call(error, fun, "Tensor", called, (self, *args), kwargs)
                if instead is None:
                    raise
                new = instead()
            if fun.__name__ in COMPARISONS and mode.enabled and self.requires_grad:
                kind = COMPARISONS[fun.__name__][isinstance((*args, *kwargs.values())[0], Tensor)]
                answers = new._read().astype(self._read().dtype)
                new = call(kind, lambda v: fnp.where(np.False_, v, answers), self)
            if fills and is_repeated(self):
                warn(OF_EXPANDED.format(fun.__name__, "mask", "scalar"))
                return _fill_repeated(self, new)
            return finish(self, new)
        except Exception as error:
            hide(error)
            raise

    method.__name__ = method.__qualname__ = fun.__name__ + "_"
    method.__doc__ = f"`{fun.__name__}` in place."
    return method


def _check_fits(x: Tensor, others: Iterable[Any]) -> None:
    """PyTorch's error for a result that the tensor cannot hold, which comes before that for a missing kernel."""
    operands = [y for y in map(number, others) if isinstance(y, Tensor) or type(y) in NUMBERS]
    common = dtypes.result_type(x._read(), *(y._read() if isinstance(y, Tensor) else y for y in operands))
    if dtypes.category(common) > dtypes.category(x._read().dtype):
        raise cannot_hold(x, common)


def cannot_hold(x: Tensor, dtype: np.dtype) -> RuntimeError:
    return RuntimeError(
        f"result type {dtypes.of(dtype).title} can't be cast to the desired output type {x.dtype.title}"
    )


def finish(x: Tensor, new: Tensor) -> Tensor:
    """Let `x` take on the result of an operation that has been computed for it."""
    value, shape, dtype = new._read(), x._read().shape, x._read().dtype
    if value.shape != shape:
        check_output(shape, value.shape)
    if on_tape(value) and value.node.note.watch:
        note = own_note(value.node)
        # the result's own version is counted up by the write that follows
        note.watch = tuple(
            w._replace(storage=x._storage, version=x._storage.version + 1) if isinstance(w.source, str) else w
            for w in note.watch or ()
            if not (w.first and w.source() is x)
        )
    if value.dtype != dtype:
        if dtypes.category(value.dtype) > dtypes.category(dtype):
            raise cannot_hold(x, value.dtype)
        name = value.node.note.name if on_tape(value) else ""
        value = value.astype(dtype)
        if on_tape(value):
            value.node.note = Kind(name).note
    x._write(value, new._cuts)
    return x


def _fill_repeated(x: Tensor, new: Tensor) -> Tensor:
    """Set the elements that have become others, each wherever its memory is seen."""
    value, old = new._read(), x._read()
    if not x._writes_plainly(value):
        check_within(x)
    changed = np.nonzero((value != old) & ((value == value) | (old == old)))
    x._write_memory(value[changed], new._cuts, Elements(changed))
    return x


def _constantly(kind: Kind, x: Tensor, value: Any) -> Tensor:
    """Written over: the old value's gradient is zero."""
    held = dtypes.held(value, x._read().dtype)
    if x._writes_plainly(held):
        x._write_memory(held, ())
        return x
    new = np.full(x._read().shape, held)
    if on_tape(x._read()):
        return finish(x, call(kind, lambda v: fnp.where(np.False_, v, new), x))
    return finish(x, fresh(new))


def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Take on the values of another tensor."""
    self._check_writable()
    if isinstance(src, (int, float, complex)):
        return _constantly(FILL, self, src)
    if not isinstance(src, Tensor):
        raise TypeError(f"copy_(): argument 'other' (position 1) must be Tensor, not {type(src).__name__}")
    shape, own = self._read().shape, self._read().dtype
    check_between(self, src)
    check_output(shape, src._read().shape)
    given = raw(src._read()) if not mode.enabled else src._read()
    if own.kind != "c" == given.dtype.kind:
        warn_once("Casting complex values to real discards the imaginary part")
    if self._writes_plainly(given):
        self._write_memory(given.real if own.kind != "c" == given.dtype.kind else given, cuts_of((src,)))
        return self

    def fitted(new: Any) -> Any:
        if new.dtype != own:
            new = (new.real if own.kind != "c" == new.dtype.kind else new).astype(own)
        return new if new.shape == shape else fnp.broadcast_to(new, shape)

    base = self._base
    if base is not None and (on_tape(given) or base.requires_grad) and mode.enabled:
        for t in (self, src):
            t._check_entry()
        self._write(quietly(fitted, given), cuts_of((self, src)), src)  # the write itself is an entry
        return self

    def copied(old: Any, new: Any) -> Any:
        new = fitted(new)
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
    self._check_writable("fill_.Tensor" if isinstance(value, Tensor) else "fill_.Scalar", repeated=True)
    value = number(value)
    if isinstance(value, Tensor):
        if value.dim():
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.dim()} dimensions."
            )
        return copy_(self, value)
    return _constantly(FILL, self, value)


def zero_(self: Tensor) -> Tensor:
    """Set all elements to zero."""
    self._check_writable("zero_", repeated=True)
    return _constantly(ZERO, self, 0)


def reshaped(fun: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`x.name_(...)` for a `name` that gives a view: the tensor becomes that view of its memory."""

    def method(self: Tensor, *args: Any, **options: Any) -> Tensor:
        self._check_writable(method.__name__)
        if on_tape(self._read()) and not mode.enabled:
            raise NotImplementedError(
                f"use the form without `_`: {method.__name__} of a tensor that requires grad, while recording is off"
            )
        is_view = self._is_view()
        seen = fun(self, *args, **options)
        assert seen._view is not None
        if on_tape(seen._value):
            note = own_note(seen._value.node)
            operation, _, form = note.name.partition("Backward")
            note.name = f"{operation}Backward{int(form) + (3 if operation == 'Squeeze' else 1)}"
        self._value, self._seen = seen._value, seen._seen
        self._view = seen._view if is_view else seen._view.apart()
        self._storage.count()
        self._view.version = self._storage.version
        return self

    method.__name__ = method.__qualname__ = fun.__name__ + "_"
    method.__doc__ = f"`{fun.__name__}` in place."
    return method


t_, transpose_, swapaxes_ = reshaped(shaping.t), reshaped(shaping.transpose), reshaped(shaping.transpose)
swapdims_ = swapaxes_
squeeze_, unsqueeze_ = reshaped(shaping.squeeze), reshaped(shaping.unsqueeze)


def set_(self: Tensor, source: Tensor) -> Tensor:
    """Take on the memory, the sizes and the strides of another tensor."""
    if not isinstance(source, Tensor):
        raise TypeError(f"set_(): argument 'source' must be Tensor, not {type(source).__name__}")
    if source.dtype is not self.dtype:
        raise RuntimeError(
            f"Could not set tensor of type {source.dtype.short} to a tensor of type {self.dtype.short}"
        )
    if self.requires_grad or source.requires_grad:
        raise NotImplementedError("Tensor.set_ of a tensor that requires grad; assign to its .data")
    self._storage, self._seen, self._value = source._storage, source._seen, source._value
    self._view = None if source._view is None else source._view.apart()
    self._storage.count()
    return self


def resize_(self: Tensor, *sizes: Any) -> Tensor:
    """Other sizes over the same memory, in the order it has; zeros where that is too small."""
    if self.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    full = shaping.sizes_of(sizes)
    if any(n < 0 for n in full):
        raise RuntimeError("numel: integer multiplication overflow")
    memory = np.asarray(self._storage.value).reshape(-1)
    first, count = self.storage_offset(), math.prod(full)
    if memory.size < first + count:
        memory = np.concatenate([memory[first:], np.zeros(first + count - memory.size, memory.dtype)])
        self._storage, first = Storage(memory), 0
    self._view = View((Flat(), Part((slice(first, first + count),)), Shaped(full)), None, ())
    self._storage.count()
    self._refresh()
    return self


def resize_as_(self: Tensor, other: Tensor) -> Tensor:
    """`resize_` to the sizes of another tensor."""
    return resize_(self, other.shape)
