"""Images read at points between their elements."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad.core.warned import warn
from funcgrad.torch._ops.kinks import flat
from funcgrad.torch._record.calls import Kind, call, contiguous
from funcgrad.torch._record.operands import need_tensors, refuse
from funcgrad.torch._tensor.tensor import Tensor

SAMPLERS = {n: Kind(f"GridSampler{n}D", "yx") for n in (2, 3)}
AFFINE_GRID = Kind("AffineGridGenerator", "-")
MODES = ("bilinear", "nearest", "bicubic")
PADDINGS = ("zeros", "border", "reflection")
UNSAID_CORNERS = (
    "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please specify "
    "align_corners=True if the old behavior is desired. See the documentation of grid_sample for details."
)
UNIT_GRID = (
    "Since version 1.3.0, affine_grid behavior has changed for unit-size grids when align_corners=True. This is not "
    "an intended use case of affine_grid. See the documentation of affine_grid for details."
)


def _limited(x: Any, size: int) -> Any:
    """Into the image. At its edges too nothing moves, as in PyTorch; NaN counts as the beginning."""
    inside = (x > 0) & (x < size - 1)
    return fnp.where(inside, x, fnp.where(x > 0, size - 1, 0).astype(x.dtype))


def _reflected(x: Any, size: int, align_corners: bool) -> Any:
    """Reflected at the outer elements, or at their outer edges, until it is inside."""
    low, span = (0.0, size - 1.0) if align_corners else (-0.5, float(size))
    if not span:
        return x * 0
    x = x - low
    x = fnp.where(x < 0, -x, x)
    flips = fnp.floor(x / span)
    rest = x - flips * span
    return fnp.where(flips % 2 == 0, rest, span - rest) + low


def _padded(x: Any, size: int, padding: str, align_corners: bool) -> Any:
    if padding == "reflection":
        x = _reflected(x, size, align_corners)
    return x if padding == "zeros" else _limited(x, size)


def _whole(at: Any, size: int) -> tuple[Any, Any]:
    """Whole places that can be read, and which of them are in the image."""
    inside = (at >= 0) & (at < size)
    return fnp.where(inside, at, 0).astype(np.int64), inside


def _cubic_weights(t: Any) -> list[Any]:
    """Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = -0.75."""
    a = -0.75

    def near(x: Any) -> Any:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Any) -> Any:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def _taps(x: Any, size: int, mode: str, padding: str, align_corners: bool) -> list[tuple[Any, Any, Any]]:
    """The places along an axis that a point is read from, which of them exist, and their weights."""
    if align_corners:
        x = (x + 1) * ((size - 1) / 2)
    else:
        x = (x + 1) * (size / 2) - 0.5
    if mode == "bicubic":
        left = fnp.floor(x)
        near = [_padded(left + k, size, padding, align_corners) for k in range(-1, 3)]
        return [(*_whole(at, size), w) for at, w in zip(near, _cubic_weights(x - left))]
    x = _padded(x, size, padding, align_corners)
    if mode == "nearest":
        return [(*_whole(fnp.round(x), size), flat(fnp.ones_like, x))]
    left = fnp.floor(x)
    return [(*_whole(left, size), left + 1 - x), (*_whole(left + 1, size), x - left)]


def _sampled(image: Any, grid: Any, mode: str, padding: str, align_corners: bool) -> Any:
    """``(N, C, ...)`` at points ``(N, ..., axes)``, whose coordinates begin with the last axis."""
    space = image.ndim - 2
    rows = fnp.moveaxis(image, 1, -1)
    number = np.arange(image.shape[0]).reshape(-1, *(1,) * space)
    axes = [
        _taps(grid[..., space - 1 - axis], size, mode, padding, align_corners)
        for axis, size in enumerate(image.shape[2:])
    ]
    total: Any = 0
    for corner in itertools.product(*axes):
        places, exist, weights = zip(*corner)
        inside, weight = functools.reduce(operator.and_, exist), functools.reduce(operator.mul, weights)
        total = total + fnp.where(inside[..., None], rows[(number, *places)], 0) * weight[..., None]
    return fnp.moveaxis(total, -1, 1)


def _check_sampling(input: Tensor, grid: Tensor, mode: str) -> None:
    """PyTorch's errors."""
    if input.dtype is not grid.dtype:
        raise RuntimeError(f"expected scalar type {input.dtype.title} but found {grid.dtype.title}")
    if input.dim() < 2 or input.shape[0] != grid.shape[0]:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, but got input with sizes "
            f"{list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    if grid.shape[-1] != input.dim() - 2:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {input.dim() - 2} in last dimension, but got grid with sizes "
            f"{list(grid.shape)}"
        )
    for axis, size in enumerate(input.shape[2:], 2):
        if size <= 0:
            raise RuntimeError(
                "grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes "
                f"{list(input.shape)} with dimension {axis} being empty"
            )
    if input.dim() not in (4, 5) or input.dim() != grid.dim():
        ranks = f"{input.dim()}D" if input.dim() in (4, 5) else "4D or 5D"
        raise RuntimeError(
            f"grid_sampler(): expected {ranks} input and grid with same number of dimensions, but got input with sizes "
            f"{list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    if input.dim() == 5 and mode == "bicubic":
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Images ``(N, C, H, W)`` at points ``(N, H', W', 2)``: ``(N, C, H', W')``; volumes ``(N, C, D, H, W)`` alike.

    A point is (x, y), from -1 at the left and upper edge to 1 at the others; `align_corners` has the edges in the
    middle of the outer elements.

    >>> import funcgrad.torch as torch
    >>> image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> grid_sample(image, torch.zeros(1, 1, 1, 2), align_corners=True)
    tensor([[[[2.5000]]]])
    """
    need_tensors("grid_sampler", input=input, grid=grid)
    if mode not in MODES:
        raise ValueError(
            f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'"
        )
    if padding_mode not in PADDINGS:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: "
            f"'{padding_mode}'"
        )
    if align_corners is None:
        warn(UNSAID_CORNERS, UserWarning)
    _check_sampling(input, grid, mode)
    space = input.dim() - 2
    refuse(input, "biuc", f"grid_sampler_{space}d_cpu" + "_kernel_impl" * (space == 2))
    how = {"mode": mode, "padding": padding_mode, "align_corners": bool(align_corners)}
    return contiguous(call(SAMPLERS[space], _sampled, input, grid, **how))


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """Points for `grid_sample`: those of an image of `size` ``(N, C, H, W)``, moved by matrices ``(N, 2, 3)``.

    Volumes have matrices ``(N, 3, 4)``.

    >>> import funcgrad.torch as torch
    >>> affine_grid(torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]), (1, 1, 1, 2), align_corners=False)
    tensor([[[[-0.5000,  0.0000],
              [ 0.5000,  0.0000]]]])
    """
    if align_corners is None:
        warn(UNSAID_CORNERS, UserWarning)
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    axes = len(size) - 2
    if axes not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size "
            f"{size}."
        )
    if theta.dim() != 3 or tuple(theta.shape[1:]) != (axes, axes + 1):
        raise ValueError(
            f"Expected a batch of {axes}D affine matrices of shape Nx{axes}x{axes + 1} for size {size}. Got "
            f"{theta.shape}."
        )
    if align_corners and min(size[2:]) == 1:
        warn(UNIT_GRID, UserWarning)
    elif min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    if theta.shape[0] != size[0]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{size[0]}, {axes + 1}] but got: "
            f"[{theta.shape[0]}, {axes + 1}]."
        )
    return contiguous(call(AFFINE_GRID, _moved, theta, size=tuple(size), align_corners=bool(align_corners)))


def _moved(theta: Any, size: tuple[int, ...], align_corners: bool) -> Any:
    """The centres of an image's elements as rows (x, y, 1), times each matrix."""
    lines = [_centres(n, align_corners, theta.dtype) for n in size[2:]]
    centres = np.stack([*np.meshgrid(*lines, indexing="ij")[::-1], np.ones(size[2:], theta.dtype)], -1)
    points = fnp.matmul(centres.reshape(-1, len(size) - 1), fnp.swapaxes(theta, 1, 2))
    return fnp.reshape(points, (size[0], *size[2:], len(size) - 2))


def _centres(n: int, align_corners: bool, dtype: np.dtype) -> np.ndarray:
    """Where n elements lie between -1 and 1."""
    if n <= 1:
        return np.zeros(n, dtype)
    line = np.linspace(-1, 1, n, dtype=dtype)
    return line if align_corners else line * dtype.type((n - 1) / n)
