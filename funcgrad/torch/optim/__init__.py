"""`torch.optim`: optimizers, and schedules of their learning rates."""

import importlib as _importlib
import typing as _typing

from funcgrad.core.entrance import entrances as _entrances
from funcgrad.names import public_names as _public_names
from funcgrad.torch._ops.table import tells_nearest as _tells_nearest
from funcgrad.torch.optim import lr_scheduler as lr_scheduler
from funcgrad.torch.optim.adafactor import Adafactor as Adafactor
from funcgrad.torch.optim.adagrad import Adadelta as Adadelta
from funcgrad.torch.optim.adagrad import Adagrad as Adagrad
from funcgrad.torch.optim.adagrad import RMSprop as RMSprop
from funcgrad.torch.optim.adam import Adam as Adam
from funcgrad.torch.optim.adam import AdamW as AdamW
from funcgrad.torch.optim.adamax import Adamax as Adamax
from funcgrad.torch.optim.adamax import NAdam as NAdam
from funcgrad.torch.optim.adamax import RAdam as RAdam
from funcgrad.torch.optim.lbfgs import LBFGS as LBFGS
from funcgrad.torch.optim.muon import Muon as Muon
from funcgrad.torch.optim.optimizer import Optimizer as Optimizer
from funcgrad.torch.optim.optimizer import register_optimizer_step_post_hook as register_optimizer_step_post_hook
from funcgrad.torch.optim.optimizer import register_optimizer_step_pre_hook as register_optimizer_step_pre_hook
from funcgrad.torch.optim.sgd import SGD as SGD
from funcgrad.torch.optim.signs import ASGD as ASGD
from funcgrad.torch.optim.signs import Rprop as Rprop

_INSTEAD = {
    "SparseAdam": "Adam (there are no sparse tensors)",
}

globals().update(_entrances(globals()))
__all__ = _public_names(globals(), "lr_scheduler", "swa_utils")


def _later(name: str) -> object:
    if name == "swa_utils":  # of modules, which take what an optimizer does not
        return _importlib.import_module(f"{__name__}.{name}")
    return _tells_nearest(__name__, __all__, _INSTEAD)(name)


if _typing.TYPE_CHECKING:
    from funcgrad.torch.optim import swa_utils as swa_utils
else:  # a checker shall see that a name does not exist
    __getattr__ = _later


def __dir__() -> list[str]:
    return __all__
