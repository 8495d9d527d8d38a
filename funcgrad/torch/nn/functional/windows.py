"""How windows lie in space, and PyTorch's errors, in its order, for those that do not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn.functional.sizes import per_dim

Ints = tuple[int, ...]
COUNTS = {1: "one", 2: "two", 3: "three"}
AXES = {1: "HW", 2: "HW", 3: "THW"}


class Windows(NamedTuple):
    """How windows lie in space: their sizes for each dimension, and so on."""

    sizes: Ints
    counts: Ints
    window: Ints
    stride: Ints
    padding: Ints
    dilation: Ints


def counted(sizes: Ints, window: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil: bool = False) -> Ints:
    """How many windows there are. With `ceil` also one that begins inside and ends beyond."""
    found = []
    for n, k, s, p, d in zip(sizes, window, stride, padding, dilation):
        room = n + 2 * p - d * (k - 1) - 1
        count = (room + (s - 1 if ceil else 0)) // s + 1
        if ceil and (count - 1) * s >= n + p:
            count -= 1
        found.append(count)
    return tuple(found)


def how_many(n: Any) -> int:
    return len(tuple(n)) if isinstance(n, Iterable) else 1


def need_one(function: str, **options: Any) -> None:
    """PyTorch's error for the first option of a function of one dimension that is no single number."""
    for name, n in options.items():
        if n is not None and how_many(n) != 1:
            raise RuntimeError(f"{function}() argument '{name}' should contain one int (got {how_many(n)})")


def need_two_or_three(function: str, input: Tensor) -> None:
    """PyTorch's error for an input of one dimension of space that has more, or less."""
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"Expected 2 to 3 dimensions, but got {input.dim()}-dimensional tensor for argument #1 'self' (while "
            f"checking arguments for {function})"
        )


def windows(
    function: str, input: Tensor, space: int, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool
) -> Windows:
    """What a call says of them."""
    if stride == []:
        stride = None
    averages = function.startswith("avg")
    if space == 1:
        _need_lengths_of_one(function, input, kernel, stride, padding, dilation)
    else:
        _need_lengths(function, space, kernel, stride, padding, None if averages else dilation)
        if averages and space == 2:
            dimension(-3, input.dim())
        elif input.dim() not in (space + 1, space + 2):
            raise RuntimeError(f"non-empty {space + 1}D or {space + 2}D (batch mode) tensor expected for input")
    window = per_dim(kernel, space)
    steps = window if stride is None else per_dim(stride, space)
    pads, far, sizes = per_dim(padding, space), per_dim(dilation, space), tuple(input.shape[-space:])
    if function == "max_pool1d":
        _check_vectors(window[0], steps[0], pads[0], far[0])
    else:
        _check_steps(window, steps, pads, far)
        _check_positive(space, window, steps, far)
        _check_input(function, input, window)
        _check_halves(window, pads)
    counts = counted(sizes, window, steps, pads, far, ceil)
    if any(n < 1 for n in counts):
        _refuse_sizes(function, input, counts)
    return Windows(sizes, counts, window, steps, pads, far)


def _need_lengths_of_one(function: str, input: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any) -> None:
    if function != "max_pool1d":
        name = function.removesuffix("_with_indices")
        need_two_or_three(name, input)
        return need_one(name, kernel_size=kernel, stride=stride, padding=padding, dilation=dilation)
    if input.dim() not in (2, 3) or 0 in input.shape[-2:]:
        raise RuntimeError(
            "max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but got:"
            f"{list(input.shape)}"
        )
    kinds = {
        "kernel_size": (kernel, "an int, list of ints or"), "stride": (stride, "None, an int, list of ints, or"),
        "padding": (padding, "an int, list of ints, or"), "dilation": (dilation, "an int, list of ints or"),
    }  # fmt: skip
    for name, (n, kind) in kinds.items():
        if n is not None and how_many(n) != 1:
            raise RuntimeError(f"max_pool1d() {name} must be {kind} tuple of ints of size 1 but got size {how_many(n)}")
    return None


