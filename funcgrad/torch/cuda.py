"""`torch.cuda`, of which there is nothing: programs that ask get the CPU."""

from __future__ import annotations


def is_available() -> bool:
    """False: tensors live on the CPU."""
    return False


def device_count() -> int:
    """0, as there are no such devices."""
    return 0


def manual_seed_all(seed: int) -> None:
    """Nothing: no such device draws random numbers."""


manual_seed = manual_seed_all
