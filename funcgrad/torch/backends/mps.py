"""`torch.backends.mps`: there are no such devices."""


def is_available() -> bool:
    """False: tensors live on the CPU."""
    return False


is_built = is_available
