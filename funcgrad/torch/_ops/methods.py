"""The methods and operators of Tensor: the functions, with the tensor as first argument."""

from __future__ import annotations

from functools import partialmethod
from typing import Any

import numpy as np

from funcgrad.ops import elementwise as ew
from funcgrad.torch._ops import create as creation
from funcgrad.torch._ops import index as indexing
from funcgrad.torch._ops import inplace, products
from funcgrad.torch._ops import pointwise as elementwise
from funcgrad.torch._ops import reduce as reductions
from funcgrad.torch._ops import shape as shaping
from funcgrad.torch._ops.inplace import in_place
from funcgrad.torch._pass import backward, gradfn, hooks
from funcgrad.torch._record.calls import Kind, call, cast, is_operand
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.devices import Device
from funcgrad.torch._tensor.tensor import Tensor

ELEMENTWISE = (
    "abs absolute add sub subtract mul multiply div divide true_divide floor_divide remainder fmod neg "
    "negative pow square sqrt rsqrt reciprocal exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos "
    "atan arcsin arccos arctan sinh cosh tanh asinh acosh atanh sigmoid relu floor ceil trunc round frac "
    "sign clamp clip clamp_min clamp_max atan2 arctan2 hypot deg2rad rad2deg copysign logical_and "
    "logical_or logical_xor logical_not bitwise_and bitwise_or bitwise_xor bitwise_not eq ne lt le gt ge "
    "masked_fill"
)
OTHERS = {
    elementwise: (
        "maximum minimum fmax fmin logaddexp isnan isinf isfinite equal allclose isclose where clone positive"
    ),
    reductions: (
        "sum mean prod var std max min amax amin argmax argmin any all sort argsort topk softmax "
        "log_softmax logsumexp cumsum cumprod norm"
    ),
    shaping: (
        "reshape contiguous flatten permute transpose t squeeze unsqueeze expand broadcast_to unbind split "
        "chunk narrow select diagonal diag repeat repeat_interleave flip roll tril triu trace gather "
        "index_select scatter scatter_add nonzero masked_select"
    ),
    products: "dot mv mm bmm matmul outer addmm",
}


def _method(name: str, function: Any) -> None:
    setattr(Tensor, name, function)


for _name in ELEMENTWISE.split():
    _method(_name, getattr(elementwise, _name))
    _method(_name + "_", in_place(getattr(elementwise, _name)))
for _module, _names in OTHERS.items():
    for _name in _names.split():
        _method(_name, getattr(_module, _name))
for _name in ("tril", "triu", "scatter", "scatter_add"):
    _method(_name + "_", in_place(getattr(shaping, _name)))
for _name in ("cumsum", "cumprod"):
    _method(_name + "_", in_place(getattr(reductions, _name)))
IN_PLACE = "copy_ fill_ zero_ masked_fill_ t_ transpose_ swapaxes_ squeeze_ unsqueeze_ set_ resize_ resize_as_"
for _name in IN_PLACE.split():
    _method(_name, getattr(inplace, _name))
_method("backward", backward.tensor_backward)
_method("register_hook", hooks.register_hook)
_method("register_post_accumulate_grad_hook", hooks.register_post_accumulate_grad_hook)
_method("grad_fn", property(gradfn.tensor_grad_fn))
_method("view", shaping.view_as_shape)
_method("swapaxes", shaping.transpose)
_method("swapdims", shaping.transpose)


