"""`torch.utils`: data."""

from funcgrad.torch.utils import data as data
