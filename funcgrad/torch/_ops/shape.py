"""Views: the same memory in another shape, order, or part."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.torch._ops import values
from funcgrad.torch._ops.memory_order import check_rank
from funcgrad.torch._ops.select import clone
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call, need_tensor, parts, view
from funcgrad.torch._record.composed import composite
from funcgrad.torch._record.tape import raw
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.formats import contiguous_format, preserve_format
from funcgrad.torch._tensor.messages import MULTI_VIEW_IN_PLACE, warn_once
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch._tensor.views import Bits, Diagonal, Expanded, Part, Step, View

T_OF_OTHERS = (
    "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated and it "
    "will throw an error in a future release. Consider `x.mT` to transpose batches of matrices or "
    "`x.permute(*torch.arange(x.ndim - 1, -1, -1))` to reverse the dimensions of a tensor."
)
VIEW, UNSAFE_VIEW, RESHAPE_ALIAS = Kind("View"), Kind("UnsafeView"), Kind("ReshapeAlias")
T, TRANSPOSE, PERMUTE, EXPAND = Kind("T"), Kind("Transpose"), Kind("Permute"), Kind("Expand")
SQUEEZE, SQUEEZE_DIM, SQUEEZE_DIMS = Kind("Squeeze"), Kind("SqueezeBackward1"), Kind("SqueezeBackward2")
UNSQUEEZE, ALIAS = Kind("Unsqueeze"), Kind("Alias")
SELECT, SLICE = Kind("Select"), Kind("Slice")
UNBIND, SPLIT, SPLIT_WITH_SIZES = Kind("Unbind"), Kind("Split"), Kind("SplitWithSizes")
DIAGONAL = Kind("Diagonal")


def sizes_of(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes given one by one or as one sequence."""
    if len(sizes) == 1 and not isinstance(sizes[0], (int, np.integer, Tensor)):
        sizes = tuple(sizes[0])
    return tuple([n.__index__() for n in sizes])


