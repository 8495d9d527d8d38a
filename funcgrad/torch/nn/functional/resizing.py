"""Images in other sizes, and the blocks of images."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad.core.warned import warn
from funcgrad.torch._ops.memory_order import like_images
from funcgrad.torch._record.calls import Kind, call
from funcgrad.torch._record.operands import refuse
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn.functional.antialias import FILTERS as antialias_filters
from funcgrad.torch.nn.functional.antialias import taps as antialias_taps
from funcgrad.torch.nn.functional.pooling import (
    Places,
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
)
from funcgrad.torch.nn.functional.sizes import per_dim
from funcgrad.torch.nn.functional.windows import blocks_counted, need_pairs

NEEDED = {"linear": 3, "bilinear": 4, "bicubic": 4, "trilinear": 5}
AREA = adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
KINDS = {
    **{("nearest", n): Kind(f"UpsampleNearest{n}DBackward0", "-") for n in (1, 2, 3)},
    **{("nearest-exact", n): Kind(f"UpsampleNearestExact{n}DBackward0", "-") for n in (1, 2, 3)},
    ("linear", 1): Kind("UpsampleLinear1DBackward0", "-"),
    ("bilinear", 2): Kind("UpsampleBilinear2DBackward0", "-"),
    ("trilinear", 3): Kind("UpsampleTrilinear3DBackward0", "-"),
    ("bicubic", 2): Kind("UpsampleBicubic2DBackward0", "-"),
}
SMOOTH = {mode: Kind(f"Upsample{mode.title()}2DAaBackward0", "-") for mode in antialias_filters}
Taps = tuple[np.ndarray, np.ndarray | None]
Pair = tuple[int, ...]
"""Which elements each new one is made of, ``(new size, taps)``, and their weights."""


def _nearest(n: int, m: int, scale: float | None, exact: bool) -> Taps:
    """PyTorch computes the places in float32."""
    step = np.float32(n / m if scale is None else 1.0 / scale)
    at = (np.arange(m, dtype=np.float32) + np.float32(0.5 if exact else 0)) * step
    return np.minimum(np.floor(at).astype(np.int64), n - 1)[:, None], None


def _sources(n: int, m: int, scale: float | None, align_corners: bool, dtype: np.dtype) -> np.ndarray:
    """Where between the old elements each new one lies."""
    at = np.arange(m, dtype=dtype)
    if align_corners:
        return at * dtype.type((n - 1) / (m - 1) if m > 1 else 0.0)
    return (at + dtype.type(0.5)) * dtype.type(n / m if scale is None else 1.0 / scale) - dtype.type(0.5)


def _linear(n: int, m: int, scale: float | None, align_corners: bool, dtype: np.dtype) -> Taps:
    at = np.maximum(_sources(n, m, scale, align_corners, dtype), 0)
    left = np.minimum(at.astype(np.int64), n - 1)
    share = np.clip(at - left, 0, 1).astype(dtype)
    return np.stack([left, np.minimum(left + 1, n - 1)], 1), np.stack([1 - share, share], 1)


def _cubic(n: int, m: int, scale: float | None, align_corners: bool, dtype: np.dtype) -> Taps:
    """Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = -0.75."""
    at = _sources(n, m, scale, align_corners, dtype)
    left = np.floor(at).astype(np.int64)
    t = (at - left).astype(dtype)
    a = dtype.type(-0.75)

    def near(x: np.ndarray) -> np.ndarray:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: np.ndarray) -> np.ndarray:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    weights = np.stack([far(t + 1), near(t), near(1 - t), far(2 - t)], 1)
    return np.clip(left[:, None] + np.arange(-1, 3), 0, n - 1), weights


def _resized(x: Any, taps: list[Taps]) -> Any:
    """One dimension after the other, the last one first."""
    for axis, (at, weights) in reversed(list(enumerate(taps, 2))):
        shape = (-1, *(1,) * (x.ndim - axis - 1))
        if weights is None:
            x = fnp.take(x, at[:, 0], axis=axis)
            continue
        parts = [fnp.take(x, at[:, k], axis=axis) * weights[:, k].reshape(shape) for k in range(at.shape[1])]
        x = parts[0]
        for part in parts[1:]:
            x = x + part
    return x


def _new_sizes(
    input: Tensor, size: Any, scale_factor: Any, recompute: bool
) -> tuple[list[int], list[float | None]]:
    """The sizes, and the factors that places are computed with (None: the ratio of sizes)."""
    space = input.dim() - 2
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is not None:
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        if isinstance(size, (list, tuple)) and len(size) != space:
            raise ValueError(
                "Input and output must have the same number of spatial dimensions, but got input with spatial "
                f"dimensions of {list(input.shape[2:])} and output size of {size}. Please provide input tensor in "
                "(N, C, d1, d2, ...,dK) format and output size in (o1, o2, ...,oK) format."
            )
        return [int(n) for n in per_dim(size, space)], [None] * space
    if scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    if isinstance(scale_factor, (list, tuple)) and len(scale_factor) != space:
        raise ValueError(
            "Input and scale_factor must have the same number of spatial dimensions, but got input with spatial "
            f"dimensions of {list(input.shape[2:])} and scale_factor of shape {scale_factor}. Please provide input "
            "tensor in (N, C, d1, d2, ...,dK) format and scale_factor in (s1, s2, ...,sK) format."
        )
    factors = [float(f) for f in per_dim(scale_factor, space)]
    sizes = [int(n * f) for n, f in zip(input.shape[2:], factors)]
    return sizes, [None] * space if recompute else list(factors)


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """``(N, C, *space)`` in another size.

    Args:
        input: 1 to 3 dimensions of space.
        size, scale_factor: one of both, for each dimension or for all.
        mode: "nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic", "area", or with `antialias`
            "lanczos".
        align_corners: whether the outer elements' centres, and not their borders, stay where they are.
        recompute_scale_factor: compute places with the ratio of the sizes in place of the factor.
        antialias: make an element that is larger than the old ones of all that it covers; "bilinear", "bicubic" and
            "lanczos", of two dimensions of space.
    """
    if mode in ("nearest", "area", "nearest-exact") and align_corners is not None:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear"
        )
    sizes, scales = _new_sizes(input, size, scale_factor, bool(recompute_scale_factor))
    space, ndim = input.dim() - 2, input.dim()
    if mode == "area" and space in (1, 2, 3):
        return AREA[space - 1](input, sizes)
    if antialias and (mode not in SMOOTH or ndim != 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D tensor as input"
        )
    if mode == "lanczos" and ndim == 4 and not antialias:
        raise ValueError("Lanczos mode requires antialias=True")
    if mode == "lanczos" and ndim == 4 and align_corners:
        raise ValueError("Lanczos mode does not support align_corners=True")
    if (mode, space) not in KINDS and not antialias:
        if mode in NEEDED and ndim in (3, 4, 5) and mode != "bicubic":
            raise NotImplementedError(f"Got {ndim}D input, but {mode} mode needs {NEEDED[mode]}D input")
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {ndim}D) for the modes: nearest | linear | "
            f"bilinear | bicubic | trilinear | lanczos | area | nearest-exact (got {mode})"
        )
    if any(n <= 0 for n in (*sizes, *input.shape[2:])):
        given, wanted = (", ".join(f"{a}: {n}" for a, n in zip("DHW"[-space:], ns)) for ns in (input.shape[2:], sizes))
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input ({given}) {'and ' * (space == 1)}output "
            f"({wanted})"
        )
    if not input.shape[1]:
        raise RuntimeError(
            f"Non-empty {ndim}D data tensor expected but got a tensor with sizes {list(input.shape)}"
        )
    if antialias:
        return _smooth(input, sizes, scales, mode, bool(align_corners))
    shape = "nearest" if mode.startswith("nearest") else "cubic" if mode == "bicubic" else "linear"
    kernel = f"compute_indices_weights_{shape}"
    if space == 2 and shape != "cubic":
        kernel = f"upsample_{'bilinear' if shape == 'linear' else shape}2d_channels_last"
    refuse(input, "ibc" if shape == "nearest" else "iubc", kernel)
    taps = []
    for n, m, scale in zip(input.shape[2:], sizes, scales):
        if shape == "nearest":
            taps.append(_nearest(n, m, scale, mode == "nearest-exact"))
        else:
            make = _cubic if shape == "cubic" else _linear
            taps.append(make(n, m, scale, bool(align_corners), input._read().dtype))
    return like_images(call(KINDS[mode, space], _resized, input, taps=taps), input)


def _smooth(input: Tensor, sizes: list[int], scales: list[float | None], mode: str, align_corners: bool) -> Tensor:
    refuse(input, "iubc", "compute_index_ranges_weights")
    dtype = input._read().dtype
    taps = [
        antialias_taps(mode, n, m, scale, align_corners, dtype) for n, m, scale in zip(input.shape[2:], sizes, scales)
    ]
    return like_images(call(SMOOTH[mode], _resized, input, taps=taps), input)


def _older(name: str) -> None:
    warn(
        f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate` instead.", UserWarning,
    )


def upsample(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Tensor:
    """Deprecated by PyTorch: write `interpolate`."""
    _older("upsample")
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """Deprecated by PyTorch: write `interpolate`."""
    _older("upsample_nearest")
    return interpolate(input, size, scale_factor)


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """Deprecated by PyTorch: write `interpolate`, with `align_corners`."""
    _older("upsample_bilinear")
    return interpolate(input, size, scale_factor, "bilinear", True)


UNFOLD, FOLD = Kind("Im2Col"), Kind("Col2Im")
PIXEL_SHUFFLE, PIXEL_UNSHUFFLE = Kind("PixelShuffle"), Kind("PixelUnshuffle")


def _places_of(sizes: Pair, counts: Pair, options: dict[str, Pair]) -> np.ndarray:
    """The places of each block's elements in the padded image."""
    padded = tuple(n + 2 * p for n, p in zip(sizes, options["padding"]))
    return Places(padded, counts, options["kernel_size"], options["stride"], (0, 0), options["dilation"]).at


