"""What operations have saved and what was written since: PyTorch's errors, and the context without them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from funcgrad.core.tape import tick
from funcgrad.torch._record.tape import Watched, name_of, on_tape
from funcgrad.torch._tensor.dtypes import of
from funcgrad.torch._tensor.messages import DETACHED_SINCE
from funcgrad.torch._tensor.storage import Doubted


class _Allowed(threading.local):
    """Whether what was saved may be written in a thread: what was saved since then, by the time of tapes."""

    since: int | None = None


allowed = _Allowed()


@contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[None]:
    """A context in which tensors may be written that an operation in it has saved, if it is gone back to in it, too:
    the backward pass uses the values as they were.

    >>> import funcgrad.torch as torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> with torch.autograd.graph.allow_mutation_on_saved_tensors():
    ...     y = x.clone()
    ...     z = (y**2).sum()
    ...     y = y.zero_()
    ...     z.backward()
    >>> x.grad
    tensor([2., 4.])
    """
    if allowed.since is not None:
        raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
    allowed.since = tick()
    try:
        yield
    finally:
        allowed.since = None


def modified(watched: Watched) -> RuntimeError:
    """PyTorch's error for a saved value that was written since."""
    source, value = watched.source, watched.value
    name = ""
    if isinstance(source, str):
        name, value = source, watched.storage.value
    else:
        tensor = source()
        if tensor is not None:
            value = tensor._read()
        if on_tape(value) and value.node.prim is not None:
            name = "AsStrided" if tensor is None and watched.is_view else name_of(value.node)
    name = name.replace("Backward0", "").replace("Backward", "")
    kind = "CPUBoolType" if value.dtype.kind == "b" else f"torch.{of(value.dtype).title}Tensor"
    which = f", which is output 0 of {name}," if name else ""
    return RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[{kind} {list(value.shape)}]{which} is at version "
        f"{watched.storage.version}; expected version {watched.version} instead. Hint: enable anomaly "
        "detection to find the operation that failed to compute its gradient, with "
        "torch.autograd.set_detect_anomaly(True, check_nan=False)."
    )


def check(watched: Watched, saved_at: int) -> None:
    """PyTorch's error for a saved value that was written since, or that was detached in place. What the tape holds is
    as it was: a write goes to other memory."""
    version = watched.storage.version
    if isinstance(version, Doubted) and on_tape(watched.value) and watched.value.node.seq in version.gone:
        raise RuntimeError(DETACHED_SINCE)
    if int(version) != int(watched.version) and not (allowed.since is not None and saved_at > allowed.since):
        raise modified(watched)