def _full(sizes: tuple[int, ...], numel: int) -> tuple[int, ...]:
    """Sizes with -1 filled in; PyTorch's error where they do not fit."""
    known = 1
    for n in sizes:
        known *= n if n != -1 else 1
    full = sizes
    if sizes.count(-1) > 1:
        raise RuntimeError("only one dimension can be inferred")
    if -1 in sizes and not numel and not known:
        raise RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(sizes)} because the unspecified dimension size -1 "
            "can be any value and is ambiguous"
        )
    if -1 in sizes and known and numel % known == 0:
        full = tuple([numel // known if n == -1 else n for n in sizes])
    invalid = next((i for i, n in enumerate(full) if n < -1), None)
    if invalid is not None:
        raise RuntimeError(f"invalid shape dimension {full[invalid]} at index {invalid} of shape {list(sizes)}")
    if prod(full) != numel or -1 in full:
        raise RuntimeError(f"shape '{list(sizes)}' is invalid for input of size {numel}")
    return full


def _as_view(x: Tensor, shape: tuple[int, ...]) -> bool:
    """Whether the memory can be read in that shape."""
    value = raw(x._read())
    if isinstance(value, Tracer):
        return True
    value = np.asarray(value)
    return value.flags.c_contiguous or not value.size or np.may_share_memory(value.reshape(shape), value)


def _check_bits(x: Tensor, given: dtypes.dtype, size: int) -> None:
    """PyTorch's errors for memory that cannot be read as elements of another size."""
    own = x.element_size()
    names = f"to view {x.dtype.title} as {given.title} (different element sizes)"
    if not x.dim():
        raise RuntimeError(f"self.dim() cannot be 0 {names}")
    stride, ratio = x.stride() if x.numel() else (0,) * (x.dim() - 1) + (1,), size // own
    if size < own and stride[-1] != 1:
        raise RuntimeError(f"self.stride(-1) must be 1 {names}, but got {stride[-1]}")
    if size < own:
        return
    if x.shape[-1] % ratio:
        raise RuntimeError(f"self.size(-1) must be divisible by {ratio} {names}, but got {x.shape[-1]}")
    if x.storage_offset() % ratio:
        raise RuntimeError(
            f"self.storage_offset() must be divisible by {ratio} {names}, but got {x.storage_offset()}"
        )
    if stride[-1] != 1:
        raise RuntimeError(f"self.stride(-1) must be 1 {names}, but got {stride[-1]}")
    for axis, n in enumerate(stride[:-1]):
        if n % ratio:
            raise RuntimeError(f"self.stride({axis}) must be divisible by {ratio} {names}, but got {n}")


def _read_as(input: Tensor, given: dtypes.dtype) -> Tensor:
    """The same memory read as another dtype, without a gradient."""
    kind = given.numpy
    if isinstance(raw(input._read()), Tracer) or kind.kind == "b":
        raise NotImplementedError("view(dtype): not of traced values, and not as booleans")
    if kind.itemsize != input.element_size():
        _check_bits(input, given, kind.itemsize)
    out, step = input._alias(f"view({given})"), Bits(input._read().dtype, kind)
    out._view = View((step,), None, ()) if out._view is None else out._view.apart(step)
    out._value = step(out._value)
    return out


def view_as_shape(input: Tensor, *sizes: Any, dtype: dtypes.dtype | None = None) -> Tensor:
    """The same memory in another shape, RuntimeError where that is not possible; or read as another dtype."""
    if dtype is not None or (len(sizes) == 1 and isinstance(sizes[0], dtypes.dtype)):
        return _read_as(input, dtype or sizes[0])
    shape = _full(sizes_of(sizes), input.numel())
    if not _as_view(input, shape):
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans "
            "across two contiguous subspaces). Use .reshape(...) instead."
        )
    return view(input, VIEW, lambda v: values.reshape(v, shape=shape))


@named()
def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The elements in another shape: a view where the memory allows, else a copy."""
    need_tensor(input, "reshape")
    sizes = _full(sizes_of(shape), input.numel())
    if _as_view(input, sizes):
        value = raw(input._read())
        kind = VIEW if not isinstance(value, np.ndarray) or value.flags.c_contiguous else RESHAPE_ALIAS
        return view(input, kind, lambda v: values.reshape(v, shape=sizes))
    return composite(_reshaped_copy, unsafe_view, input, sizes)


def unsafe_view(input: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """The elements in another shape, in memory of their own."""
    return call(UNSAFE_VIEW, lambda v: values.reshape(v, shape=sizes), input)


def _reshaped_copy(input: Tensor, sizes: tuple[int, ...]) -> Tensor:
    return unsafe_view(clone(input, memory_format=contiguous_format), sizes)


@named(function=False)
def contiguous(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """The tensor itself where its elements lie in order (or as `memory_format` says), else a copy."""
    wanted = memory_format or contiguous_format
    check_rank(input, wanted)
    if isinstance(raw(input._read()), Tracer) or input.is_contiguous(memory_format=wanted):
        return input
    if wanted is preserve_format:
        raise RuntimeError("preserve memory format is unsupported by the contiguous operator")
    return clone(input, memory_format=wanted)


@named()
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Dimensions from `start_dim` to `end_dim` as one."""
    ndim = input.dim()
    if ndim == 0:
        return reshape(input, 1)
    first, last = dimension(start_dim, ndim), dimension(end_dim, ndim)
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if first == last:
        return input
    shape = input.shape
    return reshape(input, (*shape[:first], shape[first : last + 1].numel(), *shape[last + 1 :]))


@named()
def ravel(input: Tensor) -> Tensor:
    """One dimension; a copy where the elements do not lie in order."""
    return view(contiguous(input), VIEW, lambda v: values.reshape(v, shape=(v.size,)))


@named()
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """A dimension as several ones; one of their sizes may be -1."""
    need_tensor(input, "unflatten")
    axis, parts = dimension(dim, input.dim()), list(sizes)
    if not parts:
        raise RuntimeError("unflatten: sizes must be non-empty")
    n = input.shape[axis]
    if parts.count(-1) > 1:
        raise RuntimeError("unflatten got an unexpected error:\nonly one dimension can be inferred")
    known = prod(m for m in parts if m != -1)
    if (n % known if known and -1 in parts else n != known):
        raise RuntimeError(
            f"unflatten: Provided sizes {parts} don't multiply up to the size of dim {axis} ({n}) in the input tensor"
        )
    return view_as_shape(input, (*input.shape[:axis], *parts, *input.shape[axis + 1 :]))


def _permuted(input: Tensor, kind: Kind, axes: tuple[int, ...]) -> Tensor:
    return view(input, kind, lambda v: values.transpose(v, axes=axes))


@named()
def permute(input: Tensor, *dims: Any) -> Tensor:
    """The dimensions in another order."""
    ndim = input.dim()
    axes = tuple(dimension(d, ndim) for d in sizes_of(dims))
    if len(axes) != ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of "
            f"the desired ordering of dimensions i.e. input.dim() = {ndim} is not equal to len(dims) = "
            f"{len(axes)}"
        )
    if len(set(axes)) != ndim:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return _permuted(input, PERMUTE, axes)


