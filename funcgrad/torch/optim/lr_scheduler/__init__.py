"""`torch.optim.lr_scheduler`: learning rates that change from epoch to epoch."""

from funcgrad.torch.optim.lr_scheduler.combined import ChainedScheduler, SequentialLR
from funcgrad.torch.optim.lr_scheduler.cycles import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    OneCycleLR,
)
from funcgrad.torch.optim.lr_scheduler.factors import (
    ConstantLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from funcgrad.torch.optim.lr_scheduler.plateau import ReduceLROnPlateau
from funcgrad.torch.optim.lr_scheduler.scheduler import LRScheduler

_LRScheduler = LRScheduler