def _unfolded(x: Any, places: np.ndarray, pads: tuple[int, ...]) -> Any:
    image = fnp.pad(x, [(0, 0)] * (x.ndim - 2) + [(p, p) for p in pads])
    flat = fnp.reshape(image, (*x.shape[:-2], prod(image.shape[-2:])))
    taken = flat[..., places.T]  # (N, C, window, blocks)
    return fnp.reshape(taken, (*x.shape[:-3], x.shape[-3] * places.shape[1], len(places)))


def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The blocks of ``(N, C, H, W)`` side by side: ``(N, C * window, blocks)``."""
    options = need_pairs(kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride)
    shape = input.shape
    dimension(2, len(shape))
    if input.dim() not in (3, 4) or 0 in shape[-3:]:
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, "
            f"but got: {list(shape)}"
        )
    sizes: Pair = tuple(shape[-2:])
    counts = blocks_counted(sizes, options)
    if min(counts) < 1:
        raise RuntimeError(
            f"Given input with spatial size {sizes}, kernel_size={options['kernel_size']}, "
            f"dilation={options['dilation']}, padding={options['padding']}, calculated shape of the array of sliding "
            f"blocks as {counts}, but its components must be at least one."
        )
    refuse(input, "iu", "im2col_out_cpu")
    places = _places_of(sizes, counts, options)
    return call(UNFOLD, _unfolded, input, places=places, pads=options["padding"])


def _folded(x: Any, places: np.ndarray, sizes: tuple[int, ...], pads: tuple[int, ...], window: int) -> Any:
    ahead = (*x.shape[:-2], x.shape[-2] // window)
    parts = fnp.reshape(x, (*ahead, window, x.shape[-1]))
    padded = tuple(n + 2 * p for n, p in zip(sizes, pads))
    flat = fnp.at(fnp.zeros((*ahead, padded[0] * padded[1]), x.dtype))[..., places.T].add(parts)
    image = fnp.reshape(flat, (*ahead, *padded))
    return image[..., pads[0] : pads[0] + sizes[0], pads[1] : pads[1] + sizes[1]]


def fold(
    input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """The image that is the sum of its blocks: the transpose of `unfold`."""
    names = {"kernel_size": kernel_size, "dilation": dilation, "padding": padding, "stride": stride}
    options = need_pairs(output_size=output_size, **names)
    sizes, window = options.pop("output_size"), prod(options["kernel_size"])
    shape = input.shape
    if input.dim() not in (2, 3) or 0 in shape[-2:]:
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for "
            f"input, but got: {list(shape)}"
        )
    if shape[-2] % window:
        raise RuntimeError(
            f"Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={shape[-2]} and kernel_size={options['kernel_size']}."
        )
    counts = blocks_counted(sizes, options)
    if shape[-1] != prod(counts) or min(counts) < 1:
        given = ", ".join(f"{name}={options[name]}" for name in names)
        raise RuntimeError(
            f"Given output_size={sizes}, {given}, expected size of input's dimension 2 to match the "
            f"calculated number of sliding blocks {counts[0]} * {counts[1]} = {prod(counts)}, but got "
            f"input.size(2)={shape[-1]}."
        )
    refuse(input, "iu", "col2im_out_cpu")
    places = _places_of(sizes, counts, options)
    return call(FOLD, _folded, input, places=places, sizes=sizes, pads=options["padding"], window=window)


def _shuffled(x: Any, r: int) -> Any:
    *ahead, c, h, w = x.shape
    blocks = fnp.moveaxis(fnp.reshape(x, (*ahead, c // (r * r), r, r, h, w)), (-4, -3), (-3, -1))
    return fnp.reshape(blocks, (*ahead, c // (r * r), h * r, w * r))


def need_factor(function: str, option: str, input: Tensor, factor: int) -> None:
    """PyTorch's errors for fewer than three dimensions, and for a factor that is no count."""
    if input.dim() < 3:
        raise RuntimeError(
            f"{function} expects input to have at least 3 dimensions, but got input with {input.dim()} dimension(s)"
        )
    if factor <= 0:
        raise RuntimeError(f"{function} expects a positive {option}, but got {factor}")


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """``(*, C * r * r, H, W)`` as ``(*, C, H * r, W * r)``."""
    need_factor("pixel_shuffle", "upscale_factor", input, upscale_factor)
    if input.shape[-3] % upscale_factor**2:
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, "
            f"but input.size(-3)={input.shape[-3]} is not divisible by {upscale_factor**2}"
        )
    return like_images(call(PIXEL_SHUFFLE, _shuffled, input, r=upscale_factor), input)


def _unshuffled(x: Any, r: int) -> Any:
    *ahead, c, h, w = x.shape
    blocks = fnp.moveaxis(fnp.reshape(x, (*ahead, c, h // r, r, w // r, r)), (-3, -1), (-4, -3))
    return fnp.reshape(blocks, (*ahead, c * r * r, h // r, w // r))


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """The inverse of `pixel_shuffle`."""
    need_factor("pixel_unshuffle", "downscale_factor", input, downscale_factor)
    for name, n in zip(("height", "width"), range(-2, 0)):
        if input.shape[n] % downscale_factor:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but input.size({n})="
                f"{input.shape[n]} is not divisible by {downscale_factor}"
            )
    return like_images(call(PIXEL_UNSHUFFLE, _unshuffled, input, r=downscale_factor), input)


SHUFFLE = Kind("ChannelShuffle")


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Channels in groups, taken by turns from each."""
    shape = tuple(input.shape)
    if len(shape) < 3:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(shape)}")
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    if shape[1] % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {shape[1]} channels and {groups} groups."
        )
    order = np.arange(shape[1]).reshape(groups, -1).T.reshape(-1)
    return like_images(call(SHUFFLE, lambda v: fnp.take(v, order, axis=1), input), input)
