"""The methods and operators of Tensor: the table's functions, with the tensor as first argument."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad.core.frames import hide, hides, hiding
from funcgrad.core.trace import Tracer
from funcgrad.torch._ops import (
    branches,
    compare,
    complexes,
    copies,
    counts,
    create,
    differences,
    distances,
    draws,
    einsum,
    extremes,
    fft,
    frames,
    gather,
    grids,
    inplace,
    inspect,
    join,
    legacy,
    memory,
    parts,
    pointwise,
    polynomials,
    products,
    quantiles,
    random,
    ranges,
    reduce,
    rejection,
    scatter,
    segments,
    select,
    shape,
    special,
    statistics,
    steps,
    sums,
)
from funcgrad.torch._ops import index as indexing
from funcgrad.torch._ops.inplace import in_place
from funcgrad.torch._ops.linalg import chains, ldl, lowrank, lstsq, lu, norms, older, spectra, systems
from funcgrad.torch._ops.memory_order import check_rank, formatted
from funcgrad.torch._ops.table import ROWS, called_as, guarded, refused_late, titled
from funcgrad.torch._pass import backward, gradfn, hooks
from funcgrad.torch._record.calls import call
from funcgrad.torch._record.operands import TO_COPY, cast, check_broadcast, is_operand, number
from funcgrad.torch._record.tape import raw
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.devices import NO_CUDA, Device, used
from funcgrad.torch._tensor.formats import preserve_format
from funcgrad.torch._tensor.tensor import Tensor


def _method(name: str, function: Any) -> None:
    setattr(Tensor, name, function)


def _checked(name: str, function: Any) -> None:
    """A method whose arguments are refused in PyTorch's words."""
    setattr(Tensor, name, guarded(function, "Tensor", name))


def _constructed(self: Any, *data: Any, device: Any = None) -> None:
    made = legacy.constructed(data, dtypes.get_default_dtype(), device, any_dtype=True)
    self.__dict__.update(made.__dict__)


_method("__init__", _constructed)
ROOMS = (
    create, ranges, random, draws, rejection, inspect, pointwise, steps, complexes, special, polynomials, compare,
    select, reduce, extremes, quantiles, statistics, differences, counts, shape, parts, copies, join, grids, gather,
    scatter, segments, products, sums, distances, einsum, systems, lstsq, lu, ldl, spectra, norms, chains, lowrank,
    older, fft, frames, memory, branches,
)  # fmt: skip
"""Where the rows are, in the order of the docs."""

for _row in ROWS.values():
    for _name in _row.names:
        if _row.is_method:
            _method(_name, called_as(_row, "Tensor", _name))
        if _row.in_place:
            _method(_name + "_", in_place(_row.unguarded, _name + "_"))
IN_PLACE = "copy_ fill_ zero_ t_ transpose_ swapaxes_ squeeze_ unsqueeze_ swapdims_ set_ resize_ resize_as_"
for _name in IN_PLACE.split():
    _checked(_name, getattr(inplace, _name))
_method("backward", backward.tensor_backward)
_method("register_hook", hooks.register_hook)
_method("register_post_accumulate_grad_hook", hooks.register_post_accumulate_grad_hook)
_method("grad_fn", property(gradfn.tensor_grad_fn))
_method("output_nr", property(gradfn.output_nr))
_checked("view", shape.view_as_shape)


def _where(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    return select.where(condition, self, other)


def _view_as(self: Tensor, other: Tensor) -> Tensor:
    return shape.view_as_shape(self, other.shape)


def _reshape_as(self: Tensor, other: Tensor) -> Tensor:
    return shape.reshape(self, other.shape)


def _expand_as(self: Tensor, other: Tensor) -> Tensor:
    return shape.expand(self, other.shape)


_checked("where", _where)
_checked("view_as", _view_as)
_checked("reshape_as", _reshape_as)
_checked("expand_as", _expand_as)
_method("T", property(shape.reversed_dims))
_method("mT", property(shape.matrix_transposed))
_method("mH", property(shape.conjugate_transposed))
_method("H", property(shape.hermitian))
_method("__getitem__", indexing.get)
_method("__setitem__", indexing.put)


def _delete(self: Tensor, index: Any) -> None:
    raise TypeError("Tensor does not support deleting items")


def _iter(self: Tensor) -> Any:
    if self.dim() == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(shape.unbind(self, 0))


def _contains(self: Tensor, element: Any) -> bool:
    if not is_operand(element):
        raise RuntimeError(
            f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}."
        )
    if isinstance(element, Tensor):
        check_broadcast(element.shape, self.shape)
    return bool(np.any(self._array() == (element._array() if isinstance(element, Tensor) else element)))


_method("__delitem__", _delete)
_method("__iter__", _iter)
_method("__contains__", _contains)


# Operators: what is no operand is left to the other side