@named("swapaxes", "swapdims")
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions exchanged."""
    ndim = input.dim()
    i, j = dimension(dim0, ndim), dimension(dim1, ndim)
    axes = list(range(ndim))
    if ndim:
        axes[i], axes[j] = j, i
    return _permuted(input, TRANSPOSE, tuple(axes))


@named("moveaxis")
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Dimensions moved to other places; the others stay in their order."""
    given = [[d] if isinstance(d, int) else list(d) for d in (source, destination)]
    if len(given[0]) != len(given[1]):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({given[0]} dims) should contain the same number "
            f"of dims as destination ({given[1]} dims)"
        )
    moved, places = ([dimension(d, input.dim()) for d in dims] for dims in given)
    for name, dims, own in (("source", moved, given[0]), ("destination", places, given[1])):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({own})")
    if not input.dim():
        return view(input, ALIAS, lambda v: v)
    axes = [a for a in range(input.dim()) if a not in moved]
    for place, axis in sorted(zip(places, moved)):
        axes.insert(place, axis)
    return _permuted(input, PERMUTE, tuple(axes))


@named()
def t(input: Tensor) -> Tensor:
    """A matrix transposed; vectors and scalars as they are."""
    ndim = input.dim()
    if ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {ndim}D")
    return _permuted(input, T, tuple(reversed(range(ndim))))


def reversed_dims(input: Tensor) -> Tensor:
    """`x.T`"""
    if input.dim() != 2:
        warn_once(T_OF_OTHERS)
    return _permuted(input, PERMUTE, tuple(reversed(range(input.dim()))))


def matrix_transposed(input: Tensor) -> Tensor:
    """`x.mT`"""
    return _of_matrices(input, "mT", "This function is the identity in these cases.")


def _of_matrices(input: Tensor, name: str, remedy: str) -> Tensor:
    if input.dim() == 0:
        warn_once(f"Tensor.{name} is deprecated on 0-D tensors. {remedy}")
        return input
    if input.dim() == 1:
        raise RuntimeError(f"tensor.{name} is only supported on matrices or batches of matrices. Got 1-D tensor.")
    return transpose(input, -2, -1)


@named()
def adjoint(input: Tensor) -> Tensor:
    """Matrices transposed and conjugated."""
    return _of_matrices(input, "adjoint()", "Consider using x.conj().").conj()


def conjugate_transposed(input: Tensor) -> Tensor:
    """`x.mH`"""
    return _of_matrices(input, "mH", "Consider using x.conj().").conj()


def hermitian(input: Tensor) -> Tensor:
    """`x.H`"""
    ndim = input.dim()
    if ndim not in (0, 2):
        batches = " For batches of matrices, consider using tensor.mH" if ndim > 2 else ""
        raise RuntimeError(f"tensor.H is only supported on matrices (2-D tensors). Got {ndim}-D tensor.{batches}")
    return _of_matrices(input, "H", "Consider using x.conj().").conj()


@named()
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without the dimensions of size one (those in `dim`)."""
    shape = input.shape
    if dim is None:
        kind, dims = SQUEEZE, list(range(len(shape)))
    elif isinstance(dim, int):
        kind, dims = SQUEEZE_DIM, [dimension(dim, len(shape))]
    else:
        kind, dims = SQUEEZE_DIMS, [dimension(d, len(shape)) for d in dim]
        for d in dims:
            if dims.count(d) > 1:
                raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    kept = tuple(n for i, n in enumerate(shape) if n != 1 or i not in dims)
    return view(input, kind, lambda v: values.reshape(v, shape=kept))


@named()
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With a dimension of size one more."""
    i = dimension(dim, input.dim() + 1)
    shape = (*input.shape[:i], 1, *input.shape[i:])
    return view(input, UNSQUEEZE, lambda v: values.reshape(v, shape=shape))


@named(function=False)
def expand(input: Tensor, *sizes: Any) -> Tensor:
    """Dimensions of size one repeated without copying."""
    target, shape = sizes_of(sizes), input.shape
    padded = (1,) * (len(target) - len(shape)) + tuple(shape)
    if len(target) < len(shape):
        raise RuntimeError(
            f"expand({input.type()}{{{list(shape)}}}, size={list(target)}): the number of sizes provided "
            f"({len(target)}) must be greater or equal to the number of dimensions in the tensor "
            f"({len(shape)})"
        )
    full = tuple(m if n == -1 else n for n, m in zip(target, padded))
    for i, (n, m) in reversed(list(enumerate(zip(full, padded)))):
        if i < len(target) - len(shape) and target[i] == -1:
            raise RuntimeError(
                f"The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension {i}"
            )
        if m not in (1, n):
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({m}) at non-singleton "
                f"dimension {i}.  Target sizes: {list(target)}.  Tensor sizes: {list(shape)}"
            )
    return view(input, EXPAND, Expanded(full), overlapping=full != tuple(shape))


