"""`torch.random`: the state of the random numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from funcgrad.torch._ops.random import get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from funcgrad.torch._tensor.devices import used

__all__ = ["fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]


def __dir__() -> list[str]:
    return __all__


@contextmanager
def fork_rng(
    devices: Iterable[object] | None = None, enabled: bool = True, *, device_type: str | None = None
) -> Iterator[None]:
    """What is drawn or seeded in it is forgotten behind it. There are no `devices` but the CPU to do so for.

    >>> import funcgrad.torch as torch
    >>> before = torch.get_rng_state()
    >>> with torch.random.fork_rng():
    ...     _ = torch.manual_seed(1), torch.rand(2)
    >>> torch.equal(before, torch.get_rng_state())
    True
    """
    for device in devices or ():
        used(device)
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
