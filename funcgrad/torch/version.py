"""`torch.version`: which PyTorch this stands for."""

__version__ = "2.13.0+funcgrad"
cuda = hip = xpu = None
debug = False
