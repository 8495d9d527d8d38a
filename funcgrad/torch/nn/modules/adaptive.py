"""Log-probabilities of many classes, most of which are rare."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from funcgrad.torch._ops.join import cat
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn import functional as F
from funcgrad.torch.nn.modules.container import ModuleList, Sequential
from funcgrad.torch.nn.modules.linear import Linear
from funcgrad.torch.nn.modules.module import Module

_ASMoutput = namedtuple("_ASMoutput", ["output", "loss"])


def _check_shapes(input: Tensor, target: Tensor) -> None:
    if target.dim() > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if target.dim() == 1 and input.shape[0] != target.shape[0]:
        raise RuntimeError("Input and target should have the same size in the batch dimension.")
    if input.dim() != target.dim() + 1:
        raise RuntimeError(
            f"{target.dim()}D target tensor expects {target.dim() + 1}D input tensors, but found inputs with size "
            f"{tuple(input.shape)}"
        )


class AdaptiveLogSoftmaxWithLoss(Module):
    """Grave et al., "Efficient softmax approximation for GPUs", 2017.

    Classes below the first of `cutoffs` have outputs of their own in `head`, which has one more for each of the
    clusters between two cutoffs; the outputs of a cluster, in `tail`, are computed where a target is in it.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if cutoffs != sorted({int(c) for c in cutoffs}) or cutoffs[0] <= 0 or cutoffs[-1] > n_classes - 1:
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each "
                "value is between 1 and n_classes-1"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = cutoffs[0]
        self.n_clusters = len(cutoffs)
        self.head_size = self.shortlist_size + self.n_clusters
        made = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, head_bias, **made)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            width = int(in_features // div_value ** (i + 1))
            layers = Linear(in_features, width, False, **made), Linear(width, high - low, False, **made)
            self.tail.append(Sequential(*layers))

    def reset_parameters(self) -> None:
        for layer in (self.head, *(layer for cluster in self.tail for layer in cluster)):
            layer.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        """The log-probabilities of the targets, and their mean with the sign changed."""
        _check_shapes(input_, target_)
        batched = target_.dim() > 0
        input, target = (input_, target_) if batched else (input_.unsqueeze(0), target_.unsqueeze(0))
        lowest, highest = target.min().item(), target.max().item()
        if lowest < 0 or highest >= self.n_classes:
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range [{lowest}, {highest}] were "
                "found. "
            )
        place = target.clone()
        inside = input.new_zeros(target.shape[0])
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            mine = ((target >= low) & (target < high)).nonzero().squeeze(1)
            if mine.numel():
                place.index_fill_(0, mine, self.shortlist_size + i)
                among = F.log_softmax(self.tail[i](input.index_select(0, mine)), 1)
                found = among.gather(1, (target.index_select(0, mine) - low).unsqueeze(1)).squeeze(1)
                inside = inside.index_add(0, mine, found)
        output = inside + F.log_softmax(self.head(input), 1).gather(1, place.unsqueeze(1)).squeeze(1)
        return _ASMoutput(output if batched else output.squeeze(0), (-output).mean())

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes."""
        head, size = F.log_softmax(self.head(input), 1), self.shortlist_size
        clusters = enumerate(self.tail, size)
        parts = [F.log_softmax(layers(input), 1) + head[:, i : i + 1] for i, layers in clusters]
        return cat([head[:, :size], *parts], 1)

    def predict(self, input: Tensor) -> Tensor:
        """The most likely class, where `head` prefers a cluster within that one."""
        head = self.head(input).argmax(1)
        return head.where(head < self.shortlist_size, self.log_prob(input).argmax(1))
