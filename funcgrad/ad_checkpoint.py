"""Names for results that `checkpoint` may store, and its policies, as in `jax.ad_checkpoint`."""

from __future__ import annotations

from typing import Any

from funcgrad import tree
from funcgrad.core.entrance import entrances
from funcgrad.core.frames import hiding
from funcgrad.ops import elementwise
from funcgrad.transforms import policies
from funcgrad.transforms.remat import checkpoint as checkpoint
from funcgrad.transforms.remat import remat as remat

checkpoint_policies = policies

globals().update(entrances(globals()))
__all__ = ["checkpoint", "checkpoint_name", "checkpoint_policies", "remat"]


def __dir__() -> list[str]:
    return __all__


@hiding
def checkpoint_name(x: Any, name: str) -> Any:
    """The same values, under a name that a policy of `checkpoint` may know.

    Args:
        x: a pytree of arrays.

    Example:
        >>> import funcgrad as fg
        >>> def f(x):
        ...     return np.sum(np.exp(checkpoint_name(np.sin(x), "sine")))
        >>> saving = fg.checkpoint(f, policy=fg.checkpoint_policies.save_only_these_names("sine"))
        >>> fg.grad(saving)(np.zeros(2))
        array([1., 1.])
    """
    return tree.map(lambda leaf: elementwise.checkpoint_name(leaf, name=name), x)