def _operator(function: Any) -> Any:
    if hasattr(function, "operator"):
        return function.operator

    def method(self: Tensor, other: Any) -> Any:
        try:
            if type(other) is Tensor or type(other) is float:
                return function(self, other)
            if not is_operand(other) or (isinstance(other, Tensor) and other._seen < 0 <= self._seen):
                return NotImplemented  # to a class of a user's, too
            return function(self, number(other))
        except Exception as error:
            hide(error)
            raise

    return method


def _swapped(function: Any) -> Any:
    return _operator(lambda self, other: function(other, self))


_FORWARD = {
    "add": pointwise.add_, "sub": pointwise.sub, "mul": pointwise.mul, "truediv": pointwise.div_,
    "floordiv": pointwise.floor_divide, "mod": pointwise.remainder, "pow": pointwise.pow,
    "and": compare.bitwise_and, "or": compare.bitwise_or, "xor": compare.bitwise_xor,
    "eq": compare.eq, "ne": compare.ne, "lt": compare.lt, "le": compare.le,
    "gt": compare.gt, "ge": compare.ge, "lshift": compare.bitwise_left_shift, "rshift": compare.bitwise_right_shift,
}  # fmt: skip
for _name, _function in _FORWARD.items():
    setattr(Tensor, f"__{_name}__", _operator(_function))
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "lshift", "rshift"):
    setattr(Tensor, f"__i{_name}__", _operator(in_place(_FORWARD[_name], f"__i{_name}__")))
_REFLECTED = {
    "add": _operator(pointwise.add_), "mul": _operator(pointwise.mul), "sub": _operator(pointwise.rsub),
    "floordiv": _swapped(pointwise.floor_divide), "mod": _swapped(pointwise.remainder), "pow": _swapped(pointwise.pow),
    "and": _operator(compare.bitwise_and), "or": _operator(compare.bitwise_or),
    "xor": _operator(compare.bitwise_xor), "lshift": _swapped(compare.bitwise_left_shift),
    "rshift": _swapped(compare.bitwise_right_shift),
}  # fmt: skip
for _name, _function in _REFLECTED.items():
    setattr(Tensor, f"__r{_name}__", _function)


@hides
def _equal(self: Tensor, other: Any) -> Any:
    """As PyTorch's, of arrays too: no other operator takes them, which leaves them to NumPy."""
    try:
        if isinstance(other, np.ndarray) and other.dtype.kind in "biufc":
            other = create.from_numpy(other)
        return _compared(self, other)
    except Exception as error:
        hide(error)
        raise


_compared = Tensor.__eq__
_method("__eq__", _equal)


def _divided_by(self: Tensor, other: Any) -> Any:
    """other / self, which PyTorch takes for a product: one with an array is NumPy's."""
    if isinstance(other, np.ndarray):
        try:
            return pointwise.reciprocal(self) * other
        except TypeError:
            return NotImplemented
    return pointwise.rdiv(self, number(other)) if is_operand(other) else NotImplemented


def _product(self: Tensor, other: Any) -> Any:
    return products.matmul(self, other) if isinstance(other, Tensor) else NotImplemented


_method("__rtruediv__", hiding(_divided_by))
_method("__matmul__", titled(products.of_matrices(_product), "__matmul__", "The matrix product self @ other."))
_method("__neg__", pointwise.neg)
_method("__pos__", pointwise.positive)
_method("__abs__", pointwise.abs)


def _inverted(self: Tensor) -> Tensor:
    if self._read().dtype.kind in "fc":
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return compare.bitwise_not(self)


_method("__invert__", _inverted)


# Dtypes


def _to(
    self: Tensor,
    *args: Any,
    dtype: dtypes.dtype | None = None,
    device: Any = None,
    copy: bool = False,
    memory_format: Any = None,
    **ignored: Any,
) -> Tensor:
    """In another dtype, and order of memory: the tensor itself where it has them."""
    if device is not None:
        used(device)
    for arg in args:
        if isinstance(arg, (dtypes.dtype, type)):
            dtype = arg  # type: ignore[assignment]
        elif isinstance(arg, Tensor):
            dtype = arg.dtype
        elif isinstance(arg, (str, Device)) or type(arg) is int:
            used(arg)
        elif arg is not None and not isinstance(arg, bool):
            raise TypeError(f"to() received an invalid argument: {type(arg).__name__}")
    kind = dtypes.as_numpy(dtype)
    if memory_format not in (None, preserve_format):
        check_rank(self, memory_format)
        lies_so = isinstance(raw(self._read()), Tracer) or self.is_contiguous(memory_format=memory_format)
        if copy or not lies_so:
            copied = call(TO_COPY, select.copied, self)
            return formatted(copied if kind is None else cast(copied, kind), memory_format)
    if kind is None or kind == self._read().dtype:
        return select.clone(self) if copy else self
    return cast(self, kind)


def _type(self: Tensor, dtype: Any = None) -> Any:
    if dtype is None:
        return f"torch.{self.dtype.title}Tensor"
    if isinstance(dtype, Tensor):
        raise TypeError("dtype must be a type, str, or dtype object")
    return _to(self, legacy.dtype_of(dtype))


