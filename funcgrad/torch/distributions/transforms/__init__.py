"""`torch.distributions.transforms`: functions of values whose Jacobians' determinants are known."""

import typing as _typing

from funcgrad.names import public_names as _public_names
from funcgrad.torch._ops.table import tells_nearest as _tells_nearest
from funcgrad.torch.distributions.transforms.base import Transform as Transform
from funcgrad.torch.distributions.transforms.combined import CatTransform as CatTransform
from funcgrad.torch.distributions.transforms.combined import ComposeTransform as ComposeTransform
from funcgrad.torch.distributions.transforms.combined import IndependentTransform as IndependentTransform
from funcgrad.torch.distributions.transforms.combined import StackTransform as StackTransform
from funcgrad.torch.distributions.transforms.combined import identity_transform as identity_transform
from funcgrad.torch.distributions.transforms.elements import AbsTransform as AbsTransform
from funcgrad.torch.distributions.transforms.elements import AffineTransform as AffineTransform
from funcgrad.torch.distributions.transforms.elements import (
    CumulativeDistributionTransform as CumulativeDistributionTransform,
)
from funcgrad.torch.distributions.transforms.elements import ExpTransform as ExpTransform
from funcgrad.torch.distributions.transforms.elements import PowerTransform as PowerTransform
from funcgrad.torch.distributions.transforms.elements import SigmoidTransform as SigmoidTransform
from funcgrad.torch.distributions.transforms.elements import SoftplusTransform as SoftplusTransform
from funcgrad.torch.distributions.transforms.elements import TanhTransform as TanhTransform
from funcgrad.torch.distributions.transforms.vectors import CorrCholeskyTransform as CorrCholeskyTransform
from funcgrad.torch.distributions.transforms.vectors import LowerCholeskyTransform as LowerCholeskyTransform
from funcgrad.torch.distributions.transforms.vectors import PositiveDefiniteTransform as PositiveDefiniteTransform
from funcgrad.torch.distributions.transforms.vectors import ReshapeTransform as ReshapeTransform
from funcgrad.torch.distributions.transforms.vectors import SoftmaxTransform as SoftmaxTransform
from funcgrad.torch.distributions.transforms.vectors import StickBreakingTransform as StickBreakingTransform

__all__ = _public_names(globals())
if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