@named()
def broadcast_to(input: Tensor, size: Sequence[int]) -> Tensor:
    """Dimensions of size one repeated without copying, up to a shape."""
    return expand(input, *size)


@named()
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices along a dimension."""
    if not input.dim():
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    axis = dimension(dim, input.dim())
    before = (slice(None),) * axis

    def taken(i: int) -> Tensor:
        blocked = MULTI_VIEW_IN_PLACE.format(index=i, name="Unbind")
        return view(input, UNBIND, Part((*before, i)), blocked=blocked)

    return parts([taken(i) for i in range(input.shape[axis])])


@named()
def split(input: Tensor, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Pieces of a size (the last may be smaller), or of the given sizes."""
    if isinstance(split_size, Tensor) and split_size.numel() == 1:
        split_size = int(split_size)
    if not isinstance(split_size, int):
        return split_with_sizes(input, split_size, dim)
    axis = dimension(dim, input.dim())
    if not input.dim():
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    n = input.shape[axis]
    if split_size < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={split_size}")
    if not split_size and n:
        raise RuntimeError(f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}")
    return _pieces(input, SPLIT, axis, [min(split_size, n - start) for start in range(0, n, split_size or 1)] or [0])


@named()
def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Pieces of the given sizes."""
    if not input.dim():
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    axis, sizes = dimension(dim, input.dim()), list(split_sizes)
    if any(size < 0 for size in sizes):
        raise RuntimeError(
            f"split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes={sizes}"
        )
    n = input.shape[axis]
    if sum(sizes) != n:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at "
            f"dimension {axis}), but got split_sizes={sizes}"
        )
    return _pieces(input, SPLIT_WITH_SIZES, axis, sizes)


def _pieces(input: Tensor, kind: Kind, axis: int, sizes: list[int]) -> tuple[Tensor, ...]:
    pieces, start = [], 0
    for i, size in enumerate(sizes):
        index = (*(slice(None),) * axis, slice(start, start + size))
        blocked = MULTI_VIEW_IN_PLACE.format(index=i, name=kind.name.removesuffix("Backward0"))
        pieces.append(view(input, kind, Part(index), blocked=blocked))
        start += size
    return parts(pieces)


@named()
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` pieces of equal size (the last may be smaller)."""
    if not input.dim():
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = input.shape[dimension(dim, input.dim())]
    return split(input, -(-n // chunks), dim) if n else split_with_sizes(input, [0] * chunks, dim)


@named()
def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """`length` slices along a dimension, from `start` on."""
    if not input.dim():
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if isinstance(start, Tensor) and (start.dim() or start._read().dtype.kind not in "iu"):
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    axis, start = dimension(dim, input.dim()), start.__index__()
    n = input.shape[axis]
    if not -n <= start <= n:
        raise IndexError(f"start out of range (expected to be in range of [{-n}, {n}], but got {start})")
    start = start + n if start < 0 else start
    if start + length > n:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return view(input, SLICE, Part((*(slice(None),) * axis, slice(start, start + length))))


@named()
def select(input: Tensor, dim: int, index: Any) -> Tensor:
    """The slice at a place along a dimension."""
    if not input.dim():
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    axis, place = dimension(dim, input.dim()), index.__index__()
    n = input.shape[axis]
    if not -n <= place < n:
        raise IndexError(
            f"select(): index {place} out of range for tensor of size {list(input.shape)} at dimension {dim}"
        )
    return view(input, SELECT, Part((*(slice(None),) * axis, place)))


def step_of(part: Tensor) -> Step:
    """How a view is read from the tensor that it was made of: to be read from a copy, or written."""
    assert part._view is not None
    return part._view.steps[-1]


def distinct(dim1: int, dim2: int, ndim: int) -> tuple[int, int]:
    """The two dimensions of a diagonal."""
    i, j = dimension(dim1, ndim), dimension(dim2, ndim)
    if i == j:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return i, j


@named()
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of the matrices along two dimensions, as the last one."""
    i, j = distinct(dim1, dim2, input.dim())
    return view(input, DIAGONAL, Diagonal(offset, i, j))
