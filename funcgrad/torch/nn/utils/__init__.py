"""`torch.nn.utils`: limiting gradients, parameters as a vector, and modules with other parameters."""

from funcgrad.torch.nn.utils import stateless as stateless
from funcgrad.torch.nn.utils.clip_grad import clip_grad_norm_ as clip_grad_norm_
from funcgrad.torch.nn.utils.clip_grad import clip_grad_value_ as clip_grad_value_
from funcgrad.torch.nn.utils.clip_grad import get_total_norm as get_total_norm
from funcgrad.torch.nn.utils.convert_parameters import parameters_to_vector as parameters_to_vector
from funcgrad.torch.nn.utils.convert_parameters import vector_to_parameters as vector_to_parameters
