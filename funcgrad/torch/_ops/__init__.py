"""The operations, by their names in PyTorch."""