def _need_lengths(function: str, space: int, kernel: Any, stride: Any, padding: Any, dilation: Any) -> None:
    name, either = function.removesuffix("_with_indices"), "" if function == "avg_pool3d" else "either "
    words = {
        "kernel_size": (kernel, f"must {either}be"), "stride": (stride, f"must {either}be omitted,"),
        "padding": (padding, f"must {either}be"), "dilation": (dilation, "must be either"),
    }  # fmt: skip
    for option, (n, must) in words.items():
        if n is not None and how_many(n) not in (1, space):
            raise RuntimeError(f"{name}: {option} {must} a single int, or a tuple of {COUNTS[space]} ints")


def _check_vectors(k: int, s: int, p: int, d: int) -> None:
    for name, n in (("kernel_size", k), ("stride", s)):
        if n <= 0:
            raise RuntimeError(f"max_pool1d() {name} must be greater than zero, but got {n}")
    if p < 0:
        raise RuntimeError(f"max_pool1d() padding must be non-negative, but got {p}")
    if p > k // 2:
        raise RuntimeError(
            f"max_pool1d() padding should be at most half of kernel size, but got padding={p} and kernel_size={k}"
        )
    if d <= 0:
        raise RuntimeError(f"max_pool1d() dilation must be greater than zero, but got {d}")


def _check_steps(window: Ints, stride: Ints, padding: Ints, dilation: Ints) -> None:
    for k, s, p, d in zip(window, stride, padding, dilation):
        if s == 0:
            raise RuntimeError("stride should not be zero")
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p}")
        if p > int(((k - 1) * d + 1) / 2):
            raise RuntimeError(
                f"pad should be at most half of effective kernel size, but got pad={p}, kernel_size={k} and "
                f"dilation={d}"
            )


def _check_positive(space: int, window: Ints, stride: Ints, dilation: Ints) -> None:
    named = (("kernel size", "k", window), ("stride", "d", stride), ("dilation", "dilation", dilation))
    for what, letter, sizes in named:
        if min(sizes) <= 0:
            each = " ".join(f"{letter}{axis}: {n}" for axis, n in zip(AXES[space], (*(1,) * (space == 1), *sizes)))
            raise RuntimeError(f"{what} should be greater than zero, but got {each}")


def _shape(input: Tensor, space: int) -> list[int]:
    """With the dimension that PyTorch adds where there is one."""
    shape = list(input.shape)
    return [*shape[:-1], 1, shape[-1]] if space == 1 else shape


def _check_input(function: str, input: Tensor, window: Ints) -> None:
    space = len(window)
    shape = _shape(input, space)
    if space < 3:
        if len(shape) not in (3, 4) or 0 in shape[-3:]:
            raise RuntimeError(
                "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got:"
                f"{shape}"
            )
        return
    if 0 in shape[-4:]:
        name = "avg_pool3d()" if function == "avg_pool3d" else "max_pool3d_with_indices_out_cpu_template()"
        raise RuntimeError(
            f"{name}: Expected input's non-batch dimensions to have positive length, but input has a shape of {shape} "
            "and non-batch dimension 0 has length zero!"
        )
    if function == "avg_pool3d" and any(n < k for n, k in zip(shape[-3:], window)):
        sizes, kernel = (
            " ".join(f"{letter}{axis}: {n}" for axis, n in zip(AXES[3], ns))
            for letter, ns in (("", shape[-3:]), ("k", window))
        )
        raise RuntimeError(f"input image ({sizes}) smaller than kernel size ({kernel})")


