"""Borders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import funcgrad.numpy as fnp
from funcgrad.torch._ops.memory_order import like_images
from funcgrad.torch._record.calls import Kind, call, contiguous, need_tensor
from funcgrad.torch._record.operands import refuse
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.tensor import Tensor

CONSTANT, CIRCULAR = Kind("ConstantPadNd"), Kind("CopySlices")
BORDERS = {
    mode: tuple(Kind(f"{name}Pad{space}DBackward0", "x") for space in (1, 2, 3))
    for mode, name in (("reflect", "Reflection"), ("replicate", "Replication"))
}
MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
UNSUPPORTED = (
    "Padding size {size} is not supported for {ndim}D input tensor.\n"
    "Supported combinations for non-constant padding:\n"
    "  - 2D or 3D input: padding size = 2 (pads last dimension)\n"
    "  - 3D or 4D input: padding size = 4 (pads last 2 dimensions)\n"
    "  - 4D or 5D input: padding size = 6 (pads last 3 dimensions)"
)
Pairs = list[tuple[int, int]]


def _trimmed(x: Any, pairs: Pairs) -> tuple[Any, Pairs]:
    """Without what negative widths take away, and the widths that are left."""
    index = tuple(slice(max(-low, 0), n - max(-high, 0)) for n, (low, high) in zip(x.shape, pairs))
    return x[index], [(max(low, 0), max(high, 0)) for low, high in pairs]


def _with_constant(x: Any, pairs: Pairs, value: Any) -> Any:
    x, pairs = _trimmed(x, pairs)
    return fnp.pad(x, pairs, constant_values=value)


def _with_border(x: Any, pairs: Pairs, mode: Any) -> Any:
    x, pairs = _trimmed(x, pairs)
    return fnp.pad(x, pairs, mode=mode)


def _check_border(input: Tensor, pad: Sequence[int], mode: str) -> int:
    """PyTorch's errors; how many dimensions of space are padded."""
    space, ndim = len(pad) // 2, input.dim()
    if space not in (1, 2, 3) or ndim not in (space + 1, space + 2):
        raise NotImplementedError(UNSUPPORTED.format(size=len(pad), ndim=ndim))
    if mode != "circular" and 0 in input.shape[-space - 1 :]:
        raise RuntimeError(
            f"Expected {space + 1}D or {space + 2}D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input, but got: {list(input.shape)}"
        )
    for i in range(space):
        axis, low, high = ndim - 1 - i, pad[2 * i], pad[2 * i + 1]
        n = input.shape[axis]
        if mode == "reflect" and max(low, high) >= n:
            raise RuntimeError(
                f"Argument #{4 + 2 * i}: Padding size should be less than the corresponding input dimension, but got: "
                f"padding ({low}, {high}) at dimension {axis} of input {list(input.shape)}"
            )
        if mode == "circular" and max(low, high) > n:
            raise RuntimeError("Padding value causes wrapping around more than once.")
        if mode == "circular" and n + low + high < 0:
            raise RuntimeError("Negative padding value is resulting in an empty dimension")
    sizes = [n + pad[2 * i] + pad[2 * i + 1] for i, n in enumerate(input.shape[: -space - 1 : -1])][::-1]
    if mode != "circular" and min(sizes) < 1:
        given, left = (
            [f"{axis}: {n}" for axis, n in zip("DHW"[-space:], ns)] for ns in (tuple(input.shape)[-space:], sizes)
        )
        shown = f"{given[0]} {', '.join(given[1:])}" if space == 3 else ", ".join(given)
        raise RuntimeError(f"input ({shown}) is too small. Calculated output {' '.join(left)}")
    return space


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """With a border: `pad` has how many elements come before and behind, from the last dimension on.

    Args:
        input: any shape; for other modes than "constant" ``(N, C, *space)`` or ``(C, *space)``.
        pad: pairs; negative numbers take elements away.
        mode: "constant", "reflect", "replicate" or "circular".
        value: the constant, 0 by default.
    """
    need_tensor(input, "pad")
    ndim = input.dim()
    if len(pad) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(pad) > 2 * ndim:
        raise RuntimeError(
            f"Padding length should be less than or equal to two times the input dimension but got padding length "
            f"{len(pad)} and input of dimension {ndim}"
        )
    given = [(int(pad[2 * i]), int(pad[2 * i + 1])) for i in range(len(pad) // 2)]
    pairs = [(0, 0)] * (ndim - len(given)) + given[::-1]
    if mode == "constant":
        if any(n + low + high < 0 for n, (low, high) in zip(input.shape, pairs)):
            raise RuntimeError("narrow(): length must be non-negative.")
        held = dtypes.held(0 if value is None else value, input._read().dtype).item()
        return like_images(call(CONSTANT, _with_constant, input, pairs=pairs, value=held), input)
    if mode not in MODES:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if value is not None and value != 0:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    space = _check_border(input, pad, mode)
    if mode != "circular":
        refuse(input, "b", f"{'reflection' if mode == 'reflect' else 'replication'}_pad{space}d")
    kind = CIRCULAR if mode == "circular" else BORDERS[mode][space - 1]
    found = call(kind, _with_border, input, pairs=pairs, mode=MODES[mode])
    return contiguous(found) if mode == "circular" else like_images(found, input)
