"""`torch.optim.lr_scheduler`: learning rates that change from epoch to epoch."""

import typing as _typing

from funcgrad.names import public_names as _public_names
from funcgrad.torch._ops.table import tells_nearest as _tells_nearest
from funcgrad.torch.optim.lr_scheduler.combined import ChainedScheduler as ChainedScheduler
from funcgrad.torch.optim.lr_scheduler.combined import SequentialLR as SequentialLR
from funcgrad.torch.optim.lr_scheduler.cycles import CosineAnnealingLR as CosineAnnealingLR
from funcgrad.torch.optim.lr_scheduler.cycles import CosineAnnealingWarmRestarts as CosineAnnealingWarmRestarts
from funcgrad.torch.optim.lr_scheduler.cycles import CyclicLR as CyclicLR
from funcgrad.torch.optim.lr_scheduler.cycles import OneCycleLR as OneCycleLR
from funcgrad.torch.optim.lr_scheduler.factors import ConstantLR as ConstantLR
from funcgrad.torch.optim.lr_scheduler.factors import ExponentialLR as ExponentialLR
from funcgrad.torch.optim.lr_scheduler.factors import LambdaLR as LambdaLR
from funcgrad.torch.optim.lr_scheduler.factors import LinearLR as LinearLR
from funcgrad.torch.optim.lr_scheduler.factors import MultiplicativeLR as MultiplicativeLR
from funcgrad.torch.optim.lr_scheduler.factors import MultiStepLR as MultiStepLR
from funcgrad.torch.optim.lr_scheduler.factors import PolynomialLR as PolynomialLR
from funcgrad.torch.optim.lr_scheduler.factors import StepLR as StepLR
from funcgrad.torch.optim.lr_scheduler.plateau import ReduceLROnPlateau as ReduceLROnPlateau
from funcgrad.torch.optim.lr_scheduler.scheduler import LRScheduler as LRScheduler

_LRScheduler = LRScheduler

__all__ = _public_names(globals())
if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
