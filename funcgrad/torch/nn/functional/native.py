"""`torch.conv2d` and the like: the layers that PyTorch has at top level too, where some take their arguments otherwise.

There losses count their reductions, and do not reduce by default; dropout has no defaults, and normalisation takes its
weights first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn import functional as F
from funcgrad.torch.nn.functional.bags import bagged
from funcgrad.torch.nn.functional.dropout import of_channels
from funcgrad.torch.nn.functional.linear import check_rows
from funcgrad.torch.nn.functional.recurrent import cell
from funcgrad.torch.nn.functional.recurrent_stacks import gru, lstm, rnn_relu, rnn_tanh
from funcgrad.torch.nn.functional.sampling import MODES, PADDINGS

REDUCTIONS = ("none", "mean", "sum")
BAGS = ("sum", "mean", "max")
ALIKE = (
    "adaptive_avg_pool1d", "avg_pool1d", "bilinear", "celu", "celu_", "channel_shuffle", "conv1d", "conv2d", "conv3d",
    "conv_tbc", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "cosine_similarity", "hardshrink",
    "max_pool1d", "max_pool1d_with_indices", "max_pool2d", "max_pool3d", "pairwise_distance", "pixel_shuffle",
    "pixel_unshuffle", "prelu", "rms_norm", "selu", "selu_", "threshold", "threshold_",
)  # fmt: skip
"""What is nn.functional's, of which some may not be there."""


def adaptive_max_pool1d(input: Tensor, output_size: Any) -> tuple[Tensor, Tensor]:
    """The largest values, and where they are."""
    return F.adaptive_max_pool1d(input, output_size, return_indices=True)


def affine_grid_generator(theta: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    """The points of an image, moved by matrices."""
    return F.affine_grid(theta, size, align_corners)


def alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Dropout that keeps mean 0 and variance 1 behind a SELU."""
    return F.alpha_dropout(input, _probability(p), train)


def alpha_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`alpha_dropout` in place."""
    return F.alpha_dropout(input, _probability(p), train, inplace=True)


def _probability(p: float) -> float:
    """RuntimeError where nn.functional has a ValueError."""
    if not 0 <= p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p:g}")
    return p


def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """Standardised over the batch."""
    return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: int = 0,
) -> Tensor:
    """Binary cross entropy of logits."""
    return F.binary_cross_entropy_with_logits(
        input, target, weight, pos_weight=pos_weight, reduction=REDUCTIONS[reduction]
    )


def constant_pad_nd(input: Tensor, pad: Sequence[int], value: float = 0) -> Tensor:
    """Padded with a number."""
    return F.pad(input, pad, "constant", value)


def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Tensor:
    """A convolution, or a transposed one, of as many dimensions as the weight has."""
    n = weight.dim() - 2
    if transposed:
        return getattr(F, f"conv_transpose{n}d")(
            input, weight, bias, stride, padding, output_padding, groups, dilation
        )
    return getattr(F, f"conv{n}d")(input, weight, bias, stride, padding, dilation, groups)


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0
) -> Tensor:
    """How far the cosines of pairs are from what their targets say."""
    return F.cosine_embedding_loss(input1, input2, target, margin, reduction=REDUCTIONS[reduction])


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: int = 0,
    zero_infinity: bool = False,
) -> Tensor:
    """Minus the log-probability that classes over time are the targets."""
    how = (blank, REDUCTIONS[reduction], zero_infinity)
    return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, *how)


def dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """In training, elements are zero with probability p, and the others divided by 1 - p."""
    return F.dropout(input, _probability(p), train)


def dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`dropout` in place."""
    return F.dropout(input, _probability(p), train, inplace=True)


def embedding(
    weight: Tensor, indices: Tensor, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Tensor:
    """Rows of the weight."""
    padding = None if padding_idx < 0 else padding_idx
    return F.embedding(indices, weight, padding, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)


def grid_sampler(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """Images at points between their elements."""
    return F.grid_sample(input, grid, MODES[interpolation_mode], PADDINGS[padding_mode], align_corners)


grid_sampler_2d = grid_sampler_3d = grid_sampler


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:
    """Standardised over groups of channels."""
    return F.group_norm(input, num_groups, weight, bias, eps)


def embedding_bag(
    weight: Tensor,
    indices: Tensor,
    offsets: Tensor,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Rows of the weight, reduced over bags of them; the bag of each row, the bags' sizes, where the largest are."""
    how = (scale_grad_by_freq, BAGS[mode], sparse, per_sample_weights, include_last_offset, padding_idx)
    found, bags, sizes, places = bagged(indices, weight, offsets, None, 2, *how)
    if mode == 0:  # of a sum PyTorch tells less
        return found, bags if padding_idx is not None else bags.new_empty(0), sizes.new_zeros(sizes.shape), sizes * 0
    return found, bags, sizes, places


def embedding_renorm_(input: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> Tensor:
    """The rows that `indices` names shortened, in place, to a length of `max_norm`."""
    check_rows("embedding_renorm_", indices, input, max_norm, norm_type)
    return input


def feature_alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """`alpha_dropout` of whole channels."""
    return F.feature_alpha_dropout(input, _probability(p), train)


def feature_alpha_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`feature_alpha_dropout` in place."""
    return F.feature_alpha_dropout(input, _probability(p), train, inplace=True)


def feature_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """`dropout` of whole channels of ``(N, C, *)``."""
    return of_channels(input, _probability(p), train, False, True)


def feature_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`feature_dropout` in place."""
    return of_channels(input, _probability(p), train, True, True)


def gru_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """One step of a GRU."""
    return cell("GRU", input, (hx,), (w_ih, w_hh, b_ih, b_hh))[0]


def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: int = 0) -> Tensor:
    """The distance where the target is 1, what it lacks of the margin where it is -1."""
    return F.hinge_embedding_loss(input, target, margin, reduction=REDUCTIONS[reduction])


def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """Standardised over each channel of each instance."""
    return F.instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def kl_div(input: Tensor, target: Tensor, reduction: int = 0, *, log_target: bool = False) -> Tensor:
    """The Kullback-Leibler divergence of log-probabilities from a target."""
    return F.kl_div(input, target, reduction=REDUCTIONS[reduction], log_target=log_target)


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Tensor:
    """Standardised over the last dimensions."""
    return F.layer_norm(input, normalized_shape, weight, bias, eps)


def lstm_cell(
    input: Tensor,
    hx: Sequence[Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """One step of an LSTM."""
    h, c = cell("LSTM", input, hx, (w_ih, w_hh, b_ih, b_hh))
    return h, c


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0
) -> Tensor:
    """How far pairs are from the order that their targets say."""
    return F.margin_ranking_loss(input1, input2, target, margin, reduction=REDUCTIONS[reduction])


def poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float, reduction: int
) -> Tensor:
    """The negative log-likelihood of counts."""
    return F.poisson_nll_loss(input, target, log_input, full, eps=eps, reduction=REDUCTIONS[reduction])


def rnn_relu_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """One step of a plain network, with relu."""
    return cell("RNN_RELU", input, (hx,), (w_ih, w_hh, b_ih, b_hh))[0]


def rnn_tanh_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """One step of a plain network, with tanh."""
    return cell("RNN_TANH", input, (hx,), (w_ih, w_hh, b_ih, b_hh))[0]


def rrelu(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, generator: None = None
) -> Tensor:
    """`leaky_relu` with slopes by chance."""
    return F.rrelu(input, lower, upper, training)


def rrelu_(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, generator: None = None
) -> Tensor:
    """`rrelu` in place."""
    return F.rrelu_(input, lower, upper, training)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: int = 0,
) -> Tensor:
    """How much nearer anchors are to the positive than to the negative, up to a margin."""
    return F.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction=REDUCTIONS[reduction])


LAYERS: dict[str, Callable[..., Any]] = {
    **{name: getattr(F, name) for name in ALIKE if name in vars(F)},
    **{name: f for name, f in vars().items() if getattr(f, "__module__", "") == __name__ and name[0] != "_"},
    "gru": gru, "lstm": lstm, "rnn_relu": rnn_relu, "rnn_tanh": rnn_tanh,
}
"""By the names that they have in `torch`."""
