"""Products with weights, rows of tables, and one-hot vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad import nn
from funcgrad.core.trace import Tracer
from funcgrad.ops.subscript import update
from funcgrad.torch._ops import products, sums
from funcgrad.torch._ops import shape as shaping
from funcgrad.torch._ops.kinks import with_scaled_gradient
from funcgrad.torch._ops.values import affine
from funcgrad.torch._record.calls import Kind, call_with, flat, need_tensor
from funcgrad.torch._record.composed import composite
from funcgrad.torch._record.modes import mode, no_grad
from funcgrad.torch._record.operands import one_dtype, refuse
from funcgrad.torch._record.tape import constant, raw
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch.nn._recorded import Quick, recorded


def _of_products(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """As PyTorch computes it: the transposed weight, the input as a matrix."""
    if input.dim() == 1 and bias is None:
        return products.matmul(input, shaping.t(weight))
    if input.dim() > 2 and (bias is None or not input.is_contiguous()):
        y = products.matmul(input, shaping.t(weight))
        return y if bias is None else y + bias
    rows = input if input.dim() == 2 else shaping.reshape(input, (-1, input.shape[-1]))
    columns = shaping.t(weight)
    y = products.mm(rows, columns) if bias is None else sums.addmm(bias, rows, columns)
    return y if input.dim() == 2 else shaping.reshape(y, (*input.shape[:-1], weight.shape[0]))


_addmm, _view, _mm, _unsafe_view, _squeeze = (
    Quick(Kind(name, "*", form=(_of_products, ranks)), affine)
    for name, ranks in (
        ("Addmm", (2, 2, 1)),
        ("View", (3, 2, 1)),
        ("Mm", (2, 2)),
        ("UnsafeView", (3, 2)),
        ("SqueezeBackward4", (1, 2)),
    )
)


_added = Quick(Kind("AddBackward0", "*"), affine)


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias

    Args:
        input: ``(*, in_features)``.
        weight: ``(out_features, in_features)``.
        bias: ``(out_features,)``.
    """
    if not (isinstance(input, Tensor) and isinstance(weight, Tensor)):
        _need_tensors(input, weight)
    x, w = input._read(), weight._read()
    shape, weights = x.shape, w.shape
    if len(weights) != 2 or not shape or shape[-1] != weights[1] or x.dtype != w.dtype or x.dtype.kind == "b":
        _refuse_linear(input, weight, bias)
    if mode.composing:
        return _of_products(input, weight, bias)
    in_order = len(shape) == 2 or getattr(raw(x), "flags", products.IN_ORDER).c_contiguous
    if bias is None:
        if not in_order:
            return composite(_of_products, _unsafe_view, input, weight)
        return (_mm if len(shape) == 2 else _unsafe_view if len(shape) > 2 else _squeeze)(input, weight)
    if bias._read().dtype is not w.dtype:
        one_dtype("self and mat2 must have the same dtype, but got {} and {}", bias, weight)
    if bias._read().shape not in ((weights[0],), (1,), ()):
        if len(shape) == bias.dim() == 2 and all(n in (1, m) for n, m in zip(bias.shape, (shape[0], weights[0]))):
            return _of_products(input, weight, bias)
        raise RuntimeError(
            f"The expanded size of the tensor ({weights[0]}) must match the existing size ({bias.shape[0]}) at "
            f"non-singleton dimension 1.  Target sizes: {[*shape[:-1], weights[0]]}.  Tensor sizes: {list(bias.shape)}"
        )
    if not in_order and len(shape) > 2:
        return composite(_of_products, _added, input, weight, bias)
    return (_addmm if len(shape) == 2 else _view)(input, weight, bias)


def _need_tensors(input: Any, weight: Any) -> None:
    for name, position, given in (("input", 1, input), ("weight", 2, weight)):
        if not isinstance(given, Tensor):
            raise TypeError(
                f"linear(): argument '{name}' (position {position}) must be Tensor, not {type(given).__name__}"
            )


