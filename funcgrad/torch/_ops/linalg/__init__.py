"""`torch.linalg` by topic, and the older names of what is in it."""