def _where(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    return elementwise.where(condition, self, other)


def _view_as(self: Tensor, other: Tensor) -> Tensor:
    return shaping.view_as_shape(self, other.shape)


def _reshape_as(self: Tensor, other: Tensor) -> Tensor:
    return shaping.reshape(self, other.shape)


def _expand_as(self: Tensor, other: Tensor) -> Tensor:
    return shaping.expand(self, other.shape)


_method("where", _where)
_method("view_as", _view_as)
_method("reshape_as", _reshape_as)
_method("expand_as", _expand_as)
_method("T", property(shaping.reversed_dims))
_method("mT", property(shaping.matrix_transposed))
_method("__getitem__", indexing.get)
_method("__setitem__", indexing.put)
_method("index_put", indexing.index_put)
_method("index_put_", indexing.index_put_)


def _iter(self: Tensor) -> Any:
    if self.dim() == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(shaping.unbind(self, 0))


def _contains(self: Tensor, element: Any) -> bool:
    return bool(np.any(self._array() == (element._array() if isinstance(element, Tensor) else element)))


_method("__iter__", _iter)
_method("__contains__", _contains)


# Operators: what is no operand is left to the other side


def _operator(function: Any) -> Any:
    if hasattr(function, "operator"):
        return function.operator

    def method(self: Tensor, other: Any) -> Any:
        if type(other) is Tensor or type(other) is float or is_operand(other):
            return function(self, other)
        return NotImplemented

    return method


def _swapped(function: Any) -> Any:
    return _operator(lambda self, other: function(other, self))


_FORWARD = {
    "add": elementwise.add_, "sub": elementwise.sub, "mul": elementwise.mul, "truediv": elementwise.div_,
    "floordiv": elementwise.floor_divide, "mod": elementwise.remainder, "pow": elementwise.pow,
    "and": elementwise.bitwise_and, "or": elementwise.bitwise_or, "xor": elementwise.bitwise_xor,
    "eq": elementwise.eq, "ne": elementwise.ne, "lt": elementwise.lt, "le": elementwise.le,
    "gt": elementwise.gt, "ge": elementwise.ge,
}  # fmt: skip
for _name, _function in _FORWARD.items():
    setattr(Tensor, f"__{_name}__", _operator(_function))
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor"):
    setattr(Tensor, f"__i{_name}__", _operator(in_place(_FORWARD[_name])))
_REFLECTED = {
    "add": _operator(elementwise.add_), "mul": _operator(elementwise.mul), "sub": _operator(elementwise.rsub),
    "truediv": _operator(elementwise.rdiv), "floordiv": _swapped(elementwise.floor_divide),
    "mod": _swapped(elementwise.remainder), "pow": _swapped(elementwise.pow),
    "and": _operator(elementwise.bitwise_and), "or": _operator(elementwise.bitwise_or),
    "xor": _operator(elementwise.bitwise_xor),
}  # fmt: skip
for _name, _function in _REFLECTED.items():
    setattr(Tensor, f"__r{_name}__", _function)
_method("__matmul__", products.matmul)
_method("__neg__", elementwise.neg)
_method("__pos__", elementwise.positive)
_method("__abs__", elementwise.abs)
_method("__invert__", elementwise.bitwise_not)


# Dtypes


def _to(
    self: Tensor, *args: Any, dtype: dtypes.dtype | None = None, copy: bool = False, **ignored: Any
) -> Tensor:
    """In another dtype: the tensor itself where it has it."""
    for arg in args:
        if isinstance(arg, dtypes.dtype):
            dtype = arg
        elif isinstance(arg, Tensor):
            dtype = arg.dtype
        elif isinstance(arg, str):
            Device(arg)
        elif not isinstance(arg, (Device, bool)):
            raise TypeError(f"to() received an invalid argument: {type(arg).__name__}")
    if dtype is None or dtype is self.dtype:
        return elementwise.clone(self) if copy else self
    return cast(self, dtype.numpy)


def _type(self: Tensor, dtype: dtypes.dtype | None = None) -> Any:
    return f"torch.{self.dtype.title}Tensor" if dtype is None else _to(self, dtype)


_method("to", _to)
_method("type", _type)
_method("cpu", lambda self: self)
for _name in ("half", "float", "double", "int", "long", "short", "bool"):
    _method(_name, partialmethod(_to, getattr(dtypes, _name)))


def _type_as(self: Tensor, other: Tensor) -> Tensor:
    return _to(self, other.dtype)


def _maker(name: str) -> Any:
    def make(self: Tensor, *args: Any, dtype: dtypes.dtype | None = None, **kwargs: Any) -> Tensor:
        return getattr(creation, name)(*args, dtype=dtype or self.dtype, **kwargs)

    return make


_method("type_as", _type_as)
for _name in ("zeros", "ones", "empty", "full", "tensor"):
    setattr(Tensor, f"new_{_name}", _maker(_name))


def _array_wrap(self: Tensor, array: np.ndarray, context: Any = None, return_scalar: bool = False) -> Tensor:
    return creation.from_numpy(np.asarray(array))


_method("__array_wrap__", _array_wrap)


def _complex_part(name: str) -> Any:
    fun, kind = getattr(ew, name), Kind(name.title())
    return lambda self: call(kind, fun, self) if self.is_complex() else self


_method("real", property(_complex_part("real")))
_method("imag", property(_complex_part("imag")))
_method("conj", _complex_part("conj"))