def _refuse_linear(input: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """PyTorch's errors."""
    shape = input.shape
    if not shape:
        raise RuntimeError("both arguments to linear need to be at least 1D, but they are 0D and 2D")
    if weight.dim() != 2:
        raise RuntimeError(f"linear(): weight must be a matrix, not a tensor of {weight.dim()} dimensions")
    if shape[-1] != weight.shape[1]:
        n, m = shape[:-1].numel(), weight.shape
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({n}x{shape[-1]} and {m[1]}x{m[0]})")
    if input.dtype is weight.dtype:
        refuse(input, "b", "addmm_impl_cpu_")
    if bias is None:
        given = f"{input.dtype.short} != {weight.dtype.short}"
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {given}")
    one_dtype("self and mat2 must have the same dtype, but got {} and {}", bias, weight)
    raise RuntimeError(
        f"mat1 and mat2 must have the same dtype, but got {input.dtype.title} and {weight.dtype.title}"
    )


@recorded("ViewBackward0", "xya?")
def _bilinear(x: Any, y: Any, weight: Any) -> Any:
    return fnp.einsum("...i,oij,...j->...o", x, weight, y)


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input1 @ weight[o] @ input2 + bias[o] for each output feature o."""
    if input1.dim() != input2.dim():
        raise RuntimeError(
            f"bilinear(): input dimensions do not match: got {input1.dim()} and {input2.dim()}"
        )
    for which, x in ((1, input1), (2, input2)):
        if x.shape[-1] != weight.shape[which]:
            raise RuntimeError(
                f"bilinear(): input{which} size does not match weight size: got {x.shape[-1]} but expected "
                f"{weight.shape[which]}"
            )
    named = {"input1": input1, "input2": input2, "weight": weight} | ({} if bias is None else {"bias": bias})
    if len({t.dtype for t in named.values()}) > 1:
        got = ", ".join(f"{name}: {t.dtype.short}" for name, t in named.items())
        raise RuntimeError(f"All tensors must have the same dtype, got {got}")
    out = _bilinear(input1, input2, weight)
    return out if bias is None else out + bias


def over_frequency(rows: Any, index: Any, count: int) -> Any:
    """Rows of a table of `count`, whose gradients are divided by how often each is asked for."""
    flat = fnp.reshape(index, (-1,))
    often = update(np.zeros(count, rows.dtype), flat, np.ones(flat.shape, rows.dtype), "add")
    return with_scaled_gradient(rows, 1 / fnp.take(often, index, axis=0)[..., None])


def _rows(weight: Any, index: Any, padding_idx: int | None, by_freq: bool) -> Any:
    rows = fnp.take(weight, index, axis=0)
    if by_freq:
        rows = over_frequency(rows, index, weight.shape[0])
    if padding_idx is None:
        return rows
    return fnp.where((index == padding_idx)[..., None], constant(rows), rows)


EMBEDDING = Kind("Embedding", "-")


def _normalised(weight: Tensor, index: np.ndarray, max_norm: float, norm_type: float) -> None:
    """Rows longer than `max_norm` are shortened to it, in place."""
    with no_grad():
        used = np.unique(index)
        rows = weight._array()[used]
        sizes = np.linalg.norm(rows, norm_type, axis=1, keepdims=True)
        scale = np.where(sizes > max_norm, max_norm / (sizes + 1e-7), 1.0)
        new = np.array(weight._array())
        new[used] = (rows * scale).astype(rows.dtype)
        weight.copy_(fresh(new))


def check_rows(function: str, input: Tensor, weight: Tensor, max_norm: float | None, norm_type: float) -> Any:
    """The value of places of rows, whose rows are limited; PyTorch's errors."""
    if input._read().dtype not in (np.int64, np.int32):
        given = "CPUBoolType" if input._read().dtype.kind == "b" else input.type()
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
            f"{given} instead (while checking arguments for {function})"
        )
    index = constant(input._read())
    if not isinstance(index, Tracer):
        if index.size and not (0 <= index.min() and index.max() < weight.shape[0]):
            raise IndexError("index out of range in self")
        if max_norm is not None:
            _normalised(weight, index, max_norm, norm_type)
    return index


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of `weight` that `input` names; row `padding_idx` gets no gradient, and with `scale_grad_by_freq` a row
    that is named n times 1/n of it."""
    if sparse:
        raise NotImplementedError("embedding: leave out sparse=True: funcgrad.torch has no sparse gradients")
    need_tensor(input, "embedding")
    if weight.dim() != 2:
        raise RuntimeError("'weight' must be 2-D")
    count = weight.shape[0]
    if padding_idx is not None:
        if not -count <= padding_idx < count:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= count
    index = check_rows("embedding", input, weight, max_norm, norm_type)
    options = {"index": index, "padding_idx": padding_idx, "by_freq": scale_grad_by_freq}
    return call_with((input,), EMBEDDING, _rows, weight, **options)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Integer vectors, along a new last dimension, that are 1 at the place the tensor says and 0 elsewhere."""
    value = constant(tensor._read())
    if value.dtype != np.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if not value.size and num_classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if num_classes == -1 or not isinstance(value, Tracer):
        array = tensor._array()
        if array.size and array.min() < 0:
            raise RuntimeError("Class values must be non-negative.")
        if num_classes == -1:
            num_classes = int(array.max()) + 1
        elif array.size and array.max() >= num_classes:
            raise RuntimeError("Class values must be smaller than num_classes.")
    return flat("one_hot", nn.one_hot(value, num_classes, dtype=np.int64), tensor)
