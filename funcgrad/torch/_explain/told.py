"""The answer of the causes, in the names of `torch`."""

from __future__ import annotations

import re

from funcgrad.transforms.explain.causes import answer
from funcgrad.transforms.explain.evidence import Evidence
from funcgrad.transforms.explain.report import Leaf

_NAMES = {
    "fg.nn.leaky_relu": "torch.nn.functional.leaky_relu",
    "fg.nn.sigmoid": "torch.sigmoid",
    "fg.stop_gradient": "torch.Tensor.detach",
    **{f"np.{name}": f"torch.{name}" for name in ("where", "sqrt", "log", "sum", "var", "arctan2", "logaddexp", "exp")},
}
_NAME = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, _NAMES))})(?=\()")


def told(e: Evidence) -> Leaf:
    """What a report on tensors says of a leaf: remedies that both interfaces share are written in torch's functions."""
    leaf = answer(e)
    repair = tuple(fix._replace(code=_torchs(fix.code)) for fix in leaf.repair)
    return leaf._replace(message=_torchs(leaf.message), repair=repair)


def _torchs(text: str) -> str:
    return _NAME.sub(lambda found: _NAMES[found.group()], text)
