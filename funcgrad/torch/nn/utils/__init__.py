"""`torch.nn.utils`: limiting gradients, parameters as a vector, weights that are computed or pruned, and modules with
other parameters."""

import typing as _typing

from funcgrad.core.entrance import entrances as _entrances
from funcgrad.names import public_names as _public_names
from funcgrad.torch._ops.table import tells_nearest as _tells_nearest
from funcgrad.torch.nn.utils import parametrizations as parametrizations
from funcgrad.torch.nn.utils import parametrize as parametrize
from funcgrad.torch.nn.utils import prune as prune
from funcgrad.torch.nn.utils import rnn as rnn
from funcgrad.torch.nn.utils import stateless as stateless
from funcgrad.torch.nn.utils.clip_grad import clip_grad_norm as clip_grad_norm
from funcgrad.torch.nn.utils.clip_grad import clip_grad_norm_ as clip_grad_norm_
from funcgrad.torch.nn.utils.clip_grad import clip_grad_value_ as clip_grad_value_
from funcgrad.torch.nn.utils.clip_grad import clip_grads_with_norm_ as clip_grads_with_norm_
from funcgrad.torch.nn.utils.clip_grad import get_total_norm as get_total_norm
from funcgrad.torch.nn.utils.convert_parameters import parameters_to_vector as parameters_to_vector
from funcgrad.torch.nn.utils.convert_parameters import vector_to_parameters as vector_to_parameters
from funcgrad.torch.nn.utils.fusion import fuse_conv_bn_eval as fuse_conv_bn_eval
from funcgrad.torch.nn.utils.fusion import fuse_conv_bn_weights as fuse_conv_bn_weights
from funcgrad.torch.nn.utils.fusion import fuse_linear_bn_eval as fuse_linear_bn_eval
from funcgrad.torch.nn.utils.fusion import fuse_linear_bn_weights as fuse_linear_bn_weights
from funcgrad.torch.nn.utils.making import convert_conv2d_weight_memory_format as convert_conv2d_weight_memory_format
from funcgrad.torch.nn.utils.making import convert_conv3d_weight_memory_format as convert_conv3d_weight_memory_format
from funcgrad.torch.nn.utils.making import skip_init as skip_init
from funcgrad.torch.nn.utils.normalised import remove_spectral_norm as remove_spectral_norm
from funcgrad.torch.nn.utils.normalised import remove_weight_norm as remove_weight_norm
from funcgrad.torch.nn.utils.normalised import spectral_norm as spectral_norm
from funcgrad.torch.nn.utils.normalised import weight_norm as weight_norm

globals().update(_entrances(globals()))
__all__ = _public_names(globals(), "parametrizations", "parametrize", "prune", "rnn", "stateless")
if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
