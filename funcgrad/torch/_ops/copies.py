"""Copies of what views show, and pieces that are no views in PyTorch either."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, wraps
from typing import Any

from funcgrad.torch._ops import complexes, parts, shape
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call
from funcgrad.torch._record.calls import parts as of_one
from funcgrad.torch._record.calls import view as view_of
from funcgrad.torch._record.modes import mode
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor

_kind = cache(Kind)


def _copied(input: Tensor, shown: Tensor, name: str) -> Tensor:
    """What a view of the input shows, in memory of its own."""
    steps = () if shown._view is None else shown._view.steps[-1:]

    def read(v: Any) -> Any:
        for step in steps:
            v = step(v)
        return v

    return call(_kind(name), read, input)


def _copy(view: Callable[..., Any], called: str, name: str = "") -> Callable[..., Any]:
    """`torch.view_copy` and the like; `name` is that of its entry, by default the view's."""

    @wraps(view)
    def copying(input: Tensor, *args: Any, **options: Any) -> Any:
        shown = view(input, *args, **options)
        if isinstance(shown, Tensor):
            return _copied(input, shown, name or f"{_entry(shown)}_copy")
        return of_one([_copied(input, part, name or f"{_entry(part)}_copy") for part in shown])

    copying.__name__ = copying.__qualname__ = called
    copying.__doc__ = f"A copy of what `{called.removesuffix('_copy').removeprefix('unsafe_')}` shows."
    return named(method=called.startswith("unsafe"), out=not called.startswith("unsafe"))(copying)


def _entry(shown: Tensor) -> str:
    """The name of the view's entry, of which PyTorch makes that of the copy's."""
    return "Backward0" if shown.grad_fn is None else shown.grad_fn.name()


def _alias(input: Tensor) -> Tensor:
    return view_of(input, shape.ALIAS, lambda v: v)


def _sliced(input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Tensor:
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    return parts.sliced(input, dimension(dim, input.dim()), slice(start, end, step))


def _expanded(input: Tensor, size: Sequence[int]) -> Tensor:
    return shape.expand(input, *size)


def _squeezed(input: Tensor, dim: Any = None) -> Tensor:
    return shape.squeeze(input) if dim is None else shape.squeeze(input, dim)


COPIES: dict[str, Callable[..., Any]] = {
    "alias_copy": _alias, "as_strided_copy": parts.as_strided, "diagonal_copy": shape.diagonal,
    "expand_copy": _expanded, "permute_copy": shape.permute, "select_copy": shape.select, "slice_copy": _sliced,
    "split_copy": shape.split, "split_with_sizes_copy": shape.split_with_sizes, "squeeze_copy": _squeezed,
    "t_copy": shape.t, "transpose_copy": shape.transpose, "unbind_copy": shape.unbind, "unfold_copy": parts.unfold,
    "unsqueeze_copy": shape.unsqueeze,
}  # fmt: skip
globals().update({called: _copy(view, called) for called, view in COPIES.items()})

unsafe_chunk = _copy(shape.chunk, "unsafe_chunk", "UnsafeSplit")
unsafe_split = _copy(shape.split, "unsafe_split", "UnsafeSplit")
unsafe_split_with_sizes = _copy(shape.split_with_sizes, "unsafe_split_with_sizes", "UnsafeSplitWithSizes")


@named(method=False, out=True)
def view_copy(input: Tensor, size: Any) -> Tensor:
    """A copy in another shape, or of the memory read as another dtype."""
    shown = shape.view_as_shape(input, size)
    return shown.clone() if isinstance(size, dtypes.dtype) else _copied(input, shown, f"{_entry(shown)}_copy")


@named(method=False, out=True)
def view_as_real_copy(input: Tensor) -> Tensor:
    """A copy of the real and imaginary parts, along a last dimension."""
    return _copied(input, complexes.view_as_real(input), "ViewAsRealBackward0_copy")


@named(method=False, out=True)
def view_as_complex_copy(input: Tensor) -> Tensor:
    """The complex numbers whose parts stand along the last dimension; without a derivative, as in PyTorch."""
    if mode.enabled and input.requires_grad:
        raise RuntimeError(
            "view_as_complex_copy does not support automatic differentiation for outputs with complex dtype."
        )
    return complexes.view_as_complex(input).clone()


@named(method=False, out=True)
def detach_copy(input: Tensor) -> Tensor:
    """A copy without a gradient."""
    return input.detach().clone()
