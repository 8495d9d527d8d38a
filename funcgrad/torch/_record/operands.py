"""What an operation may take: tensors, numbers, their common dtype, and PyTorch's errors for the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from funcgrad.core.provenance import at, here, is_ours
from funcgrad.core.trace import Tracer
from funcgrad.torch._record.calls import NUMBERS, Kind, call
from funcgrad.torch._record.modes import mode, quietly
from funcgrad.torch._record.story import cut, flattened, joined
from funcgrad.torch._record.tape import constant, on_tape
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.messages import warn_once
from funcgrad.torch._tensor.tensor import Tensor, fresh


def refuse(x: Tensor, kinds: str, kernel: str) -> None:
    """PyTorch's error for a dtype (of one of the kinds, "e" for float16) that it has no such kernel for.

    `kernel` is the kernel's name, or a whole sentence where PyTorch has one.
    """
    dtype = x._read().dtype
    if dtype.kind in kinds or ("e" in kinds and dtype == np.float16):
        if " " in kernel:
            raise RuntimeError(kernel)
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{x.dtype.title}'")


def one_dtype(text: str, *tensors: Tensor | None) -> None:
    """PyTorch's error where tensors have not all one dtype; `text` has places for the first two that differ."""
    first, *others = [t for t in tensors if t is not None]
    for other in others:
        if other._read().dtype != first._read().dtype:
            raise RuntimeError(text.format(first.dtype.title, other.dtype.title))


def need_tensors(function: str, **arguments: Any) -> None:
    """PyTorch's error for the first argument that is no Tensor."""
    for i, (name, x) in enumerate(arguments.items()):
        if not isinstance(x, Tensor):
            refuse_traced(x)
            raise TypeError(
                f"{function}(): argument '{name}' (position {i + 1}) must be Tensor, not {type(x).__name__}"
            )


def tensors_in(args: Iterable[Any]) -> Iterator[Tensor]:
    """The Tensors among arguments, and in lists of them."""
    for a in args:
        if isinstance(a, Tensor):
            yield a
        elif isinstance(a, (list, tuple)):
            yield from tensors_in(a)


def need_elements(tensors: Iterable[Any], argument: int = 0) -> None:
    """PyTorch's error for the first element of a list of tensors, which is that argument, that is none."""
    for i, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            refuse_traced(x)
            raise TypeError(f"expected Tensor as element {i} in argument {argument}, but got {type(x).__name__}")


def no_overload(function: str, *args: Any, **options: Any) -> str:
    """PyTorch's error for arguments that fit none of a function's signatures (which it lists)."""
    refuse_traced(*args, *options.values())
    kinds = [type(x).__name__ for x in args] + [f"{name}={type(x).__name__}" for name, x in options.items()]
    return (
        f"{function}() received an invalid combination of arguments - got ({', '.join(kinds)}), but expected one of:\n"
        "docs/torch.md has its parameters"
    )


