"""JAX's `lax` names."""

from __future__ import annotations

from typing import Any

from funcgrad import tree
from funcgrad.lax import linalg as linalg
from funcgrad.lax.collectives import all_gather as all_gather
from funcgrad.lax.collectives import all_to_all as all_to_all
from funcgrad.lax.collectives import axis_index as axis_index
from funcgrad.lax.collectives import axis_size as axis_size
from funcgrad.lax.collectives import pmax as pmax
from funcgrad.lax.collectives import pmean as pmean
from funcgrad.lax.collectives import pmin as pmin
from funcgrad.lax.collectives import ppermute as ppermute
from funcgrad.lax.collectives import pshuffle as pshuffle
from funcgrad.lax.collectives import psum as psum
from funcgrad.lax.collectives import psum_scatter as psum_scatter
from funcgrad.lax.control import associative_scan as associative_scan
from funcgrad.lax.control import cond as cond
from funcgrad.lax.control import fori_loop as fori_loop
from funcgrad.lax.control import map as map
from funcgrad.lax.control import scan as scan
from funcgrad.lax.control import switch as switch
from funcgrad.lax.control import while_loop as while_loop
from funcgrad.lax.convolutions import ConvDimensionNumbers as ConvDimensionNumbers
from funcgrad.lax.convolutions import conv as conv
from funcgrad.lax.convolutions import conv_dimension_numbers as conv_dimension_numbers
from funcgrad.lax.convolutions import conv_general_dilated as conv_general_dilated
from funcgrad.lax.convolutions import conv_transpose as conv_transpose
from funcgrad.lax.convolutions import conv_with_general_padding as conv_with_general_padding
from funcgrad.lax.convolutions import padtype_to_pads as padtype_to_pads
from funcgrad.lax.convolutions import reduce_window as reduce_window
from funcgrad.lax.operators import abs as abs
from funcgrad.lax.operators import acos as acos
from funcgrad.lax.operators import acosh as acosh
from funcgrad.lax.operators import add as add
from funcgrad.lax.operators import asin as asin
from funcgrad.lax.operators import asinh as asinh
from funcgrad.lax.operators import atan as atan
from funcgrad.lax.operators import atan2 as atan2
from funcgrad.lax.operators import atanh as atanh
from funcgrad.lax.operators import bessel_i0e as bessel_i0e
from funcgrad.lax.operators import bessel_i1e as bessel_i1e
from funcgrad.lax.operators import bitcast_convert_type as bitcast_convert_type
from funcgrad.lax.operators import bitwise_and as bitwise_and
from funcgrad.lax.operators import bitwise_not as bitwise_not
from funcgrad.lax.operators import bitwise_or as bitwise_or
from funcgrad.lax.operators import bitwise_xor as bitwise_xor
from funcgrad.lax.operators import cbrt as cbrt
from funcgrad.lax.operators import ceil as ceil
from funcgrad.lax.operators import clamp as clamp
from funcgrad.lax.operators import clz as clz
from funcgrad.lax.operators import complex as complex
from funcgrad.lax.operators import conj as conj
from funcgrad.lax.operators import convert_element_type as convert_element_type
from funcgrad.lax.operators import cos as cos
from funcgrad.lax.operators import cosh as cosh
from funcgrad.lax.operators import div as div
from funcgrad.lax.operators import eq as eq
from funcgrad.lax.operators import exp as exp
from funcgrad.lax.operators import exp2 as exp2
from funcgrad.lax.operators import expm1 as expm1
from funcgrad.lax.operators import floor as floor
from funcgrad.lax.operators import ge as ge
from funcgrad.lax.operators import gt as gt
from funcgrad.lax.operators import igamma as igamma
from funcgrad.lax.operators import igamma_grad_a as igamma_grad_a
from funcgrad.lax.operators import igammac as igammac
from funcgrad.lax.operators import imag as imag
from funcgrad.lax.operators import integer_pow as integer_pow
from funcgrad.lax.operators import is_finite as is_finite
from funcgrad.lax.operators import le as le
from funcgrad.lax.operators import log as log
from funcgrad.lax.operators import log1p as log1p
from funcgrad.lax.operators import log2 as log2
from funcgrad.lax.operators import lt as lt
from funcgrad.lax.operators import max as max
from funcgrad.lax.operators import min as min
from funcgrad.lax.operators import mul as mul
from funcgrad.lax.operators import ne as ne
from funcgrad.lax.operators import neg as neg
from funcgrad.lax.operators import nextafter as nextafter
from funcgrad.lax.operators import population_count as population_count
from funcgrad.lax.operators import pow as pow
from funcgrad.lax.operators import random_gamma_grad as random_gamma_grad
from funcgrad.lax.operators import real as real
from funcgrad.lax.operators import reciprocal as reciprocal
from funcgrad.lax.operators import rem as rem
from funcgrad.lax.operators import round as round
from funcgrad.lax.operators import select as select
from funcgrad.lax.operators import select_n as select_n
from funcgrad.lax.operators import shift_left as shift_left
from funcgrad.lax.operators import shift_right_arithmetic as shift_right_arithmetic
from funcgrad.lax.operators import shift_right_logical as shift_right_logical
from funcgrad.lax.operators import sign as sign
from funcgrad.lax.operators import sin as sin
from funcgrad.lax.operators import sinh as sinh
from funcgrad.lax.operators import sqrt as sqrt
from funcgrad.lax.operators import square as square
from funcgrad.lax.operators import sub as sub
from funcgrad.lax.operators import tan as tan
from funcgrad.lax.operators import tanh as tanh
from funcgrad.lax.reductions import argmax as argmax
from funcgrad.lax.reductions import argmin as argmin
from funcgrad.lax.reductions import batch_matmul as batch_matmul
from funcgrad.lax.reductions import cumlogsumexp as cumlogsumexp
from funcgrad.lax.reductions import cummax as cummax
from funcgrad.lax.reductions import cummin as cummin
from funcgrad.lax.reductions import cumprod as cumprod
from funcgrad.lax.reductions import cumsum as cumsum
from funcgrad.lax.reductions import dot as dot
from funcgrad.lax.reductions import dot_general as dot_general
from funcgrad.lax.reductions import reduce as reduce
from funcgrad.lax.reductions import reduce_and as reduce_and
from funcgrad.lax.reductions import reduce_max as reduce_max
from funcgrad.lax.reductions import reduce_min as reduce_min
from funcgrad.lax.reductions import reduce_or as reduce_or
from funcgrad.lax.reductions import reduce_prod as reduce_prod
from funcgrad.lax.reductions import reduce_sum as reduce_sum
from funcgrad.lax.reductions import reduce_xor as reduce_xor
from funcgrad.lax.reductions import sort as sort
from funcgrad.lax.reductions import sort_key_val as sort_key_val
from funcgrad.lax.reductions import top_k as top_k
from funcgrad.lax.shaping import broadcast as broadcast
from funcgrad.lax.shaping import broadcast_in_dim as broadcast_in_dim
from funcgrad.lax.shaping import broadcast_shapes as broadcast_shapes
from funcgrad.lax.shaping import broadcast_to_rank as broadcast_to_rank
from funcgrad.lax.shaping import broadcasted_iota as broadcasted_iota
from funcgrad.lax.shaping import collapse as collapse
from funcgrad.lax.shaping import concatenate as concatenate
from funcgrad.lax.shaping import dynamic_index_in_dim as dynamic_index_in_dim
from funcgrad.lax.shaping import dynamic_slice as dynamic_slice
from funcgrad.lax.shaping import dynamic_slice_in_dim as dynamic_slice_in_dim
from funcgrad.lax.shaping import dynamic_update_index_in_dim as dynamic_update_index_in_dim
from funcgrad.lax.shaping import dynamic_update_slice as dynamic_update_slice
from funcgrad.lax.shaping import dynamic_update_slice_in_dim as dynamic_update_slice_in_dim
from funcgrad.lax.shaping import expand_dims as expand_dims
from funcgrad.lax.shaping import full as full
from funcgrad.lax.shaping import full_like as full_like
from funcgrad.lax.shaping import index_in_dim as index_in_dim
from funcgrad.lax.shaping import iota as iota
from funcgrad.lax.shaping import pad as pad
from funcgrad.lax.shaping import reshape as reshape
from funcgrad.lax.shaping import rev as rev
from funcgrad.lax.shaping import slice as slice
from funcgrad.lax.shaping import slice_in_dim as slice_in_dim
from funcgrad.lax.shaping import split as split
from funcgrad.lax.shaping import squeeze as squeeze
from funcgrad.lax.shaping import transpose as transpose
from funcgrad.lax.shaping import zeros_like_array as zeros_like_array
from funcgrad.lax.solves import custom_linear_solve as custom_linear_solve
from funcgrad.lax.solves import custom_root as custom_root
from funcgrad.lax.special import digamma as digamma
from funcgrad.lax.special import erf as erf
from funcgrad.lax.special import erf_inv as erf_inv
from funcgrad.lax.special import erfc as erfc
from funcgrad.lax.special import lgamma as lgamma
from funcgrad.lax.special import logistic as logistic
from funcgrad.lax.special import polygamma as polygamma
from funcgrad.lax.special import rsqrt as rsqrt
from funcgrad.ops import elementwise


def stop_gradient(x: Any) -> Any:
    """The same values, as constants: no derivative flows through.

    Args:
        x: an array, or a pytree of arrays.

    Returns:
        The values in the same structure. Under `grad` and `jvp` they are plain arrays, so `float` works.

    Example:
        >>> import funcgrad as fg
        >>> fg.grad(lambda x: x * stop_gradient(x))(3.0)
        np.float64(3.0)
    """
    return tree.map(elementwise.stop_gradient, x)
