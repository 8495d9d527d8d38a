"""What operations have saved and what was written since: PyTorch's errors."""

from __future__ import annotations

from funcgrad.torch._record.tape import Watched, name_of, on_tape
from funcgrad.torch._tensor.dtypes import of
from funcgrad.torch._tensor.messages import DETACHED_SINCE
from funcgrad.torch._tensor.storage import Doubted


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


def check(watched: Watched) -> None:
    """PyTorch's error for a saved value that was written since, or that was detached in place."""
    version = watched.storage.version
    if isinstance(version, Doubted) and on_tape(watched.value) and watched.value.node.seq in version.gone:
        raise RuntimeError(DETACHED_SINCE)
    if int(version) != int(watched.version):
        raise modified(watched)
