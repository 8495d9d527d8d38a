"""What the shim remembers, as reports and notes on errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcgrad.torch._tensor.tensor import Tensor

if TYPE_CHECKING:
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
    from funcgrad.torch._explain.reports import explain as report_on  # few programs ask, and it is long

    return report_on(loss)


def explain_grad(self: Tensor) -> Any:
    """Why `grad` is what it is, or None: a `Report` on the tensor and the leaves it was computed from.

    It works after the fact, with nothing switched on before, and changes nothing.

    >>> import funcgrad.torch as torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> loss = x.detach().sum()
    >>> [leaf.status for leaf in loss.explain_grad().leaves]
    ['cut', 'cut']
    """
    from funcgrad.torch._explain.reports import explain_grad as report_on  # as above

    return report_on(self)


def _origin(tensor: Tensor) -> str:
    """Which operation gave a tensor, for notes on errors."""
    from funcgrad.torch._explain.notes import computed_by  # only for an error

    return computed_by(tensor)


Tensor.explain_grad = explain_grad  # type: ignore[assignment]
Tensor._origin = _origin
