"""Losses. `reduction` is "mean", "sum" or "none"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn import functional as F
from funcgrad.torch.nn._reduction import chosen
from funcgrad.torch.nn.modules.module import Module


class _Loss(Module):
    """What all have: the reduction, and a function of two tensors."""

    _function: Any

    def __init__(self, size_average: Any = None, reduce: Any = None, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = chosen(size_average, reduce, reduction)

    def _options(self) -> dict[str, Any]:
        return {}

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return self._function(input, target, reduction=self.reduction, **self._options())


class L1Loss(_Loss):
    """Absolute differences."""

    _function = staticmethod(F.l1_loss)


class MSELoss(_Loss):
    """Squared differences."""

    _function = staticmethod(F.mse_loss)


class SoftMarginLoss(_Loss):
    """log(1 + exp(-target * input)) for targets 1 and -1."""

    _function = staticmethod(F.soft_margin_loss)


class _Numbered(_Loss):
    """A loss with one number."""

    _name: str

    def __init__(
        self, number: float, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        setattr(self, self._name, number)

    def _options(self) -> dict[str, Any]:
        return {self._name: getattr(self, self._name)}


class SmoothL1Loss(_Numbered):
    """Squares below `beta`, absolute differences above."""

    _function, _name = staticmethod(F.smooth_l1_loss), "beta"

    def __init__(
        self, size_average: Any = None, reduce: Any = None, reduction: str = "mean", beta: float = 1.0
    ) -> None:
        super().__init__(beta, size_average, reduce, reduction)


class HuberLoss(_Numbered):
    """As `SmoothL1Loss`, times `delta`."""

    _function, _name = staticmethod(F.huber_loss), "delta"

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        if not isinstance(delta, (float, int)):
            raise TypeError(f"delta must be a float or int, got: {type(delta)}")
        super().__init__(delta, reduction=reduction)


class HingeEmbeddingLoss(_Numbered):
    """`input` where the target is 1, max(margin - input, 0) where it is -1."""

    _function, _name = staticmethod(F.hinge_embedding_loss), "margin"

    def __init__(
        self, margin: float = 1.0, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
    ) -> None:
        super().__init__(margin, size_average, reduce, reduction)


class _OfTwo(_Numbered):
    """A loss of two inputs and a target."""

    _name = "margin"

    def __init__(
        self, margin: float = 0.0, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
    ) -> None:
        super().__init__(margin, size_average, reduce, reduction)

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return self._function(input1, input2, target, margin=self.margin, reduction=self.reduction)


class MarginRankingLoss(_OfTwo):
    """max(-target * (input1 - input2) + margin, 0)"""

    _function = staticmethod(F.margin_ranking_loss)


class CosineEmbeddingLoss(_OfTwo):
    """1 - cos where the target is 1, max(cos - margin, 0) where it is -1."""

    _function = staticmethod(F.cosine_embedding_loss)


class KLDivLoss(_Loss):
    """target * (log(target) - input) of log-probabilities."""

    _function = staticmethod(F.kl_div)

    def __init__(
        self, size_average: Any = None, reduce: Any = None, reduction: str = "mean", log_target: bool = False
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def _options(self) -> dict[str, Any]:
        return {"log_target": self.log_target}


class PoissonNLLLoss(_Loss):
    """exp(input) - target * input"""

    _function = staticmethod(F.poisson_nll_loss)

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: Any = None,
        eps: float = 1e-8,
        reduce: Any = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def _options(self) -> dict[str, Any]:
        return {"log_input": self.log_input, "full": self.full, "eps": self.eps}


class GaussianNLLLoss(_Loss):
    """(log(var) + (input - target) ** 2 / var) / 2"""

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        return F.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


class _WeightedLoss(_Loss):
    """A loss with a weight for each class, or each element."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: Any = None,
        reduce: Any = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)

    def _options(self) -> dict[str, Any]:
        return {"weight": self.weight}


class BCELoss(_WeightedLoss):
    """-(target * log(input) + (1 - target) * log(1 - input))"""

    _function = staticmethod(F.binary_cross_entropy)


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """`BCEWithLogitsLoss`, averaged over the classes."""

    _function = staticmethod(F.multilabel_soft_margin_loss)


class BCEWithLogitsLoss(_WeightedLoss):
    """`BCELoss` of the sigmoid; `pos_weight` weights the positive targets."""

    _function = staticmethod(F.binary_cross_entropy_with_logits)

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: Any = None,
        reduce: Any = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def _options(self) -> dict[str, Any]:
        return {"weight": self.weight, "pos_weight": self.pos_weight}


class _OfClasses(_WeightedLoss):
    """A loss of classes, one of which may be left out."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: Any = None,
        ignore_index: int = -100,
        reduce: Any = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def _options(self) -> dict[str, Any]:
        return {"weight": self.weight, "ignore_index": self.ignore_index}


class NLLLoss(_OfClasses):
    """Minus the log-probability of the target's class."""

    _function = staticmethod(F.nll_loss)


class CrossEntropyLoss(_OfClasses):
    """`NLLLoss` of the logarithm of softmax.

    >>> import funcgrad.torch as torch
    >>> CrossEntropyLoss()(torch.zeros(1, 2), torch.tensor([1]))
    tensor(0.6931)
    """

    _function = staticmethod(F.cross_entropy)

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: Any = None,
        ignore_index: int = -100,
        reduce: Any = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, ignore_index, reduce, reduction)
        self.label_smoothing = label_smoothing

    def _options(self) -> dict[str, Any]:
        return {**super()._options(), "label_smoothing": self.label_smoothing}


class MultiMarginLoss(_WeightedLoss):
    """max(margin - input[target] + input[i], 0) ** p, averaged over the other classes i."""

    _function = staticmethod(F.multi_margin_loss)

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        size_average: Any = None,
        reduce: Any = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        if p not in (1, 2):
            raise ValueError("only p == 1 and p == 2 supported")
        self.p = p
        self.margin = margin

    def _options(self) -> dict[str, Any]:
        return {"weight": self.weight, "p": self.p, "margin": self.margin}


class TripletMarginLoss(_Loss):
    """max(margin + distance to the positive - distance to the negative, 0)"""

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        size_average: Any = None,
        reduce: Any = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        if margin <= 0:
            raise ValueError(f"TripletMarginLoss: expected margin to be greater than 0, got {margin} instead")
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, reduction=self.reduction
        )


class TripletMarginWithDistanceLoss(_Loss):
    """`TripletMarginLoss` with a distance of the user's."""

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        if margin <= 0:
            raise ValueError(
                f"TripletMarginWithDistanceLoss: expected margin to be greater than 0, got {margin} instead"
            )
        self.distance_function = F.pairwise_distance if distance_function is None else distance_function
        self.margin = margin
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )


class MultiLabelMarginLoss(_Loss):
    """max(1 - input[j] + input[i], 0), summed over the targets j and the other classes i."""

    _function = staticmethod(F.multilabel_margin_loss)


class CTCLoss(_Loss):
    """Minus the log-probability that classes over time, blanks and repetitions left out, are the targets."""

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(self, log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any) -> Tensor:
        options = (self.blank, self.reduction, self.zero_infinity)
        return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, *options)
