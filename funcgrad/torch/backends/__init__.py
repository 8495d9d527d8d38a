"""`torch.backends`: what programs ask or set before they compute. None of it changes anything."""

from funcgrad.torch.backends import cuda as cuda
from funcgrad.torch.backends import cudnn as cudnn
from funcgrad.torch.backends import mps as mps
