"""What the shim remembers, as reports and notes on errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from funcgrad.torch._tensor.tensor import Tensor
    from funcgrad.transforms.explain.report import Report


def explain(loss: Tensor) -> Report:
    """What `loss.backward()` would bring to each leaf, and why: a `Report`, before anything is run.

    It goes back over the tape as it is, and changes nothing: no `grad` is filled, nothing is freed, hooks are not
    called. Where a backward rule of the user's own, or a hook, stands on the way, gradients are not foretold.

    >>> import funcgrad.torch as torch
    >>> x = torch.tensor([-1.0, -2.0], requires_grad=True)
    >>> loss = torch.relu(x).sum()
    >>> [(leaf.path[:3], leaf.status) for leaf in explain(loss).leaves]
    [('`x`', 'zero')]
    """
    from funcgrad.torch._explain.reports import explain as report_on

    return report_on(loss)
