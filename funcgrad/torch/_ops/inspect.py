"""Questions about tensors, and the dtypes of results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.torch._ops.inplace import finish
from funcgrad.torch._ops.table import named
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.sizes import Size
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch._tensor.views import through


@named(method=False)
def is_tensor(obj: Any) -> bool:
    """Whether the object is a Tensor."""
    return isinstance(obj, Tensor)


@named(method=False)
def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is float16, float32 or float64."""
    return input.is_floating_point()


@named(method=False)
def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex."""
    return input.is_complex()


@named()
def is_nonzero(input: Tensor) -> bool:
    """Whether a tensor of one element is not zero."""
    if input.numel() != 1:
        much = "more than one value" if input.numel() else "no values"
        raise RuntimeError(f"Boolean value of Tensor with {much} is ambiguous")
    return bool(input)


@named(method=False)
def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


@named(method=False)
def result_type(tensor1: Any, tensor2: Any) -> dtypes.dtype:
    """The dtype of an operation on two tensors or numbers."""
    return dtypes.of(dtypes.result_type(*(x._read() if isinstance(x, Tensor) else x for x in (tensor1, tensor2))))


@named(method=False)
def promote_types(type1: dtypes.dtype, type2: dtypes.dtype) -> dtypes.dtype:
    """The dtype that holds what both hold."""
    return dtypes.of(dtypes.promoted(type1.numpy, type2.numpy))


@named(method=False)
def can_cast(from_: dtypes.dtype, to: dtypes.dtype) -> bool:
    """Whether an operation may write its result of one dtype into another."""
    return dtypes.category(from_.numpy) <= dtypes.category(to.numpy)


@named(method=False)
def broadcast_shapes(*shapes: Any) -> Size:
    """The shape of an operation on tensors of these shapes."""
    sizes: list[tuple[int, ...]] = []
    for shape in shapes:
        if not (shape is None or isinstance(shape, (int, Sequence))):
            raise RuntimeError(
                f"Input shapes should be of type ints, a tuple of ints, or a list of ints, got {shape}"
            )
        if shape is not None:
            sizes.append((shape,) if isinstance(shape, int) else shape if isinstance(shape, Size) else tuple(shape))
    whole = [1] * max(map(len, sizes), default=0)
    for which, shape in enumerate(sizes):
        for i in range(-1, -1 - len(shape), -1):
            if shape[i] < 0:
                raise ValueError("Attempting to broadcast a dimension with negative length!")
            if shape[i] in (1, whole[i]):
                continue
            if whole[i] != 1:
                raise RuntimeError(
                    f"Attempting to broadcast a dimension of length {shape[i]} at {i}! Mismatching argument at index "
                    f"{which} had {shape}; but expected shape should be broadcastable to {whole}"
                )
            whole[i] = shape[i]
    return Size(whole)


@named(function=False)
def ndimension(input: Tensor) -> int:
    """The number of dimensions."""
    return input.dim()


@named()
def is_signed(input: Tensor) -> bool:
    """Whether the dtype holds negative numbers."""
    return input._read().dtype.kind not in "ub"


@named()
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape."""
    return input.shape == other.shape


@named(function=False)
def storage_offset(input: Tensor) -> int:
    """The place of the first element in the memory."""
    if input._view is None or not input.numel():
        return 0
    memory = input._storage.value
    return int(through(input._view.storage_steps, np.arange(memory.size).reshape(memory.shape)).flat[0])


@named(function=False)
def data_ptr(input: Tensor) -> int:
    """The address of the first element. Writing in place gives a tensor other memory, and another address."""
    return int(input._array("An address").ctypes.data)


@named(method=False)
def is_inference(input: Tensor) -> bool:
    """Whether the tensor was made in inference mode."""
    return input.is_inference()


@named()
def is_conj(input: Tensor) -> bool:
    """False: what is conjugated is a copy."""
    return False


@named()
def is_neg(input: Tensor) -> bool:
    """False: what is negated is a copy."""
    return False


@named()
def resolve_conj(input: Tensor) -> Tensor:
    """The tensor itself."""
    return input


@named()
def resolve_neg(input: Tensor) -> Tensor:
    """The tensor itself."""
    return input


@named()
def get_device(input: Tensor) -> int:
    """-1, which stands for the CPU."""
    return -1


@named(function=False)
def dense_dim(input: Tensor) -> int:
    """The number of dimensions, all of them dense."""
    return input.dim()


def _by_python(input: Tensor, results: Any) -> Tensor:
    """Let the tensor take on what a Python function of its elements gave."""
    kind = input._read().dtype
    new = dtypes.converted(np.array(results), kind) if results else np.zeros(0, kind)
    return finish(input, fresh(new.reshape(input.shape)))


def _no_gradient(input: Tensor, function: str) -> None:
    if input.requires_grad:
        raise RuntimeError(
            f"Can't call {function}() on Variable that requires grad. Use var.detach().{function}() instead."
        )
    input._check_writable()


@named(function=False)
def apply_(input: Tensor, callable: Any) -> Tensor:
    """Each element replaced by a Python function of it."""
    _no_gradient(input, "apply_")
    return _by_python(input, [callable(n) for n in input._array("An element").reshape(-1).tolist()])


@named(function=False)
def map_(input: Tensor, tensor: Tensor, callable: Any) -> Tensor:
    """Each element replaced by a Python function of it and of another tensor's."""
    _no_gradient(input, "map_")
    other = np.broadcast_to(tensor._array("An element"), input.shape)
    pairs = zip(input._array("An element").reshape(-1).tolist(), other.reshape(-1).tolist())
    return _by_python(input, [callable(a, b) for a, b in pairs])


@named(function=False)
def map2_(input: Tensor, x: Tensor, y: Tensor, callable: Any) -> Tensor:
    """Each element replaced by a Python function of it and of two other tensors'."""
    _no_gradient(input, "map2_")
    others = [np.broadcast_to(t._array("An element"), input.shape) for t in (x, y)]
    triples = zip(*(array.reshape(-1).tolist() for array in (input._array("An element"), *others)))
    return _by_python(input, [callable(*triple) for triple in triples])