def _cuda(self: Tensor, device: Any = None, **ignored: Any) -> Tensor:
    """An error: there are no such devices."""
    raise AssertionError(NO_CUDA)


def _layer(name: str) -> Any:
    """A method that is a function of `nn.functional`, which is imported when it is called."""

    def method(self: Tensor, *args: Any, **options: Any) -> Tensor:
        return getattr(importlib.import_module("funcgrad.torch.nn.functional"), name)(self, *args, **options)

    return titled(method, name, f"`torch.nn.functional.{name}`")


for _name in ("hardshrink", "prelu"):
    _checked(_name, _layer(_name))
_checked("to", _to)
_method("itemsize", property(lambda self: self._read().dtype.itemsize))
_method("nbytes", property(lambda self: self._read().dtype.itemsize * self.numel()))
for _name in ("cuda", "sparse", "sparse_csr", "quantized", "meta", "mkldnn", "mps", "nested", "xla", "xpu"):
    _method(f"is_{_name}", False)
_method("is_cpu", True)
_method("name", None)
_checked("type", _type)
_checked("cpu", lambda self, *, memory_format=None: self)
_checked("to_dense", lambda self, dtype=None, *, masked_grad=None: self if dtype is None else _to(self, dtype))
_method("cuda", _cuda)


def _in_dtype(kind: dtypes.dtype) -> Any:
    def convert(self: Tensor, *, memory_format: Any = None) -> Tensor:
        return _to(self, kind)

    return convert


for _name in ("half", "bfloat16", "float", "double", "int", "long", "short", "bool", "cfloat", "cdouble"):
    _checked(_name, _in_dtype(getattr(dtypes, _name)))
_checked("char", _in_dtype(dtypes.int8))
_checked("byte", _in_dtype(dtypes.uint8))


def _type_as(self: Tensor, other: Tensor) -> Tensor:
    return _to(self, other.dtype)


def _maker(name: str) -> Any:
    """`new_zeros` says of its sizes what `empty` does, which has zeros too."""
    name = "empty" if name == "zeros" else name

    def make(self: Tensor, *args: Any, dtype: dtypes.dtype | None = None, **kwargs: Any) -> Tensor:
        return getattr(create, name)(*args, dtype=dtype or self.dtype, **kwargs)

    return make


_checked("type_as", _type_as)
for _name in ("zeros", "ones", "empty", "full"):
    _checked(f"new_{_name}", _maker(_name))
_checked("new_tensor", create.new_tensor)
_checked("new", lambda self, *args, device=None: legacy.constructed(args, self.dtype, device))


def _array_wrap(self: Tensor, array: np.ndarray, context: Any = None, return_scalar: bool = False) -> Tensor:
    """What NumPy's functions give for a Tensor; booleans are bytes, as in PyTorch."""
    found = np.asarray(array)
    return create.from_numpy(found.astype(np.uint8) if found.dtype == bool else found)


_method("__array_wrap__", _array_wrap)


def _part(part: Callable[[Tensor], Tensor]) -> property:
    """Part of the numbers, to be read and to be written."""

    def assign(self: Tensor, value: Any) -> None:
        place = part(self)
        place.copy_(indexing.storable(value, place))

    return property(part, assign)


_method("real", _part(complexes.real))
_method("imag", _part(complexes.imag))


# What raises without having been a row: errors show the user's frames only, and PyTorch's words for arguments

LATE = (
    "data_ptr detach detach_ element_size is_contiguous is_inference item nelement numpy requires_grad_ retain_grad "
    "size storage_offset stride tolist untyped_storage"
)
RAISES = (
    "__array__ __bool__ __complex__ __contains__ __delitem__ __float__ __getitem__ __index__ __int__ __iter__ __len__ "
    "__setitem__ backward register_hook register_post_accumulate_grad_hook"
)
for _name in LATE.split():
    _method(_name, refused_late(getattr(Tensor, _name), _name))
for _name in RAISES.split():
    _owner = next(kind for kind in Tensor.__mro__ if _name in kind.__dict__)
    if not hasattr(getattr(Tensor, _name), "is_entrance"):
        setattr(_owner, _name, hiding(getattr(Tensor, _name)))


def _not_writable(name: str) -> Any:
    def refuse(self: Tensor, value: Any) -> None:
        raise AttributeError(f"attribute '{name}' of 'torch._C.TensorBase' objects is not writable")

    return hiding(refuse)


for _name, _property in list(Tensor.__dict__.items()):
    if isinstance(_property, property) and _property.fset is None:
        _method(_name, _property.setter(_not_writable(_name)))
for _name, _property in list(Tensor.__dict__.items()):
    if isinstance(_property, property) and _property.fset is not None and not hasattr(_property.fset, "is_entrance"):
        _method(_name, _property.setter(hiding(_property.fset)))
