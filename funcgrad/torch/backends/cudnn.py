"""`torch.backends.cudnn`: flags that may be set, of a library that is not there."""

enabled = True
benchmark = False
deterministic = False
allow_tf32 = True


def is_available() -> bool:
    """False: tensors live on the CPU."""
    return False


def version() -> None:
    """None: there is no such library."""