def check_broadcast(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """PyTorch's error for shapes that do not broadcast."""
    rank = max(len(a), len(b))
    left, right = (1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b
    for i in reversed(range(rank)):
        if left[i] != right[i] and left[i] != 1 and right[i] != 1:
            raise RuntimeError(
                f"The size of tensor a ({left[i]}) must match the size of tensor b ({right[i]}) at "
                f"non-singleton dimension {i}"
            )


def check_together(*operands: Any) -> None:
    """PyTorch's error for tensors, among operands, whose shapes do not broadcast."""
    whole: tuple[int, ...] = ()
    for t in operands:
        if isinstance(t, Tensor):
            shape = t._read().shape
            if whole and shape != whole:
                check_broadcast(whole, shape)
                shape = np.broadcast_shapes(whole, shape)
            whole = shape or whole


def refuse_traced(*given: Any) -> None:
    """TypeError for a traced array, which is no Tensor, among arguments and in lists of them."""
    for x in given:
        if isinstance(x, (list, tuple)):
            refuse_traced(*x)
        elif isinstance(x, Tracer):
            raise TypeError(
                "Give what is transformed Tensors, torch.from_numpy(x) in place of the array x, and it is called with "
                "Tensors; funcgrad.torch.to_functional(fn, *tensors) makes a function of arrays. A function of Tensors "
                f"was given a traced array of {x._trace.name}{at(here())}"
            ) from None


def refuse_asked(error: Exception) -> None:
    """The same in place of Python's error where we ask a traced array for an attribute of tensors."""
    if isinstance(error, AttributeError) and isinstance(error.obj, Tracer):
        last = error.__traceback__
        while last is not None and last.tb_next is not None:
            last = last.tb_next
        if last is not None and is_ours(last.tb_frame.f_code.co_filename):
            refuse_traced(error.obj)


def number(x: Any) -> Any:
    """A NumPy scalar as the Python number that PyTorch takes it for."""
    refuse_traced(x)
    if isinstance(x, np.bool_):
        return float(x)
    if isinstance(x, np.generic):
        return x.item()
    return x


def is_operand(x: Any) -> bool:
    return isinstance(x, (Tensor, *NUMBERS, np.generic))


def promote(*operands: Any, floating: bool = False) -> list[Any]:
    """Tensors and numbers as tensors (and numbers) of their common dtype."""
    if all(not isinstance(t, Tensor) for t in operands):
        operands = (fresh(np.asarray(operands[0], dtypes.of_number(operands[0]))), *operands[1:])
    values = [t._read() if isinstance(t, Tensor) else t for t in operands]
    common = dtypes.result_type(*values)
    if floating and common.kind not in "fc":
        common = dtypes.default()
    out: list[Any] = []
    for t, v in zip(operands, values):
        if isinstance(t, Tensor):
            out.append(t if v.dtype == common else cast(t, common))
            if mode.saver is not None and v.dtype.kind in "iub":
                mode.saver.stands_for(out[-1], t)
        else:
            out.append(_wrapped(int(v) if type(v) is bool and common.kind != "b" else v, common))
    return out


def _wrapped(n: Any, dtype: np.dtype) -> Any:
    """A Python integer as an integer dtype holds it."""
    if type(n) is int and dtype.kind in "iu":
        return np.array(n).astype(dtype).item()
    return n


def check_divisor(x: Any, y: Any) -> None:
    """PyTorch's error for integers divided by zero."""
    divisor = y._read() if isinstance(y, Tensor) else y
    dtype = (x if isinstance(x, Tensor) else y)._read().dtype
    if dtype.kind in "iub" and not isinstance(divisor, Tracer) and not np.all(divisor):
        raise RuntimeError("ZeroDivisionError")


TO_COPY = Kind("ToCopy")


def cast(t: Tensor, to: np.dtype) -> Tensor:
    """A copy in another dtype."""
    value = t._read()
    if value.dtype.kind == "c" and to.kind not in "cb":
        warn_once("Casting complex values to real discards the imaginary part")
        if not isinstance(value, Tracer):
            return fresh(value.real.astype(to))
    if isinstance(value, Tracer) and to.kind in "fc":
        real = value.dtype.kind == "c" and to.kind == "f"
        return call(TO_COPY, lambda v: (v.real if real else v).astype(to), t)
    cuts = t._cuts if to.kind in "fc" else flattened(t._cuts)
    if on_tape(value):
        op = f"to({dtypes.of(to)})"
        cuts = joined(cut(op, value, (), flat=True) if mode.enabled else cut("no_grad", value, (), mode.off), cuts)
    plain: Any = constant(value)
    array: Any = plain if isinstance(plain, Tracer) else np.asarray(plain)
    out = fresh(quietly(array.astype, to))
    out._cuts = cuts
    return out


def as_floating(t: Tensor) -> Tensor:
    """In the default dtype where it is of integers."""
    return t if t._read().dtype.kind in "fc" else cast(t, dtypes.default())
