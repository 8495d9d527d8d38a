"""`torch.distributed`, of which there is nothing: programs that ask train in one process."""

from funcgrad.names import own_names as _own_names


def is_available() -> bool:
    """False: there is one process."""
    return False


is_initialized = is_torchelastic_launched = is_available

__all__ = _own_names(globals())


def __dir__() -> list[str]:
    return __all__
