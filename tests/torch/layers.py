# ruff: noqa: E501
"""Every module and function of torch.nn at one or several points, in full precision, as PyTorch has them.

`python -m tests.torch.layers` writes layers.json, with PyTorch installed.
"""

from __future__ import annotations

import json
import warnings
from functools import lru_cache
from math import inf, nan
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

STORED = Path(__file__).with_name("layers.json")
DTYPES = ("float64", "float32")


class Case(NamedTuple):
    """A call, in `m` (a module, whose parameters are filled) and in inputs x, y, z: expressions of the makers below."""

    call: str
    inputs: tuple[str, ...]
    module: str = ""
    mode: str = "train"


def makers(torch: Any, dtype: str) -> dict[str, Any]:
    """r: numbers around zero, p: between 0 and 1, i: integers below the first argument, at: given numbers."""
    kind = getattr(torch, dtype)

    def floats(array: np.ndarray) -> Any:
        return torch.tensor(array, dtype=kind, requires_grad=True)

    def r(*shape: int, shift: float = 0.0) -> Any:
        n = np.arange(np.prod(shape, dtype=int)).reshape(shape)
        return floats(1.3 * np.sin(n * 1.7 + 0.3 + shift) + 0.4 * np.cos(n * n + 2.0 * shift))

    def p(*shape: int) -> Any:
        n = np.arange(np.prod(shape, dtype=int)).reshape(shape)
        return floats(0.5 + 0.45 * np.sin(n * 2.3 + 0.5))

    def i(below: int, *shape: int) -> Any:
        n = np.arange(np.prod(shape, dtype=int)).reshape(shape)
        return torch.tensor((n * 7 + n // 3) % below)

    def at(*numbers: float) -> Any:
        return floats(np.array(numbers))

    return {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "kind": kind, "inf": inf, "nan": nan,
            "r": r, "p": p, "i": i, "at": at}  # fmt: skip


LINE = "at(-30.0, -6.0, -3.0, -2.5, -1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0, 2.5, 3.0, 6.0, 30.0)"
EDGES = "at(nan, inf, -inf)"
SINGLES = (
    "F.relu(x)", "F.relu6(x)", "F.leaky_relu(x)", "F.leaky_relu(x, 0.3)", "F.elu(x)", "F.elu(x, 0.7)", "F.selu(x)",
    "F.celu(x)", "F.celu(x, 1.5)", "F.gelu(x)", "F.gelu(x, approximate='tanh')", "F.silu(x)", "F.mish(x)",
    "F.softplus(x)", "F.softplus(x, 2.0, 5.5)", "F.softsign(x)", "F.hardtanh(x)", "F.hardtanh(x, -0.5, 2.5)",
    "F.hardsigmoid(x)", "F.hardswish(x)", "F.tanh(x)", "F.sigmoid(x)", "F.logsigmoid(x)", "F.threshold(x, 0.5, 7.0)",
    "F.tanhshrink(x)", "F.softshrink(x)", "F.softshrink(x, 1.0)", "F.hardshrink(x)", "F.hardshrink(x, 2.5)",
)  # fmt: skip
ALONG = (
    "F.softmax(x, 1)", "F.softmax(x, dim=0)", "F.log_softmax(x, -1)", "F.softmin(x, 1)", "F.glu(x)", "F.glu(x, 0)",
    "F.normalize(x)", "F.normalize(x, p=1, dim=0)", "F.softmax(x, 1, dtype=torch.float64)",
)  # fmt: skip
IMAGES = {
    "F.max_unpool1d(*F.max_pool1d(x, 2, return_indices=True), 2)": "r(2, 3, 7)",
    "F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2, output_size=(5, 6))": "r(1, 2, 5, 6)",
    "F.max_unpool2d(*F.max_pool2d(x, 3, 1, return_indices=True), 3, 1)": "r(2, 4, 5)",
    "F.max_unpool3d(*F.max_pool3d(x, 2, return_indices=True), 2)": "r(1, 1, 4, 2, 4)",
    "F.lp_pool1d(x, 2.0, 3, 2)": "r(2, 2, 7)", "F.lp_pool2d(x * x, 3.0, 2)": "r(2, 2, 4, 4)", "F.lp_pool3d(x, 2.0, (1, 2, 2), ceil_mode=True)": "r(1, 1, 2, 3, 4)",
    "F.lp_pool1d(x, inf, 3)": "r(2, 2, 7)", "F.lp_pool2d(x, -inf, 2)": "r(2, 2, 4, 4)",
    "F.local_response_norm(x, 2)": "r(2, 4, 3)", "F.local_response_norm(x, 3, 0.5, 0.6, 2.0)": "r(1, 5, 2, 3)",
    "F.channel_shuffle(x, 2)": "r(2, 6, 3)", "F.rrelu(x, 0.1, 0.4)": LINE,
    "F.max_pool1d(x, 2)": "r(2, 3, 7)",
    "F.max_pool1d(x, 3, stride=2, padding=1)": "r(3, 7)",
    "F.max_pool1d(x, 3, stride=2, padding=1, ceil_mode=True)": "r(1, 2, 8)",
    "F.max_pool2d(x, 2)": "r(2, 2, 4, 6)",
    "F.max_pool2d(x, (3, 2), stride=(2, 1), padding=1)": "r(2, 6, 5)",
    "F.max_pool2d(x, 2, dilation=2)": "r(1, 2, 5, 6)",
    "F.max_pool2d(x, 3, 2, ceil_mode=True, return_indices=True)": "r(1, 2, 6, 6)",
    "F.max_pool2d(x * 0, 2)": "r(1, 1, 4, 4)",
    "F.max_pool3d(x, 2)": "r(1, 2, 4, 4, 5)",
    "F.avg_pool1d(x, 3, 2, 1)": "r(2, 3, 7)",
    "F.avg_pool1d(x, 3, 2, 1, True, False)": "r(2, 3, 8)",
    "F.avg_pool2d(x, 2)": "r(2, 2, 4, 6)",
    "F.avg_pool2d(x, (3, 2), stride=2, padding=1, count_include_pad=False)": "r(2, 6, 5)",
    "F.avg_pool2d(x, 3, 2, 1, ceil_mode=True)": "r(1, 2, 6, 6)",
    "F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False)": "r(1, 2, 6, 6)",
    "F.avg_pool2d(x, 2, divisor_override=3)": "r(1, 2, 4, 4)",
    "F.avg_pool3d(x, 2)": "r(1, 2, 4, 4, 5)",
    "F.adaptive_avg_pool1d(x, 3)": "r(2, 3, 7)",
    "F.adaptive_avg_pool2d(x, 1)": "r(2, 2, 4, 5)",
    "F.adaptive_avg_pool2d(x, (2, 3))": "r(2, 2, 5, 7)",
    "F.adaptive_avg_pool2d(x, (None, 2))": "r(2, 4, 6)",
    "F.adaptive_avg_pool2d(x, 2)": "r(1, 2, 4, 4)",
    "F.adaptive_avg_pool3d(x, 2)": "r(1, 1, 4, 5, 3)",
    "F.adaptive_max_pool1d(x, 3)": "r(2, 3, 7)",
    "F.adaptive_max_pool1d_with_indices(x, 3)": "r(2, 3, 7)",
    "F.adaptive_max_pool2d_with_indices(x, (2, None))": "r(1, 2, 5, 3)",
    "F.adaptive_max_pool3d_with_indices(x, 2)": "r(1, 1, 3, 3, 4)",
    "F.adaptive_max_pool2d(x, (2, 3), return_indices=True)": "r(1, 2, 5, 7)",
    "F.pad(x, (1, 2))": "r(2, 3)",
    "F.pad(x, (1, 0, 2, 1), value=3.5)": "r(2, 3)",
    "F.pad(x, (-1, 2, 0, -1))": "r(3, 4)",
    "F.pad(x, (2, 1), mode='reflect')": "r(2, 3, 4)",
    "F.pad(x, (2, 1, 1, 2), mode='reflect')": "r(1, 2, 4, 5)",
    "F.pad(x, (2, 3), mode='replicate')": "r(2, 4)",
    "F.pad(x, (1, 1, 2, 0), mode='replicate')": "r(1, 2, 3, 4)",
    "F.pad(x, (1, 1, 2, 0, 1, 1), mode='replicate')": "r(1, 2, 2, 3, 3)",
    "F.pad(x, (2, 3), mode='circular')": "r(2, 3, 4)",
    "F.pad(x, (1, 2, 2, 0), mode='circular')": "r(1, 2, 3, 4)",
    "F.interpolate(x, scale_factor=2)": "r(1, 2, 3, 4)",
    "F.interpolate(x, size=5)": "r(1, 2, 3)",
    "F.interpolate(x, scale_factor=1.7)": "r(1, 2, 5)",
    "F.interpolate(x, size=(4, 3), mode='nearest-exact')": "r(1, 2, 7, 5)",
    "F.interpolate(x, scale_factor=2)[0]": "r(1, 1, 2, 2, 3)",
    "F.interpolate(x, size=7, mode='linear')": "r(1, 2, 4)",
    "F.interpolate(x, size=(5, 7), mode='bilinear')": "r(1, 2, 3, 4)",
    "F.interpolate(x, size=(5, 7), mode='bilinear', align_corners=True)": "r(1, 2, 3, 4)",
    "F.interpolate(x, scale_factor=(1.5, 0.6), mode='bilinear')": "r(1, 1, 4, 6)",
    "F.interpolate(x, scale_factor=1.5, mode='bilinear', recompute_scale_factor=True)": "r(1, 1, 3, 5)",
    "F.interpolate(x, size=(3, 4, 3), mode='trilinear')": "r(1, 1, 2, 2, 3)",
    "F.interpolate(x, size=(5, 7), mode='bicubic')": "r(1, 1, 4, 4)",
    "F.interpolate(x, size=(5, 7), mode='bicubic', align_corners=True)": "r(1, 1, 4, 4)",
    "F.interpolate(x, size=(2, 3), mode='area')": "r(1, 1, 5, 6)",
    **{f"F.interpolate(x, {how}, antialias=True)": "r(1, 2, 7, 5)" for how in (
        "(3, 4), mode='bilinear'", "(9, 2), mode='bilinear', align_corners=True", "scale_factor=(0.4, 1.7), mode='bilinear'", "(1, 3), mode='bicubic'", "(5, 9), mode='bicubic', align_corners=True",
        "scale_factor=0.6, mode='bicubic', recompute_scale_factor=True", "(3, 2), mode='lanczos'", "scale_factor=(0.3, 2.1), mode='lanczos'")},
    **{f"F.fractional_max_pool2d(x, {how}, return_indices=True, _random_samples=p({images}, 3, 2).detach())": shape for how, images, shape in (
        ("2, 3", 2, "r(2, 3, 6, 7)"), ("(3, 2), (2, 4)", 1, "r(3, 6, 7)"), ("2, output_ratio=(0.5, 0.7)", 1, "r(1, 3, 6, 7) * 0"))},
    **{f"F.fractional_max_pool3d(x, {how}, return_indices=True, _random_samples=p({images}, 2, 3).detach())": shape for how, images, shape in (
        ("2, 2", 2, "r(2, 2, 4, 5, 6)"), ("(1, 3, 2), (2, 1, 3)", 1, "r(2, 3, 5, 6)"))},
    "F.fractional_max_pool2d_with_indices(torch.where(x > 1.2, nan, x), 3, (1, 2), _random_samples=p(1, 2, 2).detach())": "r(1, 2, 4, 6)",
    "F.unfold(x, 2)": "r(1, 2, 3, 4)",
    "F.unfold(x, (2, 3), dilation=2, padding=1, stride=2)": "r(1, 2, 5, 6)",
    "F.fold(x, (4, 5), 2)": "r(1, 8, 12)",
    "F.fold(x, (4, 5), 2, padding=1, stride=2)": "r(1, 4, 9)",
    "F.pixel_shuffle(x, 2)": "r(1, 8, 2, 3)",
    "F.pixel_unshuffle(x, 2)": "r(1, 2, 4, 6)",
}
SAMPLED = {
    f"F.grid_sample(x, y, {mode!r}, {pad!r}, {corners})": ("r(2, 2, 3, 4)", "r(2, 2, 4, 2, shift=0.5)")
    for mode in ("bilinear", "nearest", "bicubic") for pad in ("zeros", "border", "reflection") for corners in (True, False)
} | {
    f"F.grid_sample(x, y, {mode!r}, {pad!r}, {corners})[:1]": ("r(1, 2, 3, 2, 4)", "r(1, 2, 3, 1, 3, shift=0.5)")
    for mode in ("bilinear", "nearest") for pad in ("zeros", "border", "reflection") for corners in (True, False)
} | {
    "F.grid_sample(x, y.view(1, 3, 3, 2), 'bilinear', 'border', True)": ("r(1, 1, 3, 5)", "at(-1.0, -1.0, 1.0, 1.0, 0.0, 0.0, -0.5, 0.5, 1.5, 0.2, 0.0, -2.0, -1.0, 0.3, 0.25, 1.0, 0.5, -0.1)"),
    "F.grid_sample(x, y.view(1, 3, 3, 2), 'bilinear', 'reflection', True)": ("r(1, 1, 3, 5)", "at(-1.0, -1.0, 1.0, 1.0, 0.0, 0.0, -0.5, 0.5, 1.5, 0.2, 0.0, -2.0, -1.0, 0.3, 0.25, 1.0, 0.5, -0.1)"),
    "F.grid_sample(x, y.view(1, 3, 3, 2), 'bilinear', 'zeros', True)": ("r(1, 1, 3, 5)", "at(-1.0, -1.0, 1.0, 1.0, 0.0, 0.0, -0.5, 0.5, 1.5, 0.2, 0.0, -2.0, -1.0, 0.3, 0.25, 1.0, 0.5, -0.1)"),
    "F.grid_sample(x, y, align_corners=True, padding_mode='reflection')": ("r(1, 1, 1, 1)", "r(1, 1, 4, 2)"),
    "F.affine_grid(x, (2, 1, 3, 4), True)": ("r(2, 2, 3)",), "F.affine_grid(x, (2, 1, 3, 4), False)": ("r(2, 2, 3)",),
    "F.affine_grid(x, (2, 1, 1, 2), True)": ("r(2, 2, 3)",), "F.affine_grid(x, (1, 2, 2, 1, 3), False)": ("r(1, 3, 4)",),
    "F.affine_grid(x, torch.Size((1, 2, 2, 1, 3)), True)": ("r(1, 3, 4)",),
    "torch.grid_sampler(x, y, 0, 1, False)": ("r(2, 2, 3, 4)", "r(2, 2, 4, 2, shift=0.5)"),
    "torch.affine_grid_generator(x, (2, 1, 3, 4), True)": ("r(2, 2, 3)",),
    "F.grid_sample(x, F.affine_grid(y, (1, 2, 3, 3), False), align_corners=False)": ("r(1, 2, 3, 4)", "r(1, 2, 3)"),
}  # fmt: skip
PRODUCTS = {
    "F.linear(x, y)": ("r(2, 3)", "r(4, 3, shift=1.0)"),
    "F.linear(x, y, z)": ("r(2, 3)", "r(4, 3, shift=1.0)", "r(4, shift=2.0)"),
    "F.linear(x, y, z)[1:]": ("r(3)", "r(4, 3, shift=1.0)", "r(4, shift=2.0)"),
    "F.linear(x, y, z) * 1": ("r(2, 2, 3)", "r(4, 3, shift=1.0)", "r(4, shift=2.0)"),
    "F.bilinear(x, y, z)": ("r(2, 3)", "r(2, 2, shift=1.0)", "r(4, 3, 2, shift=2.0)"),
    "F.prelu(x, y)": (LINE, "at(0.25)"),
    "F.prelu(x, y) * 1": ("r(2, 3, 2)", "at(0.25, 0.1, -0.3)"),
    "F.conv1d(x, y)": ("r(2, 3, 6)", "r(4, 3, 3, shift=1.0)"),
    "F.conv1d(x, y, z, stride=2, padding=1)": ("r(3, 6)", "r(4, 3, 3, shift=1.0)", "r(4, shift=2.0)"),
    "F.conv1d(x, y, padding='same')": ("r(1, 2, 6)", "r(2, 2, 4, shift=1.0)"),
    "F.conv2d(x, y)": ("r(1, 2, 4, 5)", "r(3, 2, 2, 3, shift=1.0)"),
    "F.conv2d(x, y, z, (2, 1), (1, 2), (1, 2))": ("r(2, 2, 4, 5)", "r(3, 2, 2, 3, shift=1.0)", "r(3)"),
    "F.conv2d(x, y, groups=2)": ("r(1, 4, 3, 4)", "r(6, 2, 2, 2, shift=1.0)"),
    "F.conv3d(x, y, padding=1)": ("r(1, 2, 2, 3, 3)", "r(2, 2, 2, 2, 2, shift=1.0)"),
    "F.conv_transpose1d(x, y, z, 2, 1, 1)": ("r(2, 3, 4)", "r(3, 2, 3, shift=1.0)", "r(2)"),
    "F.conv_transpose2d(x, y)": ("r(1, 2, 3, 3)", "r(2, 3, 2, 2, shift=1.0)"),
    "F.conv_transpose2d(x, y, stride=(2, 3), padding=1, dilation=2, groups=2)": ("r(1, 4, 3, 3)", "r(4, 2, 2, 3, shift=1.0)"),
    "F.conv_transpose3d(x, y, stride=2)": ("r(1, 2, 2, 2, 2)", "r(2, 1, 2, 2, 2, shift=1.0)"),
    "F.embedding(x, y)": ("i(5, 2, 3)", "r(5, 2)"),
    "F.embedding(x, y, padding_idx=2)": ("i(5, 7)", "r(5, 2)"),
    "F.embedding(x, y, scale_grad_by_freq=True)": ("i(5, 2, 8)", "r(6, 2)"),
    "F.embedding(x, y / (y > -1.0), padding_idx=3, scale_grad_by_freq=True)": ("i(5, 8)", "r(5, 3)"),
    "F.conv_tbc(x, y, z)": ("r(5, 2, 3)", "r(2, 3, 4, shift=1.0)", "r(4, shift=2.0)"),
    "F.conv_tbc(x, y, z, 1)": ("r(4, 2, 3)", "r(3, 3, 2, shift=1.0)", "r(2, shift=2.0)"),
    "F.conv_tbc(x, y, z, -1)": ("r(6, 1, 2)", "r(2, 2, 2, shift=1.0)", "r(2, shift=2.0)"),
    "F.batch_norm(x, None, None, y, z, training=True)": ("r(4, 3)", "r(3, shift=1.0)", "r(3, shift=2.0)"),
    "F.layer_norm(x, (3,), y, z)": ("r(4, 3)", "r(3, shift=1.0)", "r(3, shift=2.0)"),
    "F.layer_norm(x, (2, 3))": ("r(4, 2, 3)",),
    "F.group_norm(x, 2, y, z)": ("r(2, 4, 3)", "r(4, shift=1.0)", "r(4, shift=2.0)"),
    "F.instance_norm(x)": ("r(2, 3, 4)",),
    "F.rms_norm(x, (3,), y)": ("r(4, 3)", "r(3, shift=1.0)"),
    "F.rms_norm(x, (3,), eps=0.1)": ("r(4, 3)",),
    "F.cosine_similarity(x, y)": ("r(3, 4)", "r(3, 4, shift=1.0)"),
    "F.cosine_similarity(x, y, dim=0) * 2": ("r(3, 4)", "r(3, 4, shift=1.0)"),
    "F.pairwise_distance(x, y)": ("r(3, 4)", "r(3, 4, shift=1.0)"),
    "F.pairwise_distance(x, y, p=1, keepdim=True)": ("r(3, 4)", "r(3, 4, shift=1.0)"),
    "F.scaled_dot_product_attention(x, y, z)": ("r(2, 3, 4)", "r(2, 5, 4, shift=1.0)", "r(2, 5, 3, shift=2.0)"),
    "F.scaled_dot_product_attention(x, y, z, is_causal=True)": ("r(1, 2, 3, 4)", "r(1, 2, 3, 4, shift=1.0)", "r(1, 2, 3, 4, shift=2.0)"),
    "F.scaled_dot_product_attention(x, y, y, attn_mask=z < 2, scale=0.3)": ("r(2, 3, 4)", "r(2, 5, 4, shift=1.0)", "i(4, 3, 5)"),
    "F.scaled_dot_product_attention(x, y, y, attn_mask=z)": ("r(2, 3, 4)", "r(2, 5, 4, shift=1.0)", "r(3, 5, shift=3.0)"),
    "F.one_hot(x)": ("i(4, 5)",),
    "F.one_hot(x, 6)": ("i(4, 2, 2)",),
}
CLASSES = "r(4, 3)", "i(3, 4)"
LOSSES = {
    "F.mse_loss(x, y)": ("r(2, 3)", "r(2, 3, shift=1.0)"),
    "F.mse_loss(x, y, reduction='sum')": ("r(2, 3)", "r(2, 3, shift=1.0)"),
    "F.mse_loss(x, y, reduction='none')": ("r(2, 3)", "r(2, 3, shift=1.0)"),
    "F.l1_loss(x, y)": ("at(0.0, 1.0, -1.0)", "at(0.0, 0.5, 2.0)"),
    "F.l1_loss(x, y, reduction='none')": ("r(2, 3)", "r(2, 3, shift=1.0)"),
    "F.smooth_l1_loss(x, y)": ("at(0.0, 1.0, -1.0, 3.0)", "at(0.0, 0.0, 2.0, 2.5)"),
    "F.smooth_l1_loss(x, y, beta=0.5, reduction='none')": ("r(2, 3)", "r(2, 3, shift=1.0)"),
    "F.huber_loss(x, y)": ("at(0.0, 1.0, -1.0, 3.0)", "at(0.0, 0.0, 2.0, 2.5)"),
    "F.huber_loss(x, y, delta=0.5, reduction='sum')": ("r(2, 3)", "r(2, 3, shift=1.0)"),
    "F.cross_entropy(x, y)": CLASSES,
    "F.linear_cross_entropy(x, y, z)": ("r(4, 5)", "r(3, 5, shift=0.5)", "i(3, 4)"),
    "F.linear_cross_entropy(x, y, z, linear_bias=torch.ones(3, dtype=kind), reduction='sum', ignore_index=1)": ("r(4, 5)", "r(3, 5, shift=0.5)", "i(3, 4)"),
    "F.linear_cross_entropy(x, y, z, weight=torch.tensor([0.5, 1.0, 2.0], dtype=kind), reduction='none', label_smoothing=0.1)": ("r(4, 5)", "r(3, 5, shift=0.5)", "i(3, 4)"),
    "F.linear_cross_entropy(x, y, z, linear_bias=torch.ones(3, 2, dtype=kind))": ("r(4, 5)", "r(3, 2, 5)", "i(3, 4, 2)"),
    "F.linear_cross_entropy(x, y, z)  # one sample": ("r(5)", "r(3, 5)", "i(3)"),
    "F.linear_cross_entropy(x, y, z)  # probabilities": ("r(4, 5)", "r(3, 5)", "p(4, 3).detach()"),
    "F.cross_entropy(x, y, reduction='none')": CLASSES,
    "F.cross_entropy(x, y, reduction='sum')": CLASSES,
    "F.cross_entropy(x, y, weight=z)": (*CLASSES, "p(3).detach()"),
    "F.cross_entropy(x, y, ignore_index=1)": CLASSES,
    "F.cross_entropy(x, y, weight=z, ignore_index=1, label_smoothing=0.2)": (*CLASSES, "p(3).detach()"),
    "F.cross_entropy(x, y, label_smoothing=0.1)": CLASSES,
    "F.cross_entropy(x, y, ignore_index=2, label_smoothing=0.1, reduction='none')": CLASSES,
    "F.cross_entropy(x, y, ignore_index=2, label_smoothing=0.1)": CLASSES,
    "F.cross_entropy(x, y) * 1": ("r(3)", "torch.tensor(2)"),
    "F.cross_entropy(x, y) * 2": ("r(2, 3, 2)", "i(3, 2, 2)"),
    "F.cross_entropy(x, y, reduction='none') * 2": ("r(2, 3, 2, 2)", "i(3, 2, 2, 2)"),
    "F.cross_entropy(x, y.softmax(1))": ("r(4, 3)", "r(4, 3, shift=1.0)"),
    "F.cross_entropy(x, y, z, label_smoothing=0.1)": ("r(4, 3)", "p(4, 3)", "p(3).detach()"),
    "F.cross_entropy(x, y, reduction='none') * 3": ("r(4, 3)", "p(4, 3)"),
    "F.nll_loss(x, y)": CLASSES,
    "F.nll_loss(x, y, z, reduction='sum')": (*CLASSES, "p(3).detach()"),
    "F.nll_loss(x, y, ignore_index=0, reduction='none')": CLASSES,
    "F.nll_loss(x, y, ignore_index=0)": ("r(2, 3, 2, 2)", "i(3, 2, 2, 2)"),
    "F.binary_cross_entropy(x, y)": ("p(2, 3)", "p(2, 3)"),
    "F.binary_cross_entropy(x, y, z, reduction='sum')": ("p(2, 3)", "p(2, 3)", "p(2, 3).detach()"),
    "F.binary_cross_entropy(x, y, reduction='none')": ("at(0.0, 0.0, 1.0, 1.0, 1e-30, 0.5)", "at(0.0, 1.0, 0.0, 1.0, 1.0, 0.5)"),
    "F.binary_cross_entropy_with_logits(x, y)": ("r(2, 3)", "p(2, 3)"),
    "F.binary_cross_entropy_with_logits(x, y, pos_weight=z)": ("r(2, 3)", "p(2, 3)", "p(3).detach()"),
    "F.binary_cross_entropy_with_logits(x, y, z, reduction='none')": (LINE, "at(*[0.0, 1.0, 0.5] * 5)", "p(15).detach()"),
    "F.kl_div(x.log_softmax(1), y, reduction='batchmean')": ("r(2, 3)", "p(2, 3).detach()"),
    "F.kl_div(x, y, reduction='sum', log_target=True)": ("r(2, 3)", "r(2, 3, shift=1.0)"),
    "F.kl_div(x, y, reduction='none')": ("r(3)", "at(0.0, 0.5, 1.0).detach()"),
    "F.poisson_nll_loss(x, y)": ("r(2, 3)", "p(2, 3).detach() * 4"),
    "F.poisson_nll_loss(x, y, log_input=False, full=True)": ("p(2, 3)", "p(2, 3).detach() * 4"),
    "F.gaussian_nll_loss(x, y, z)": ("r(2, 3)", "r(2, 3, shift=1.0)", "p(2, 3)"),
    "F.gaussian_nll_loss(x, y, z, full=True, eps=0.5, reduction='sum')": ("r(2, 3)", "r(2, 3, shift=1.0)", "p(2, 1)"),
    "F.hinge_embedding_loss(x, y)": ("at(0.5, 1.0, 2.0, -1.0)", "at(1.0, -1.0, -1.0, -1.0).detach()"),
    "F.margin_ranking_loss(x, y, z, 0.5)": ("at(0.5, 1.0, 2.0)", "at(1.0, 0.5, 0.0)", "at(1.0, -1.0, -1.0).detach()"),
    "F.cosine_embedding_loss(x, y, z, 0.1)": ("r(4, 3)", "r(4, 3, shift=1.0)", "at(1.0, -1.0, -1.0, 1.0).detach()"),
    "F.triplet_margin_loss(x, y, z)": ("r(4, 3)", "r(4, 3, shift=1.0)", "r(4, 3, shift=2.0)"),
    "F.triplet_margin_loss(x, y, z, swap=True, p=1, reduction='none')": ("r(4, 3)", "r(4, 3, shift=1.0)", "r(4, 3, shift=2.0)"),
    "F.soft_margin_loss(x, y)": ("r(4)", "at(1.0, -1.0, -1.0, 1.0).detach()"),
    "F.multilabel_soft_margin_loss(x, y)": ("r(2, 3)", "p(2, 3).detach()"),
    "F.multi_margin_loss(x, y)": CLASSES,
    "F.multi_margin_loss(x, y, p=2, margin=0.7, weight=z, reduction='none')": (*CLASSES, "p(3).detach()"),
}
MODULES = {
    "nn.Identity(7)": ("r(2, 3)",),
    "nn.Linear(3, 2)": ("r(2, 3)",),
    "nn.Linear(3, 2, bias=False)": ("r(2, 2, 3)",),
    "nn.Bilinear(3, 2, 4)": ("r(2, 3)", "r(2, 2, shift=1.0)"),
    "nn.Conv1d(2, 3, 3)": ("r(1, 2, 5)",),
    "nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2, bias=False)": ("r(1, 2, 4, 5)",),
    "nn.Conv2d(2, 2, 3, padding=(1, 2), padding_mode='circular')": ("r(1, 2, 3, 4)",),
    "nn.Conv2d(1, 2, (2, 3), padding='same', padding_mode='reflect')": ("r(1, 3, 4)",),
    "nn.Conv1d(2, 2, 3, padding=2, padding_mode='replicate', dilation=2)": ("r(1, 2, 6)",),
    "nn.Conv3d(1, 2, 2)": ("r(1, 1, 3, 3, 3)",),
    "nn.ConvTranspose1d(2, 3, 3, stride=2)": ("r(1, 2, 4)",),
    "nn.ConvTranspose2d(2, 2, 2, stride=2, output_padding=1)": ("r(1, 2, 2, 3)",),
    "nn.ConvTranspose3d(1, 1, 2)": ("r(1, 1, 2, 2, 2)",),
    "nn.MaxPool1d(2)": ("r(1, 2, 5)",),
    "nn.MaxPool2d(2, stride=1)": ("r(1, 2, 3, 4)",),
    "nn.MaxPool3d(2)": ("r(1, 1, 2, 4, 2)",),
    "nn.AvgPool1d(2)": ("r(1, 2, 5)",),
    "nn.AvgPool2d(3, 2, 1, count_include_pad=False)": ("r(1, 1, 4, 5)",),
    "nn.AvgPool3d(2, 1)": ("r(1, 1, 2, 3, 2)",),
    "nn.AdaptiveAvgPool1d(2)": ("r(1, 2, 5)",),
    "nn.AdaptiveAvgPool2d((2, None))": ("r(1, 1, 4, 3)",),
    "nn.AdaptiveAvgPool3d(1)": ("r(1, 2, 2, 3, 2)",),
    "nn.AdaptiveMaxPool1d(2)": ("r(1, 2, 5)",),
    "nn.AdaptiveMaxPool2d(2)": ("r(1, 1, 5, 3)",),
    "nn.AdaptiveMaxPool3d(2)": ("r(1, 1, 3, 3, 3)",),
    "nn.BatchNorm1d(3)": ("r(4, 3)",),
    "nn.BatchNorm1d(3, affine=False, momentum=None)": ("r(4, 3, 2)",),
    "nn.BatchNorm2d(2, eps=0.01, momentum=0.3)": ("r(2, 2, 2, 3)",),
    "nn.BatchNorm2d(2, track_running_stats=False)": ("r(2, 2, 2, 3)",),
    "nn.BatchNorm3d(2, bias=False)": ("r(2, 2, 2, 1, 2)",),
    "nn.LayerNorm(3)": ("r(4, 3)",),
    "nn.LayerNorm((2, 3), bias=False)": ("r(2, 2, 3)",),
    "nn.LayerNorm(3, elementwise_affine=False, eps=0.1)": ("r(2, 3)",),
    "nn.GroupNorm(2, 4)": ("r(2, 4, 3)",),
    "nn.GroupNorm(1, 4, affine=False)": ("r(2, 4)",),
    "nn.InstanceNorm1d(2)": ("r(2, 2, 4)",),
    "nn.InstanceNorm1d(2, track_running_stats=True, affine=True)": ("r(2, 2, 4)",),
    "nn.InstanceNorm2d(2, affine=True)": ("r(2, 2, 3)",),
    "nn.InstanceNorm3d(1)": ("r(1, 1, 2, 2, 2)",),
    "nn.RMSNorm(3)": ("r(4, 3)",),
    "nn.RMSNorm((2, 3), eps=0.01, elementwise_affine=False)": ("r(2, 2, 3)",),
    "nn.Embedding(5, 2)": ("i(5, 2, 3)",),
    "nn.Embedding(5, 2, padding_idx=-1)": ("i(5, 7)",),
    "nn.Embedding(5, 2, max_norm=0.7)": ("i(3, 4)",),
    "nn.Embedding.from_pretrained(r(4, 2).detach(), freeze=False)": ("i(4, 3)",),
    "nn.RNN(3, 2)": ("r(4, 2, 3)",),
    "nn.RNN(3, 2, nonlinearity='relu', bias=False)": ("r(4, 3)",),
    "nn.RNN(3, 2, 2, 'relu')": ("r(4, 2, 3)",),
    "nn.LSTM(3, 2)": ("r(4, 2, 3)",),
    "nn.LSTM(3, 2, 2, batch_first=True, bidirectional=True)": ("r(2, 3, 3)",),
    "nn.LSTM(3, 4, proj_size=2, bias=False)": ("r(3, 2, 3)",),
    "nn.GRU(3, 2)": ("r(4, 2, 3)",),
    "nn.GRU(3, 2, 2, bidirectional=True, batch_first=True)": ("r(2, 3, 3)",),
    "nn.RNNCell(3, 2)": ("r(2, 3)", "r(2, 2, shift=1.0)"),
    "nn.RNNCell(3, 2, nonlinearity='relu', bias=False)": ("r(3)",),
    "nn.LSTMCell(3, 2)": ("r(2, 3)",),
    "nn.GRUCell(3, 2)": ("r(2, 3)", "r(2, 2, shift=1.0)"),
    "nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0)": ("r(3, 2, 4)",),
    "nn.TransformerEncoderLayer(4, 2, 6, 0.0, 'gelu', batch_first=True, norm_first=True)": ("r(2, 3, 4)",),
    "nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 1, 3, 0.0), 2, nn.LayerNorm(4))": ("r(3, 1, 4)",),
    "nn.ReLU()": (LINE,), "nn.ReLU6()": (LINE,), "nn.LeakyReLU(0.2)": (LINE,), "nn.ELU(0.5)": (LINE,),
    "nn.SELU()": (LINE,), "nn.CELU(0.5)": (LINE,), "nn.GELU()": (LINE,), "nn.GELU('tanh')": (LINE,),
    "nn.SiLU()": (LINE,), "nn.Mish()": (LINE,), "nn.Softplus(2.0)": (LINE,), "nn.Softsign()": (LINE,),
    "nn.Hardtanh(-2.0, 0.5)": (LINE,), "nn.Hardsigmoid()": (LINE,), "nn.Hardswish()": (LINE,), "nn.Tanh()": (LINE,),
    "nn.Sigmoid()": (LINE,), "nn.LogSigmoid()": (LINE,), "nn.Threshold(0.1, 20.0)": (LINE,), "nn.Tanhshrink()": (LINE,),
    "nn.Softshrink()": (LINE,), "nn.Hardshrink()": (LINE,), "nn.PReLU()": (LINE,), "nn.PReLU(3)": ("r(2, 3, 2)",),
    "nn.Softmax(1)": ("r(2, 3)",), "nn.Softmin(0)": ("r(2, 3)",), "nn.LogSoftmax(-1)": ("r(2, 3)",),
    "nn.Softmax2d()": ("r(1, 3, 2, 2)",), "nn.GLU()": ("r(2, 4)",),
    "nn.ReflectionPad1d(2)": ("r(1, 2, 4)",), "nn.ReflectionPad2d((1, 0, 2, 1))": ("r(1, 2, 3, 4)",),
    "nn.ReflectionPad3d(1)": ("r(1, 1, 2, 3, 2)",), "nn.ReplicationPad1d(2)": ("r(1, 2, 4)",),
    "nn.ReplicationPad2d(1)": ("r(1, 2, 2, 2)",), "nn.ReplicationPad3d(1)": ("r(1, 1, 2, 2, 2)",),
    "nn.CircularPad1d(2)": ("r(1, 2, 4)",), "nn.CircularPad2d(1)": ("r(1, 2, 2, 2)",),
    "nn.CircularPad3d(1)": ("r(1, 1, 2, 2, 2)",), "nn.ZeroPad1d(1)": ("r(1, 2, 4)",), "nn.ZeroPad2d((1, 2, 0, 1))": ("r(2, 2)",),
    "nn.ZeroPad3d(1)": ("r(1, 1, 2, 2, 2)",), "nn.ConstantPad1d(1, 2.5)": ("r(2, 2)",),
    "nn.ConstantPad2d(1, 2.5)": ("r(2, 2)",), "nn.ConstantPad3d(1, 2.5)": ("r(1, 2, 2)",),
    "nn.Upsample(scale_factor=2)": ("r(1, 1, 2, 3)",), "nn.Upsample((3, 4), mode='bilinear', align_corners=True)": ("r(1, 1, 2, 3)",),
    "nn.UpsamplingNearest2d(scale_factor=2)": ("r(1, 1, 2, 3)",), "nn.UpsamplingBilinear2d((3, 4))": ("r(1, 1, 2, 3)",),
    "nn.PixelShuffle(2)": ("r(1, 4, 2, 2)",), "nn.PixelUnshuffle(2)": ("r(1, 1, 4, 2)",),
    "nn.Unfold(2)": ("r(1, 1, 3, 3)",), "nn.Fold((3, 3), 2)": ("r(1, 4, 4)",),
    "nn.Flatten()": ("r(2, 3, 2)",), "nn.Unflatten(1, (3, -1))": ("r(2, 6)",),
    "nn.Dropout(0.0)": ("r(2, 3)",),
    "nn.CosineSimilarity(0)": ("r(3, 2)", "r(3, 2, shift=1.0)"), "nn.PairwiseDistance(keepdim=True)": ("r(3, 2)", "r(3, 2, shift=1.0)"),
    "nn.L1Loss()": ("r(2, 3)", "r(2, 3, shift=1.0)"), "nn.MSELoss(reduction='sum')": ("r(2, 3)", "r(2, 3, shift=1.0)"),
    "nn.SmoothL1Loss(beta=0.5)": ("r(2, 3)", "r(2, 3, shift=1.0)"), "nn.HuberLoss(delta=0.5)": ("r(2, 3)", "r(2, 3, shift=1.0)"),
    "nn.LinearCrossEntropyLoss(3, 3)": CLASSES, "nn.LinearCrossEntropyLoss(3, 3, bias=True, reduction='sum', label_smoothing=0.1, weight=torch.tensor([1.0, 2.0, 0.5], dtype=kind), ignore_index=0)": CLASSES,
    "nn.CrossEntropyLoss(label_smoothing=0.1)": CLASSES, "nn.CrossEntropyLoss(torch.tensor([1.0, 2.0, 0.5], dtype=kind), ignore_index=0)": CLASSES,
    "nn.NLLLoss(reduction='sum')": CLASSES, "nn.BCELoss()": ("p(3)", "p(3)"),
    "nn.BCEWithLogitsLoss(pos_weight=torch.tensor([2.0, 3.0], dtype=kind))": ("r(3, 2)", "p(3, 2)"),
    "nn.KLDivLoss(reduction='batchmean')": ("r(2, 3)", "p(2, 3).detach()"), "nn.PoissonNLLLoss(full=True)": ("r(3)", "p(3).detach() * 4"),
    "nn.GaussianNLLLoss()": ("r(3)", "r(3, shift=1.0)", "p(3)"), "nn.HingeEmbeddingLoss(2.0)": ("r(4)", "at(1.0, -1.0, -1.0, 1.0).detach()"),
    "nn.MarginRankingLoss(0.5)": ("r(3)", "r(3, shift=1.0)", "at(1.0, -1.0, 1.0).detach()"),
    "nn.CosineEmbeddingLoss()": ("r(2, 3)", "r(2, 3, shift=1.0)", "at(1.0, -1.0).detach()"),
    "nn.TripletMarginLoss(2.0)": ("r(2, 3)", "r(2, 3, shift=1.0)", "r(2, 3, shift=2.0)"),
    "nn.TripletMarginWithDistanceLoss(swap=True)": ("r(2, 3)", "r(2, 3, shift=1.0)", "r(2, 3, shift=2.0)"),
    "nn.SoftMarginLoss()": ("r(2)", "at(1.0, -1.0).detach()"), "nn.MultiLabelSoftMarginLoss()": ("r(2, 3)", "p(2, 3).detach()"),
    "nn.MultiMarginLoss()": CLASSES,
    "nn.MultiLabelMarginLoss()": ("r(2, 3)", "torch.tensor([[2, 0, -1], [1, -1, 0]])"),
    "nn.MultiLabelMarginLoss(reduction='none')": ("r(4)", "torch.tensor([1, 3, -1, 0])"),
    "nn.EmbeddingBag(5, 2)": ("i(5, 2, 3)",),
    "nn.EmbeddingBag(5, 2, mode='max', padding_idx=2)": ("i(5, 3, 4)",),
    "nn.EmbeddingBag(5, 2, mode='sum')": ("i(5, 7)", "torch.tensor([0, 2, 2, 6])"),
    "nn.EmbeddingBag(5, 2, include_last_offset=True, padding_idx=-2)": ("i(5, 7)", "torch.tensor([0, 4, 7])"),
    "nn.TransformerDecoderLayer(4, 2, 6, dropout=0.0)": ("r(3, 2, 4)", "r(5, 2, 4, shift=1.0)"),
    "nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 1, 3, 0.0, 'gelu', batch_first=True, norm_first=True), 2, nn.LayerNorm(4))": ("r(2, 3, 4)", "r(2, 5, 4, shift=1.0)"),
    "nn.Transformer(4, 2, 1, 1, 3, 0.0)": ("r(3, 2, 4)", "r(5, 2, 4, shift=1.0)"),
    "nn.AdaptiveLogSoftmaxWithLoss(4, 9, [3, 6], 2.0, True)": ("r(5, 4)", "torch.tensor([0, 4, 8, 5, 2])"),
    "nn.LocalResponseNorm(2)": ("r(2, 4, 3)",), "nn.LPPool2d(2, 2)": ("r(2, 2, 4, 4)",),
}  # fmt: skip
OTHER_CALLS = {
    "nn.CTCLoss()": ("m(x.log_softmax(2), torch.tensor([[1, 2], [3, 3], [0, 1]])[:2], (5, 4), (2, 2))", ("r(5, 2, 4)",)),
    "nn.CTCLoss(2, 'none')": ("m(x, torch.tensor([1, 3, 3, 0]), torch.tensor([6, 5]), torch.tensor([3, 1]))", ("r(6, 2, 4)",)),
    "nn.CTCLoss(reduction='sum', zero_infinity=True)": ("m(x, torch.tensor([[1, 1], [3, 2]]), (2, 4), (2, 0))", ("r(4, 2, 4)",)),
    "nn.CTCLoss(reduction='none')": ("m(x, torch.tensor([1, 1]), torch.tensor(3), torch.tensor(2))", ("r(5, 4)",)),
    "nn.CTCLoss(0, 'sum')": ("m(x, torch.tensor([[1, 1], [3, 2]]), (2, 4), (2, 2))", ("r(4, 2, 4)",)),
    "nn.EmbeddingBag(5, 2, mode='sum', include_last_offset=True)": ("m(x, torch.tensor([0, 3, 7]), y)", ("i(5, 7)", "r(7)")),
    "nn.AdaptiveLogSoftmaxWithLoss(4, 7, [3])": ("(m.log_prob(x), m.predict(x))", ("r(5, 4)",)),
    "nn.Transformer(4, 2, 1, 2, 3, 0.0, batch_first=True)": (
        "m(x, y, tgt_mask=nn.Transformer.generate_square_subsequent_mask(5, dtype=kind), memory_key_padding_mask=z > 1, tgt_is_causal=True)", ("r(2, 3, 4)", "r(2, 5, 4, shift=1.0)", "i(3, 2, 3)")),
    "nn.LinearCrossEntropyLoss(3, 4, out_features=(2, 3), bias=True)": ("m(x, y)", ("r(5, 3)", "i(4, 5, 2, 3)")),
    "nn.FractionalMaxPool2d((2, 3), 2)": ("torch.manual_seed(3) and m(x)", ("r(2, 3, 6, 7)",)),
    "nn.FractionalMaxPool3d(2, output_ratio=0.5, return_indices=True)": ("torch.manual_seed(3) and m(x)", ("r(2, 4, 5, 6)",)),
    "nn.LSTM(3, 2)": ("m(x, (y, z))", ("r(4, 2, 3)", "r(1, 2, 2, shift=1.0)", "r(1, 2, 2, shift=2.0)")),
    "nn.LSTM(3, 2, num_layers=1)": ("m(x, (y, z))", ("r(4, 3)", "r(1, 2, shift=1.0)", "r(1, 2, shift=2.0)")),
    "nn.GRU(3, 2, bidirectional=True)": ("m(x, y)", ("r(4, 2, 3)", "r(2, 2, 2, shift=1.0)")),
    "nn.LSTMCell(3, 2, bias=False)": ("m(x, (y, z))", ("r(2, 3)", "r(2, 2, shift=1.0)", "r(2, 2, shift=2.0)")),
    "nn.MultiheadAttention(4, 2)": ("m(x, x, x)", ("r(3, 2, 4)",)),
    "nn.MultiheadAttention(4, 2, bias=False)": ("m(x, y, y, need_weights=False)", ("r(3, 2, 4)", "r(5, 2, 4, shift=1.0)")),
    "nn.MultiheadAttention(4, 2, batch_first=True, add_bias_kv=True)": (
        "m(x, x, x, key_padding_mask=y > 1, average_attn_weights=False)", ("r(2, 3, 4)", "i(3, 2, 3)")),
    "nn.MultiheadAttention(4, 1, kdim=3, vdim=2, add_zero_attn=True)": (
        "m(x, y, z)", ("r(3, 2, 4)", "r(5, 2, 3, shift=1.0)", "r(5, 2, 2, shift=2.0)")),
    "nn.MultiheadAttention(4, 2, add_zero_attn=True)": ("m(x, x, x, attn_mask=y > 1)", ("r(3, 4)", "i(3, 3, 3)")),
    "nn.TransformerEncoderLayer(4, 2, 6, 0.0, bias=False)": (
        "m(x, torch.triu(torch.full((3, 3), -inf, dtype=kind), 1), is_causal=True)", ("r(3, 2, 4)",)),
    "nn.ConvTranspose2d(2, 2, 2, stride=3)": ("m(x, output_size=(6, 8))", ("r(1, 2, 2, 3)",)),
    "nn.MaxPool2d(2, return_indices=True)": ("m(x)", ("r(1, 2, 4, 4)",)),
}  # fmt: skip
NAMES_DIFFER = {
    "circular": "PyTorch writes the parts into an empty tensor", "Circular": "PyTorch writes the parts into an empty tensor",
    "swap=True": "clamp_min is clamp",
    "nn.LSTM": "which operation it is depends on the dtype and the machine", "nn.GRU(": "several operations in PyTorch",
    "nn.RNN(": "several operations in PyTorch", "LSTMCell": "several operations in PyTorch",
    "m.log_prob": "PyTorch writes the parts into an empty tensor",
    "average_attn_weights=False": "PyTorch returns a view",
}  # fmt: skip
"""What a case contains whose last operation has another name, and why."""


class Differs(NamedTuple):
    """What differs from PyTorch in a case on purpose, by how much relative to its numbers, and why."""

    parts: tuple[str, ...]
    relative: float
    reason: str


DIFFERS = {
    "F.hardsigmoid(x) on the line": Differs(("gradient",), 1e-7, "PyTorch's factor 1/6 is rounded to float32"),
    "nn.Hardsigmoid()": Differs(("gradient",), 1e-7, "PyTorch's factor 1/6 is rounded to float32"),
    **{name: Differs(("second",), 1e-9, "PyTorch adds 1e-12 to the denominators of the second derivative") for name in (
        "F.binary_cross_entropy(x, y)", "F.binary_cross_entropy(x, y, z, reduction='sum')", "nn.BCELoss()")},
    "F.binary_cross_entropy(x, y, reduction='none')": Differs(
        ("by input 1", "second"), inf, "at 0 and 1 PyTorch's derivative by the target, and the second one, are infinite: here "
        "they are those of the loss as it is computed, with its bounded logarithms"),
}  # fmt: skip
EVALUATED = tuple(name for name in MODULES if "Norm" in name or "Transformer" in name or "Dropout" in name)


def cases() -> dict[str, Case]:
    found = {f"{e} on the line": Case(e, (LINE,)) for e in SINGLES} | {f"{e} at the edges": Case(e, (EDGES,)) for e in SINGLES}
    found |= {e: Case(e, ("r(4, 6)",)) for e in ALONG} | {e: Case(e, (x,)) for e, x in IMAGES.items()}
    found |= {e: Case(e, inputs) for e, inputs in (PRODUCTS | SAMPLED | LOSSES).items()}
    for module, inputs in MODULES.items():
        found[module] = Case(f"m({', '.join('xyz'[: len(inputs)])})", inputs, module)
    found |= {f"{module}, evaluated": found[module]._replace(mode="eval") for module in EVALUATED}
    return found | {f"{module}: {call}": Case(call, inputs, module) for module, (call, inputs) in OTHER_CALLS.items()}


def fill(torch: Any, module: Any) -> None:
    """Parameters that are not small, from their positions."""
    with torch.no_grad():
        for k, own in enumerate(module.parameters()):
            n = np.arange(own.numel()).reshape(tuple(own.shape))
            own.copy_(torch.tensor(0.6 * np.cos(n * 1.1 + k) + 0.15, dtype=own.dtype))


def outcome(torch: Any, case: Case, dtype: str) -> dict[str, Any]:
    """Values, the names of their `grad_fn`, and gradients of a weighted sum, once and twice."""
    names = makers(torch, dtype)
    torch.set_default_dtype(names["kind"])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            inputs = [eval(text, names) for text in case.inputs]
            module = eval(case.module, names) if case.module else None
            if module is not None:
                fill(torch, module)
                module.train(case.mode == "train")
            out = eval(case.call, names | dict(zip("xyz", inputs)) | {"m": module})
            return _described(torch, out, inputs, module)
    finally:
        torch.set_default_dtype(torch.float32)


def _described(torch: Any, out: Any, inputs: list[Any], module: Any) -> dict[str, Any]:
    outs = list(_flat(torch, out))
    found: dict[str, Any] = {"values": [_written(y) for y in outs]}
    found["names"] = [y.grad_fn.name() if y.grad_fn is not None else None for y in outs]
    found["contiguous"] = [y.is_contiguous() for y in outs]
    leaves = {f"input {i}": x for i, x in enumerate(inputs)}
    if module is not None:
        leaves |= dict(module.named_parameters())
        found["buffers"] = {name: _written(b) for name, b in module.named_buffers()}
    leaves = {name: x for name, x in leaves.items() if x.requires_grad}
    total = _weighted_sum(torch, outs)
    if total is None:
        return found
    first = torch.autograd.grad(total, list(leaves.values()), create_graph=True, allow_unused=True)
    found["first"] = {name: _gradient(g) for name, g in zip(leaves, first)}
    again = _weighted_sum(torch, [g for g in first if g is not None])
    if again is not None:
        try:
            second = torch.autograd.grad(again, list(leaves.values()), allow_unused=True)
        except (RuntimeError, NotImplementedError):
            found["second"] = "not implemented"
        else:
            found["second"] = {name: _gradient(g) for name, g in zip(leaves, second)}
    return found


def _flat(torch: Any, out: Any) -> Any:
    if isinstance(out, torch.Tensor):
        yield out
    elif out is not None:
        for part in out:
            yield from _flat(torch, part)


def _weighted_sum(torch: Any, tensors: list[Any]) -> Any:
    total = None
    for k, t in enumerate(tensors):
        if t.requires_grad:
            weights = np.cos(np.arange(t.numel()) * 0.7 + k).reshape(tuple(t.shape)) + 0.3
            term = (t * torch.tensor(weights, dtype=t.dtype)).sum()
            total = term if total is None else total + term
    return total


def _gradient(g: Any) -> str | None:
    """None also for PyTorch's tensors that stand for zeros without having any."""
    return None if g is None or getattr(g, "_is_zerotensor", bool)() else _written(g)


def _written(t: Any) -> str:
    array = np.asarray(t.detach().numpy())
    return f"{array.dtype} {list(array.shape)}: " + " ".join(map(str, array.reshape(-1)))


@lru_cache(maxsize=1)
def stored() -> dict[str, dict[str, Any]]:
    return json.loads(STORED.read_text())


def differences(name: str, found: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """What differs by more than rounding, and not on purpose."""
    differ = [f"grad_fn {f}, not {w}" for f, w in zip(found["names"], wanted["names"], strict=True) if f != w]
    if any(part in name for part in NAMES_DIFFER):
        differ = []
    in_order = zip(found["contiguous"], wanted["contiguous"], strict=True)
    differ += [f"result {i} is not contiguous" for i, (f, w) in enumerate(in_order) if w and not f]
    pairs = [(f"value {i}", f, w) for i, (f, w) in enumerate(zip(found["values"], wanted["values"], strict=True))]
    pairs += _pairs(found.get("buffers", {}), wanted.get("buffers", {}), "buffer")
    pairs += _pairs(found.get("first", {}), wanted.get("first", {}), "gradient by")
    if wanted.get("second", "not implemented") != "not implemented":
        pairs += _pairs(found.get("second", dict.fromkeys(wanted["second"])), wanted["second"], "second gradient by")
    scale = max([1.0, *(np.abs(v[np.isfinite(v)]).max(initial=0.0) for _, _, w in pairs if w for v in [_numbers(w)])])
    allowed = DIFFERS.get(name)
    return differ + [
        f"{what}: {f}, not {w}"
        for what, f, w in pairs
        if not _same(f, w, scale, allowed.relative if allowed and any(p in what for p in allowed.parts) else 0.0)
    ]


def _pairs(found: dict[str, Any], wanted: dict[str, Any], what: str) -> list[tuple[str, Any, Any]]:
    assert list(found) == list(wanted)
    return [(f"{what} {name}", found[name], wanted[name]) for name in wanted]


def _numbers(text: str) -> np.ndarray:
    return np.array([{"True": 1.0, "False": 0.0}.get(n) or float(n) for n in text.partition(": ")[2].split()])


def _same(found: str | None, wanted: str | None, scale: float, relative: float) -> bool:
    """Gradients that are None in one of both are zero in the other."""
    if relative == inf:
        return True
    if found is None or wanted is None:
        given = found or wanted
        return given is None or not np.any(_numbers(given))
    (kind, _, _), (wanted_kind, _, _) = found.partition(": "), wanted.partition(": ")
    if kind != wanted_kind:
        return False
    dtype = np.dtype(kind.split()[0])
    if dtype.kind != "f":
        return found == wanted
    eps = float(np.finfo(dtype).eps)
    near = {"rtol": max(64 * eps, relative), "atol": 16 * eps * scale, "equal_nan": True}
    return bool(np.allclose(_numbers(found), _numbers(wanted), **near))


def main() -> None:
    import torch

    table = {name: {d: outcome(torch, case, d) for d in DTYPES} for name, case in cases().items()}
    STORED.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in table.items()) + "\n}\n")


if __name__ == "__main__":
    main()
