"""`torch.autograd.graph`: entries, hooks on several tensors and on what is saved, versions."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from funcgrad.torch._pass.current import current
from funcgrad.torch._pass.edges import GradientEdge, get_gradient_edge
from funcgrad.torch._pass.gradfn import GradFn as Node
from funcgrad.torch._pass.hooks import HandlesTogether, register_hook
from funcgrad.torch._pass.modified import allow_mutation_on_saved_tensors
from funcgrad.torch._pass.saved import disable_saved_tensors_hooks as disable_saved_tensors_hooks
from funcgrad.torch._pass.saved import save_on_cpu as save_on_cpu
from funcgrad.torch._pass.saved import saved_tensors_hooks as saved_tensors_hooks
from funcgrad.torch._tensor.tensor import Tensor


def register_multi_grad_hook(tensors: Sequence[Tensor], fn: Callable[..., Any], *, mode: str = "all") -> Any:
    """Call `fn` with the gradients of all tensors when the pass has computed them ("all"; None where there is none),
    or with the first that it computes ("any")."""
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    if not all(t.requires_grad for t in tensors):
        raise AssertionError("Expected gradient function to be set")
    seen: dict[int, list[Tensor | None]] = {}

    def arrived(position: int) -> Callable[[Tensor], None]:
        def hook(grad: Tensor) -> None:
            run = current()
            if mode == "any":
                if id(run) not in seen:
                    seen.clear()
                    seen[id(run)] = []
                    fn(grad)
                return
            if id(run) not in seen:
                seen.clear()
                seen[id(run)] = [None] * len(tensors)
            grads = seen[id(run)]
            grads[position] = grad
            if all(g is not None or not run.will_reach(t) for g, t in zip(grads, tensors)):
                del seen[id(run)]
                fn(grads)

        return hook

    return HandlesTogether([register_hook(t, arrived(i)) for i, t in enumerate(tensors)])


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Count a write that autograd has not seen, to a tensor or several: what was saved of them is no longer valid.

    >>> import funcgrad.torch as torch
    >>> x = torch.ones(2)
    >>> increment_version(x)
    >>> x._version
    1
    """
    if not isinstance(tensor, Iterable):
        raise RuntimeError("increment_version expect a Iterable[Tensor] as input")
    written = (tensor,) if isinstance(tensor, Tensor) else tuple(tensor)
    if not all(isinstance(t, Tensor) for t in written):
        raise RuntimeError("increment_version expects each element of the iterable to be a tensor")
    for t in written:
        t._storage.count()


__all__ = [
    "GradientEdge", "Node", "allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks", "get_gradient_edge",
    "increment_version", "register_multi_grad_hook", "save_on_cpu", "saved_tensors_hooks",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