def _check_halves(window: Ints, padding: Ints) -> None:
    """What is left of halves where `dilation` is more than one."""
    if all(p <= k // 2 for k, p in zip(window, padding)):
        return
    start = "pad should be smaller than or equal to half of kernel size, but got "
    if len(window) == 3:
        (kt, kh, kw), (pt, ph, pw) = window, padding
        raise RuntimeError(f"{start}kT: {kt} kW: {kw} kH: {kh} padT: {pt} padW: {pw} padH: {ph}")
    (kh, kw), (ph, pw) = ((1, *window), (0, *padding)) if len(window) == 1 else (window, padding)
    raise RuntimeError(f"{start}padW = {pw}, padH = {ph}, kW = {kw}, kH = {kh}")


def _refuse_sizes(function: str, input: Tensor, counts: Ints) -> None:
    if function == "max_pool1d":
        raise RuntimeError(f"max_pool1d() Invalid computed output size: {counts[0]}")
    space = len(counts)
    sizes = _shape(input, space)[-max(space, 2) - 1 :]
    out = [sizes[0], *(1,) * (space == 1), *counts]
    raise RuntimeError(
        f"Given input size: ({'x'.join(map(str, sizes))}). Calculated output size: ({'x'.join(map(str, out))}). "
        "Output size is too small"
    )


# Adaptive pooling


def with_defaults(output_size: Any, input: Tensor) -> Any:
    """None as the input's own size."""
    if isinstance(output_size, int):
        return output_size
    if input.dim() <= len(output_size):
        raise ValueError(f"Input dimension should be at least {len(output_size) + 1}")
    own = tuple(input.shape)[-len(output_size) :] if len(output_size) else ()
    return [n if c is None else c for n, c in zip(own, output_size)]


def adaptive_counts(function: str, input: Tensor, output_size: Any, space: int) -> Ints:
    """How many windows a call of `adaptive_..._pool...d` asks for."""
    averages = "avg" in function
    if space == 1:
        need_two_or_three(function, input)
        need_one(function, output_size=output_size)
    elif averages and how_many(output_size) not in ((space,) if isinstance(output_size, Iterable) else (1,)):
        raise RuntimeError(f"{function}: output_size must be {space}")
    counts = per_dim(output_size, space)
    if averages and min(counts) < 0:
        first, second, *others = (1, *counts) if space == 1 else counts
        shown = f"{first}, {second}" + "".join(f",{n}" for n in others)
        raise RuntimeError(
            f"adaptive_avg_pool{max(space, 2)}d: elements of output_size must be greater than or equal to 0 but "
            f"received {{{shown}}}"
        )
    if averages and space > 1 and set(counts) == {1}:
        return counts
    _check_adaptive(function, input, space)
    if isinstance(output_size, Iterable) and how_many(output_size) != space:
        raise RuntimeError(f"{function}(): internal error: output_size.size() must be {space}")
    if min(counts) < 0:
        shape = [*_shape(input, space)[: -max(space, 2)], *(1,) * (space == 1), *counts]
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(counts)}: {shape}")
    return counts


def _check_adaptive(function: str, input: Tensor, space: int) -> None:
    averages = "avg" in function
    name, shape = function, list(input.shape)
    if averages and space == 1:
        name, shape = "adaptive_avg_pool2d", _shape(input, 1)
    elif input.dim() not in (space + 1, space + 2):
        raise RuntimeError(
            f"{function}(): Expected {space + 1}D or {space + 2}D tensor, but got{'' if averages else ':'} {shape}"
        )
    first = len(shape) - 2 if averages and space < 3 else 1
    for i in range(first, len(shape)):
        if shape[i] == 0:
            raise RuntimeError(
                f"{name}(): Expected input to have non-zero size for non-batch dimensions, but input has sizes {shape} "
                f"with dimension {i} being empty"
            )


# Blocks of images


def need_pairs(**options: Any) -> dict[str, Ints]:
    """Options of `fold` and `unfold` as pairs; PyTorch's errors for others."""
    pairs = {name: tuple(map(int, n)) if isinstance(n, Iterable) else (int(n),) * 2 for name, n in options.items()}
    for name, pair in pairs.items():
        if len(pair) != 2:
            raise RuntimeError(f"It is expected {name} equals to 2, but got size {len(pair)}")
    names = {"kernel_size": "kernel", "dilation": "dilation", "padding": "pad", "stride": "stride"}
    if "output_size" in options:
        names = {"kernel_size": "kernel", "stride": "stride", "dilation": "dilation", "padding": "pad"}
    for name, letter in names.items():
        least = 0 if name == "padding" else 1
        if min(pairs[name]) < least:
            h, w = pairs[name]
            raise RuntimeError(
                f"{name.replace('_', ' ')} should be {'greater than zero' if least else 'non-negative'}, but got "
                f"{letter}_height: {h} {letter}_width: {w}"
            )
    return pairs


def blocks_counted(sizes: Ints, options: dict[str, Ints]) -> Ints:
    return counted(sizes, options["kernel_size"], options["stride"], options["padding"], options["dilation"])
