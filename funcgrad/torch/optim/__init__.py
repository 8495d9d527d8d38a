"""`torch.optim`: optimizers, and schedules of their learning rates."""

import importlib as _importlib

from funcgrad.torch.optim import lr_scheduler as lr_scheduler
from funcgrad.torch.optim.adagrad import Adadelta, Adagrad, RMSprop
from funcgrad.torch.optim.adam import Adam, AdamW
from funcgrad.torch.optim.adamax import Adamax, NAdam, RAdam
from funcgrad.torch.optim.lbfgs import LBFGS
from funcgrad.torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from funcgrad.torch.optim.sgd import SGD
from funcgrad.torch.optim.signs import ASGD, Rprop

_INSTEAD = {
    "SparseAdam": "Adam (there are no sparse tensors)",
    "Adafactor": "Adam",
    "Muon": "AdamW",
}


def __getattr__(name: str) -> object:
    if name == "swa_utils":  # of modules, which take what an optimizer does not
        return _importlib.import_module(f"{__name__}.{name}")
    if name in _INSTEAD:
        raise AttributeError(f"funcgrad.torch.optim has no {name}: use {_INSTEAD[name]}")
    raise AttributeError(f"module 'funcgrad.torch.optim' has no attribute '{name}'")
