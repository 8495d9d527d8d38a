"""`torch.nn.functional`: layers, activations and losses as functions."""

import typing as _typing

from funcgrad.names import public_names as _public_names
from funcgrad.torch._ops.distances import pdist as pdist
from funcgrad.torch._ops.table import tells_nearest as _tells_nearest
from funcgrad.torch.nn.functional.activation import celu as celu
from funcgrad.torch.nn.functional.activation import celu_ as celu_
from funcgrad.torch.nn.functional.activation import elu as elu
from funcgrad.torch.nn.functional.activation import elu_ as elu_
from funcgrad.torch.nn.functional.activation import gelu as gelu
from funcgrad.torch.nn.functional.activation import glu as glu
from funcgrad.torch.nn.functional.activation import gumbel_softmax as gumbel_softmax
from funcgrad.torch.nn.functional.activation import hardshrink as hardshrink
from funcgrad.torch.nn.functional.activation import hardsigmoid as hardsigmoid
from funcgrad.torch.nn.functional.activation import hardswish as hardswish
from funcgrad.torch.nn.functional.activation import hardtanh as hardtanh
from funcgrad.torch.nn.functional.activation import hardtanh_ as hardtanh_
from funcgrad.torch.nn.functional.activation import leaky_relu as leaky_relu
from funcgrad.torch.nn.functional.activation import leaky_relu_ as leaky_relu_
from funcgrad.torch.nn.functional.activation import log_softmax as log_softmax
from funcgrad.torch.nn.functional.activation import logsigmoid as logsigmoid
from funcgrad.torch.nn.functional.activation import mish as mish
from funcgrad.torch.nn.functional.activation import prelu as prelu
from funcgrad.torch.nn.functional.activation import relu as relu
from funcgrad.torch.nn.functional.activation import relu6 as relu6
from funcgrad.torch.nn.functional.activation import relu_ as relu_
from funcgrad.torch.nn.functional.activation import rrelu as rrelu
from funcgrad.torch.nn.functional.activation import rrelu_ as rrelu_
from funcgrad.torch.nn.functional.activation import selu as selu
from funcgrad.torch.nn.functional.activation import selu_ as selu_
from funcgrad.torch.nn.functional.activation import sigmoid as sigmoid
from funcgrad.torch.nn.functional.activation import silu as silu
from funcgrad.torch.nn.functional.activation import softmax as softmax
from funcgrad.torch.nn.functional.activation import softmin as softmin
from funcgrad.torch.nn.functional.activation import softplus as softplus
from funcgrad.torch.nn.functional.activation import softshrink as softshrink
from funcgrad.torch.nn.functional.activation import softsign as softsign
from funcgrad.torch.nn.functional.activation import tanh as tanh
from funcgrad.torch.nn.functional.activation import tanhshrink as tanhshrink
from funcgrad.torch.nn.functional.activation import threshold as threshold
from funcgrad.torch.nn.functional.activation import threshold_ as threshold_
from funcgrad.torch.nn.functional.attention import multi_head_attention_forward as multi_head_attention_forward
from funcgrad.torch.nn.functional.attention import scaled_dot_product_attention as scaled_dot_product_attention
from funcgrad.torch.nn.functional.bags import embedding_bag as embedding_bag
from funcgrad.torch.nn.functional.classes import cross_entropy as cross_entropy
from funcgrad.torch.nn.functional.classes import nll_loss as nll_loss
from funcgrad.torch.nn.functional.conv import conv1d as conv1d
from funcgrad.torch.nn.functional.conv import conv2d as conv2d
from funcgrad.torch.nn.functional.conv import conv3d as conv3d
from funcgrad.torch.nn.functional.conv import conv_tbc as conv_tbc
from funcgrad.torch.nn.functional.conv import conv_transpose1d as conv_transpose1d
from funcgrad.torch.nn.functional.conv import conv_transpose2d as conv_transpose2d
from funcgrad.torch.nn.functional.conv import conv_transpose3d as conv_transpose3d
from funcgrad.torch.nn.functional.ctc import ctc_loss as ctc_loss
from funcgrad.torch.nn.functional.distance import cosine_similarity as cosine_similarity
from funcgrad.torch.nn.functional.distance import pairwise_distance as pairwise_distance
from funcgrad.torch.nn.functional.dropout import alpha_dropout as alpha_dropout
from funcgrad.torch.nn.functional.dropout import dropout as dropout
from funcgrad.torch.nn.functional.dropout import dropout1d as dropout1d
from funcgrad.torch.nn.functional.dropout import dropout2d as dropout2d
from funcgrad.torch.nn.functional.dropout import dropout3d as dropout3d
from funcgrad.torch.nn.functional.dropout import feature_alpha_dropout as feature_alpha_dropout
from funcgrad.torch.nn.functional.fractional import fractional_max_pool2d as fractional_max_pool2d
from funcgrad.torch.nn.functional.fractional import (
    fractional_max_pool2d_with_indices as fractional_max_pool2d_with_indices,
)
from funcgrad.torch.nn.functional.fractional import fractional_max_pool3d as fractional_max_pool3d
from funcgrad.torch.nn.functional.fractional import (
    fractional_max_pool3d_with_indices as fractional_max_pool3d_with_indices,
)
from funcgrad.torch.nn.functional.linear import bilinear as bilinear
from funcgrad.torch.nn.functional.linear import embedding as embedding
from funcgrad.torch.nn.functional.linear import linear as linear
from funcgrad.torch.nn.functional.linear import one_hot as one_hot
from funcgrad.torch.nn.functional.linear_classes import linear_cross_entropy as linear_cross_entropy
from funcgrad.torch.nn.functional.loss import binary_cross_entropy as binary_cross_entropy
from funcgrad.torch.nn.functional.loss import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
from funcgrad.torch.nn.functional.loss import gaussian_nll_loss as gaussian_nll_loss
from funcgrad.torch.nn.functional.loss import huber_loss as huber_loss
from funcgrad.torch.nn.functional.loss import kl_div as kl_div
from funcgrad.torch.nn.functional.loss import l1_loss as l1_loss
from funcgrad.torch.nn.functional.loss import mse_loss as mse_loss
from funcgrad.torch.nn.functional.loss import multilabel_soft_margin_loss as multilabel_soft_margin_loss
from funcgrad.torch.nn.functional.loss import poisson_nll_loss as poisson_nll_loss
from funcgrad.torch.nn.functional.loss import smooth_l1_loss as smooth_l1_loss
from funcgrad.torch.nn.functional.loss import soft_margin_loss as soft_margin_loss
from funcgrad.torch.nn.functional.margins import cosine_embedding_loss as cosine_embedding_loss
from funcgrad.torch.nn.functional.margins import hinge_embedding_loss as hinge_embedding_loss
from funcgrad.torch.nn.functional.margins import margin_ranking_loss as margin_ranking_loss
from funcgrad.torch.nn.functional.margins import multi_margin_loss as multi_margin_loss
from funcgrad.torch.nn.functional.margins import multilabel_margin_loss as multilabel_margin_loss
from funcgrad.torch.nn.functional.margins import triplet_margin_loss as triplet_margin_loss
from funcgrad.torch.nn.functional.margins import triplet_margin_with_distance_loss as triplet_margin_with_distance_loss
from funcgrad.torch.nn.functional.natives import checked as _checked
from funcgrad.torch.nn.functional.normalization import batch_norm as batch_norm
from funcgrad.torch.nn.functional.normalization import group_norm as group_norm
from funcgrad.torch.nn.functional.normalization import instance_norm as instance_norm
from funcgrad.torch.nn.functional.normalization import layer_norm as layer_norm
from funcgrad.torch.nn.functional.normalization import local_response_norm as local_response_norm
from funcgrad.torch.nn.functional.normalization import normalize as normalize
from funcgrad.torch.nn.functional.normalization import rms_norm as rms_norm
from funcgrad.torch.nn.functional.padding import pad as pad
from funcgrad.torch.nn.functional.pooling import adaptive_avg_pool1d as adaptive_avg_pool1d
from funcgrad.torch.nn.functional.pooling import adaptive_avg_pool2d as adaptive_avg_pool2d
from funcgrad.torch.nn.functional.pooling import adaptive_avg_pool3d as adaptive_avg_pool3d
from funcgrad.torch.nn.functional.pooling import adaptive_max_pool1d as adaptive_max_pool1d
from funcgrad.torch.nn.functional.pooling import adaptive_max_pool1d_with_indices as adaptive_max_pool1d_with_indices
from funcgrad.torch.nn.functional.pooling import adaptive_max_pool2d as adaptive_max_pool2d
from funcgrad.torch.nn.functional.pooling import adaptive_max_pool2d_with_indices as adaptive_max_pool2d_with_indices
from funcgrad.torch.nn.functional.pooling import adaptive_max_pool3d as adaptive_max_pool3d
from funcgrad.torch.nn.functional.pooling import adaptive_max_pool3d_with_indices as adaptive_max_pool3d_with_indices
from funcgrad.torch.nn.functional.pooling import avg_pool1d as avg_pool1d
from funcgrad.torch.nn.functional.pooling import avg_pool2d as avg_pool2d
from funcgrad.torch.nn.functional.pooling import avg_pool3d as avg_pool3d
from funcgrad.torch.nn.functional.pooling import lp_pool1d as lp_pool1d
from funcgrad.torch.nn.functional.pooling import lp_pool2d as lp_pool2d
from funcgrad.torch.nn.functional.pooling import lp_pool3d as lp_pool3d
from funcgrad.torch.nn.functional.pooling import max_pool1d as max_pool1d
from funcgrad.torch.nn.functional.pooling import max_pool1d_with_indices as max_pool1d_with_indices
from funcgrad.torch.nn.functional.pooling import max_pool2d as max_pool2d
from funcgrad.torch.nn.functional.pooling import max_pool2d_with_indices as max_pool2d_with_indices
from funcgrad.torch.nn.functional.pooling import max_pool3d as max_pool3d
from funcgrad.torch.nn.functional.pooling import max_pool3d_with_indices as max_pool3d_with_indices
from funcgrad.torch.nn.functional.resizing import channel_shuffle as channel_shuffle
from funcgrad.torch.nn.functional.resizing import fold as fold
from funcgrad.torch.nn.functional.resizing import interpolate as interpolate
from funcgrad.torch.nn.functional.resizing import pixel_shuffle as pixel_shuffle
from funcgrad.torch.nn.functional.resizing import pixel_unshuffle as pixel_unshuffle
from funcgrad.torch.nn.functional.resizing import unfold as unfold
from funcgrad.torch.nn.functional.resizing import upsample as upsample
from funcgrad.torch.nn.functional.resizing import upsample_bilinear as upsample_bilinear
from funcgrad.torch.nn.functional.resizing import upsample_nearest as upsample_nearest
from funcgrad.torch.nn.functional.sampling import affine_grid as affine_grid
from funcgrad.torch.nn.functional.sampling import grid_sample as grid_sample
from funcgrad.torch.nn.functional.unpooling import max_unpool1d as max_unpool1d
from funcgrad.torch.nn.functional.unpooling import max_unpool2d as max_unpool2d
from funcgrad.torch.nn.functional.unpooling import max_unpool3d as max_unpool3d

globals().update(_checked(globals()))

__all__ = _public_names(globals())
if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
