"""Every public function of `funcgrad.numpy`: NumPy's values and dtypes on plain and on traced arrays, by both
names, and derivatives that agree with differences."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest

import funcgrad.numpy as fnp
from funcgrad import nn
from funcgrad.compile.jit import jit
from funcgrad.core.avals import aval_of
from funcgrad.core.staging import trace_graph
from funcgrad.core.trace import Tracer
from funcgrad.errors import TracerConversionError
from funcgrad.ops.operands import any_traced
from funcgrad.test_util import check_grads
from funcgrad.transforms.api import grad, vjp
from funcgrad.transforms.vmap import vmap
from tests.groups import over_calls

rng = np.random.default_rng(7)


def distinct(*shape: int) -> np.ndarray:
    """Floats in [-2, 2] that differ by at least 0.01, none near an integer multiple of 0.5."""
    size = int(np.prod(shape))
    return rng.permutation(np.linspace(-1.93, 1.97, size)).reshape(shape)


DATA = {
    "a": distinct(3, 4),
    "b": distinct(4, 3),
    "c": distinct(3, 4),
    "v": distinct(4),
    "w": distinct(4),
    "u": distinct(3),
    "x": np.float64(0.37),
    "p": rng.uniform(0.1, 0.9, (3, 4)),  # positive
    "q": rng.uniform(1.1, 2.0, (3, 4)),  # above one
    "s": (lambda m: m @ m.T + 3 * np.eye(3))(distinct(3, 3)),  # symmetric, positive definite
    "t": distinct(2, 3, 4),
    "r": distinct(2, 4, 3),
    "o": distinct(3, 3),
    "z": distinct(3, 4) + 1j * distinct(3, 4),
    "n": np.array([2, 0, 1]),
    "k": rng.integers(0, 5, (3, 4)),
    "g": rng.integers(0, 3, (3, 4)),
    "m": rng.uniform(size=(3, 4)) < 0.6,
    "e": np.zeros((0, 4)),
    "d": np.array([0.1, 0.5, 0.9, 1.7]),  # rising
    "h": np.where(np.arange(12).reshape(3, 4) % 5 == 0, np.nan, distinct(3, 4)),
    "pos_u": rng.uniform(0.5, 2.0, 3),
}
FLOATS = frozenset("abcvwuxpqstrodz") | {"pos_u"}

SMOOTH = """
add(a, c) add(a, v) subtract(a, v) multiply(a, c) multiply(2.0, a) divide(a, q) divide(1, q)
true_divide(a, q) remainder(a, q) mod(a, q) fmod(a, q) power(p, a) power(a, 3) power(a, 2) pow(p, 2.5)
float_power(p, 1.5) negative(a) positive(a) absolute(a) abs(a) fabs(a) sign(a) square(a) sqrt(p) cbrt(p)
reciprocal(q) hypot(a, c) maximum(a, c) minimum(a, 0.2) fmax(a, c) fmin(a, c) copysign(a, c) exp(a) exp2(a)
expm1(a) log(p) log2(p) log10(p) log1p(p) logaddexp(a, c) logaddexp2(a, c) sin(a) cos(a) tan(p) arcsin(p)
arccos(p) arctan(a) arctan2(a, q) sinh(a) cosh(a) tanh(a) arcsinh(a) arccosh(q) arctanh(p) asin(p) acos(p)
atan(a) atan2(a, q) asinh(a) acosh(q) atanh(p) deg2rad(a) rad2deg(a) radians(a) degrees(a) conjugate(z)
conj(z) real(z) imag(z) real(a) angle(z) angle(z, deg=True) clip(a, -0.5, 0.7) clip(a, None, 0.7)
clip(a, -0.5, None) clip(a, min=-0.4) sinc(a) sinc(x) nan_to_num(a) nan_to_num(z) modf(a) sum(a)
sum(a, axis=0) sum(a, axis=(0,-1), keepdims=True) sum(t, (0, 2)) sum(a, where=m) sum(a, 1, initial=2.0)
sum(e, 0) prod(a) prod(a, axis=1) prod(a, 0, keepdims=True, initial=3.0, where=m) max(a)
max(a, axis=1, keepdims=True) max(a, 0, initial=0.1, where=m) min(a) min(a, axis=(0, 1)) amax(a, 1)
amin(a, 0) ptp(a, 1) cumsum(a) cumsum(a, axis=1) cumprod(a, 0) cumprod(v) diff(a) diff(a, 2, 0)
diff(v, prepend=0.0, append=w) ediff1d(a, to_begin=0.0, to_end=v) trapezoid(a) trapezoid(a, d)
trapezoid(a, dx=0.5, axis=0) trapezoid(t, d, axis=2) mean(a) mean(a, 1, keepdims=True) mean(a, 0, where=m)
mean(z) var(a) var(a, 0, ddof=1) var(a, axis=1, keepdims=True) var(z, 1) var(a, 0, where=m) std(a)
std(a, 1, ddof=1) std(a, correction=1) average(a) average(a, 0, u) average(a, 1, weights=q, returned=True)
median(a) median(a, 0) median(a, axis=(0, 1), keepdims=True) median(v) nansum(a, 1) nanprod(a, 0) nanmean(a)
nanvar(a, 0) nanstd(a, 1, ddof=1) nanmax(a, 0) nanmin(a, 1) reshape(a, (2, 6)) reshape(a, -1)
reshape(a, (6, -1), order='F') ravel(a) ravel(a, order='F') transpose(t) transpose(t, (1, 2, 0))
permute_dims(t, (2, 0, 1)) matrix_transpose(t) moveaxis(t, 0, -1) moveaxis(t, (0, 1), (-1, 0))
swapaxes(t, 0, 2) rollaxis(t, 2) rollaxis(t, 0, 3) squeeze(a[None]) squeeze(a[None, :, None], axis=0)
expand_dims(a, 1) expand_dims(a, (0, -1)) atleast_1d(x) atleast_1d(x, v) atleast_2d(v) atleast_2d(x)
atleast_3d(v) atleast_3d(a) broadcast_to(v, (2, 3, 4)) broadcast_arrays(a, v) concatenate([a, c])
concatenate((a, b), axis=None) concatenate([a, c, a], 1) concat([v, w]) concatenate(t) stack([a, c])
stack([a, c], axis=-1) stack(t) vstack([v, a]) hstack([v, w]) hstack([a, c]) dstack([a, c])
column_stack([v, w]) column_stack([u, a]) block([[a, c], [c, a]]) block([v, w]) array_split(a, 3, axis=1)
split(a, 2, 1) split(v, [1, 3]) hsplit(a, 2) vsplit(a, 3) dsplit(t, 2) unstack(a) unstack(t, axis=1)
pad(a, 1) pad(a, ((1, 2), (0, 3))) pad(v, (2, 1), mode='edge') pad(a, 2, mode='reflect')
pad(a, 1, mode='symmetric') pad(a, (3, 1), mode='wrap') pad(a, 1, constant_values=2.0)
pad(v, (1, 2), constant_values=(3, 4)) pad(a, {1: (1, 0)}) flip(a) flip(t, (0, 2)) flip(a, -1) fliplr(a)
flipud(a) rot90(a) rot90(a, 2) rot90(a, -1) rot90(t, 1, (1, 2)) roll(a, 5) roll(a, 1, 0)
roll(a, (1, -2), (0, 1)) tile(a, 2) tile(v, (2, 3)) tile(a, (2, 1, 3)) repeat(a, 2) repeat(a, 3, axis=0)
repeat(a, [1, 0, 2], axis=0) diag(v) diag(v, -1) diag(a) diag(a, 1) diagflat(a) diagonal(a)
diagonal(t, 1, 0, 2) trace(o) trace(t, offset=1, axis1=1, axis2=2) tril(a) tril(t, -1) triu(a, 1) triu(o)
resize(a, (3, 5)) resize(a, 5) where(m, a, c) where(m, a, 0.0) where(m, 1.0, v) select([m, ~m], [a, c])
select([m], [a], 7.0) choose(g, [a, c, p]) compress([True, False, True], a, axis=0)
compress([False, True], v) extract(m, a) take(a, [0, 2], axis=1) take(a, n)
take(a, [-1, 7], axis=0, mode='wrap') take(v, [-1, 9], mode='clip') take_along_axis(a, g, 0)
take_along_axis(a, g[:, :1], axis=1) take_along_axis(a, n, None) sort(a) sort(a, axis=0) sort(a, None)
interp(p, d, v) interp(a, d, v, left=-1.0) interp(x, d, w) dot(a, b) dot(v, w) dot(a, v) dot(x, a) dot(t, b)
dot(t, r) matmul(a, b) matmul(v, b) matmul(a, v) matmul(t, r) matmul(a, r) matmul(t, b) matmul(v, r)
matmul(t[:, None], r) vdot(a, c) vdot(z, z) vecdot(a, c) vecdot(t, a, axis=-1) inner(a, c) inner(v, t)
inner(x, a) outer(v, u) outer(a, v) tensordot(a, b, 1) tensordot(t, r, axes=((1, 2), (2, 1)))
tensordot(v, w, axes=0) kron(a, o) kron(v, a) cross(u, a.T) cross(b, o[0]) cross(a, u[:, None], axis=0)
einsum('ij,jk->ik', a, b) einsum('ij->ji', a) einsum('ij->', a) einsum('ii', o) einsum('ii->i', o)
einsum('ij,ij->i', a, c) einsum('i,j->ij', v, u) einsum('...ij,...jk->...ik', t, r) einsum('...i->...', t)
einsum('bij,bjk,k->bi', t, r, u) einsum('ij,jk', a, b) einsum('i,i', v, w) einsum('ij,j', a, v)
einsum(a, [0, 1], b, [1, 2], [0, 2]) einsum('b...,b...->...', t, t) einsum('ij,kj->', a, c)
einsum('iij->j', o[:, :, None] * u) einsum('i,ij,jk,k->', u, a, b, u, optimize=True) array([v, w])
array([[x, 1.0], [2.0, x]]) array(a, ndmin=3) asarray(a) asarray([x, x]) asanyarray(a) ascontiguousarray(x)
copy(a) full((2, 4), v) full_like(v, x) linspace(x, 2.0, 5) linspace(u, pos_u, 4, axis=1)
linspace(x, 1.0, 4, endpoint=False) linspace(x, 3.0, 1) meshgrid(v, u) meshgrid(v, u, indexing='ij')
meshgrid(v, u, sparse=True) vander(v) vander(v, 3, increasing=True) astype(a, float)
quantile(a, 0.3) quantile(a, np.array([0.2, 0.9]), axis=1) quantile(t, 0.45, (0, 2), keepdims=True)
quantile(v, [0.1, 0.6], method='hazen') quantile(a, 0.35, 0, method='median_unbiased') quantile(a, x)
quantile(a, 0.3, 1, method='lower') quantile(a, 0.3, 1, method='nearest') quantile(a, x, 1, method='weibull')
quantile(a, 0.3, 0, weights=pos_u, method='inverted_cdf') percentile(a, 30) percentile(a, [10, 70.0], 0)
nanquantile(a, 0.3, 1) nanpercentile(a, 60, (0, 1)) nanmedian(a) nanmedian(a, 1) nancumsum(a, 1)
nancumprod(p, 0) nanmean(a, 0, where=m) nanvar(a, 0, where=m, ddof=0.5) nanstd(a, mean=0.1)
nanmax(a, 0, initial=0.1, where=m) amax(a, 0, initial=0.1) cov(a) cov(a, c, rowvar=False, bias=True) cov(v, w)
cov(z) cov(a, fweights=np.array([1, 2, 3, 1]), aweights=d) cov(a, ddof=0, aweights=d) corrcoef(a)
corrcoef(z) corrcoef(v, w) cumulative_sum(v) cumulative_sum(a, axis=1, include_initial=True)
cumulative_prod(a, axis=0) cumulative_prod(v, include_initial=True) gradient(v) gradient(a) gradient(a, 0.5)
gradient(a, pos_u.cumsum(), d, edge_order=2) gradient(a, d, axis=1) gradient(t, 2.0, axis=-1, edge_order=2)
unwrap(3 * v) unwrap(9 * a, axis=0) unwrap(3 * v, discont=4.0, period=5.0) convolve(v, u) convolve(u, v, 'same')
convolve(z[0], u, 'valid') correlate(v, u) correlate(u, v, 'same') correlate(v, w, 'full')
correlate(z[0], z[1], 'full') matvec(t, v) matvec(o, a.T[:, None])
vecmat(u, t) vecmat(z[0], b) ldexp(a, 3) ldexp(v, k) frexp(a) i0(a) i0(8 * a) real_if_close(z) sort_complex(a)
polyval(v, a) polyval(v, u) polyadd(v, u) polysub(u, v) polymul(v, u) polydiv(v, u[:2]) polydiv(u, v)
polyder(v) polyder(v, 2) polyint(v) polyint(v, 2, k=x) polyint(v, 2, [1.0, 2.0]) polyfit(d, v, 2)
polyfit(d, b, 1, w=q[0]) polyfit(d, v, 1, full=True) polyfit(d, v, 1, cov=True) polyfit(d, v, 2, cov='unscaled')
poly(v) poly(o) poly(z[0]) roots(q[0]) roots(np.array([0, 0, 1.0, 3.0]) * 2 + np.array([0, 0, 1, 0]) * x)
pad(a, 1, mode='linear_ramp') pad(a, (2, 1), mode='linear_ramp', end_values=x) pad(a, (1, 2), mode='maximum')
pad(a, 2, mode='minimum', stat_length=2) pad(a, ((1, 0), (2, 3)), mode='mean', stat_length=((1, 2), (3, 2)))
pad(a, 1, mode='median') pad(v, (5, 9), mode='reflect', reflect_type='odd') pad(v, 1, constant_values=x)
pad(a, (2, 9), mode='symmetric', reflect_type='odd') append(a, c) append(a, b.T, 0) append(v, x)
insert(v, 1, x) insert(a, 1, v, axis=0) insert(a, [0, 2, 2], x, axis=1) insert(a, slice(1, 3), u[:, None], 1)
insert(v, [1], u) insert(a, 2, u, axis=1) delete(a, 1) delete(a, [0, 2], axis=0) delete(v, slice(1, 3))
delete(a, np.array([True, False, True, False]), 1) trim_zeros(np.array([0.0, 0, 1, 2, 0]) * x)
apply_along_axis(np.cumsum, 0, a) apply_along_axis(lambda r: (r * r).sum(), 1, a)
apply_along_axis(lambda r: r[:, None] * r, 1, t) apply_over_axes(np.sum, t, (0, 2)) apply_over_axes(np.cumsum, a, 1)
piecewise(a, [a < 0, a > 1], [lambda x: x * x, 2.0, lambda x: x * 3]) piecewise(a, [m], [np.exp, np.sin])
geomspace(pos_u, 9.0, 4) geomspace(p[0, 0], q[0, 0], 3, endpoint=False) geomspace(-p[0, 0], -4.0, 5)
logspace(x, 2.0, 4) logspace(u, pos_u, 3, axis=1) logspace(x, 1.0, 4, base=pos_u, axis=-1)
bincount(n, weights=u) bincount(n, u, minlength=5) histogram(a, [-2.0, 0, 2.0], weights=c)
histogram(a, 3, weights=c, density=True) histogram_bin_edges(a, 3) histogram_bin_edges(a, 3, range=(x, 2.0))
histogram2d(v, w, 2, weights=d) histogramdd(a, [2, 1, 1, 1], weights=u) unique(v) unique(v, return_index=True)
unique(a, axis=0) unique_all(v) unique_counts(v) unique_inverse(a) unique_values(v) union1d(v, pos_u)
intersect1d(v, v[1:]) setdiff1d(v, v[:2]) setxor1d(v, v[:2]) asfortranarray(a) asarray_chkfinite(a) require(a)
linalg.matrix_power(o, 3) linalg.matrix_power(s, -2) linalg.matrix_power(s, 0) linalg.multi_dot([a, b, a])
linalg.multi_dot([v, b, a, b, u]) linalg.multi_dot([a, b]) linalg.matmul(a, b) linalg.vecdot(a, c)
linalg.outer(v, w) linalg.tensordot(a, b, axes=1) linalg.cross(u, o) linalg.matrix_transpose(a)
linalg.diagonal(t) linalg.trace(t) linalg.solve(s, u) linalg.solve(s, o) linalg.inv(s) linalg.det(o)
linalg.slogdet(s) linalg.cholesky(s @ s.T) linalg.cholesky(s @ s.T, upper=True) linalg.eigvalsh(o @ o.T)
linalg.eigh(s) linalg.qr(b) linalg.qr(b, 'r') linalg.svd(a, full_matrices=False)
linalg.svd(a, compute_uv=False) linalg.svdvals(a) linalg.norm(a) linalg.norm(v) linalg.norm(z)
linalg.norm(v, 3) linalg.norm(a, 1, axis=0) linalg.norm(v, np.inf) linalg.norm(v, -np.inf) linalg.norm(v, 0)
linalg.norm(v, -1) linalg.norm(a, 'fro') linalg.norm(a, 'nuc') linalg.norm(a, 1) linalg.norm(a, -1)
linalg.norm(a, 2) linalg.norm(a, -2) linalg.norm(a, np.inf) linalg.norm(a, -np.inf)
linalg.norm(t, axis=(0, 2), keepdims=True) linalg.norm(t, axis=1) linalg.vector_norm(a, axis=1, ord=3)
linalg.vector_norm(t) linalg.matrix_norm(t) linalg.matrix_norm(t, ord='nuc', keepdims=True) linalg.cond(o)
linalg.cond(s, 1) linalg.cond(o, -2) linalg.cond(o, 'fro') linalg.cond(t, 2) linalg.cond(s, 'nuc')
linalg.pinv(a) linalg.pinv(t) linalg.pinv(z) linalg.pinv(s + s.T, hermitian=True) linalg.pinv(a, 0.5) linalg.lstsq(b, v)
linalg.lstsq(b, b) linalg.lstsq(z.T, z[0])[0] linalg.lstsq(a, u) linalg.tensorsolve(o[None], u, (0,))
linalg.tensorinv(o[None]) linalg.tensorsolve(o[:, None], u)
linalg.eigvals(z[:, :3]) linalg.eig(z[:, :3]) linalg.svd(s + s.T, hermitian=True)[1]
linalg.svd(s + s.T, True, False, True)
linalg.qr(a, 'r') linalg.qr(a)[1] linalg.norm(z, 1) linalg.norm(z, 3, 0) linalg.norm(z, 'nuc')
linalg.norm(t, 2, (0, 2)) linalg.vector_norm(t, axis=(0, 2), ord=2.5) linalg.norm(t, -np.inf, (1, 0))
fft.fft(a) fft.ifft(z, 5) fft.rfft(a, axis=0) fft.irfft(z, 4)
fft.hfft(a) fft.ihfft(a, 3) fft.fft2(t) fft.ifft2(t) fft.rfft2(t) fft.irfft2(t) fft.fftn(t, axes=(0, 2)) fft.ifftn(t)
fft.rfftn(t, norm='ortho') fft.irfftn(t, (2, 3), (1, 2)) fft.fftfreq(5, x) fft.rfftfreq(5, x) fft.fftshift(a)
fft.ifftshift(a, 0)
"""

FLAT = """
arange(v.size) eye(v.size) identity(v.size) ones(a.shape) tri(v.size) zeros(a.shape)
floor_divide(a, q) nextafter(a, c) heaviside(a, 0.5) floor(a) ceil(a) trunc(a) rint(a) round(a)
round(a, 1) around(a, 2) round(k) round(a * 1000, -2) divmod(a, q) equal(a, c) not_equal(k, 2) less(a, 0)
less_equal(a, c) greater(a, c) greater_equal(a, c) logical_and(m, a) logical_or(m, a > 0)
logical_xor(m, a > 0) logical_not(m) bitwise_and(k, 3) bitwise_or(k, g) bitwise_xor(k, g) bitwise_not(k)
invert(m) left_shift(k, 2) right_shift(k, g) isnan(h) isinf(a) isfinite(h) signbit(a) isclose(a, c)
isclose(h, h, equal_nan=True) allclose(a, a + 1e-12) array_equal(a, a) array_equal(a, v) iscomplex(z)
isreal(z) iscomplexobj(z) isrealobj(a) any(m) any(m, 1) all(a > 0, axis=0, keepdims=True)
any(a > 0, where=m) all(m, where=m) count_nonzero(k) count_nonzero(k, axis=1, keepdims=True) argmax(a)
argmax(a, 1) argmin(a, axis=0, keepdims=True) argmin(a, keepdims=True) argsort(a) argsort(a, axis=0)
partition(a, [0, 1, 2, 3]) partition(a, [0, 2, 1], 0) argpartition(a, [0, 1, 2, 3]) argpartition(v, -1)[-1]
argsort(a, None) searchsorted(d, a) searchsorted(d, x, side='right')
searchsorted(v, w, sorter=np.argsort(DATA['v'])) zeros_like(a) zeros_like(a, int) ones_like(a)
ones_like(a, shape=(2,)) full_like(a, 3) shape(a) ndim(a) size(a) size(a, 1) result_type(a, np.float32)
can_cast(a, np.float32) common_type(a, z) sum(k) sum(m, 0) mean(k, 1) var(k) std(k) max(k, 1) prod(k, 0)
imag(a) astype(a, int) median(k) linalg.matrix_rank(a) linalg.matrix_rank(t, [0.1, 2.0]) linalg.matrix_rank(v)
linalg.matrix_rank(s, hermitian=True) linalg.matrix_rank(k, rtol=0.4)
bitwise_count(k) bitwise_invert(k) bitwise_left_shift(k, 2) bitwise_right_shift(k, g) gcd(k, g) lcm(k, g)
spacing(a) spacing(np.float32(0.3) * p) isposinf(a) isneginf(a) array_equiv(a, v) array_equiv(a, a[0])
nanargmax(a) nanargmax(a, 1) nanargmin(a, axis=0, keepdims=True) lexsort((k, g)) lexsort((g[0], k[0])) lexsort((v, w))
packbits(m) packbits(k, axis=1) packbits(m, 0, 'little') unpackbits(k.astype(np.uint8))
ravel_multi_index((n, n), (3, 4))
unpackbits(k.astype(np.uint8), 1, count=9, bitorder='little') unravel_index(k, (3, 4)) unravel_index(n, (2, 3), 'F')
diag_indices_from(o) tril_indices_from(a, 1) triu_indices_from(o) isin(k, [0, 3]) isin(k, g, invert=True)
digitize(a, d) digitize(a, d[::-1], right=True) digitize(x, [0.0, 0.3]) bincount(n) histogram(a, [-1.0, 0, 0.5, 2])
histogram(k, [0, 2, 5]) unravel_index(5, (2, 3)) geomspace(1.0, 8.0, 4) sort_complex(k)
"""
"""Integer and bool arguments, and results without derivative."""

CONCRETE = "empty(a.shape).shape nonzero(a) flatnonzero(m) argwhere(k) where(m) empty_like(a).shape"
"""What needs values: not under `vmap` and `jit`."""

NAN = """
nansum(h) nansum(h, 1) nanprod(h, 0) nanmean(h, axis=1) nanvar(h) nanstd(h, 0) nanmax(h, 1) nanmin(h)
nan_to_num(h, nan=2.0) median(h, 0)
nanquantile(h, [0.2, 0.7], 1) nanpercentile(h, 40) nanmedian(h) nanmedian(h, 0) nancumsum(h) nancumprod(h, 1)
nanargmax(h) nanargmin(h, 1) quantile(h, 0.3, 0) percentile(h, [10, 50]) nanmax(h, 0, initial=-9.0) unique(h)
"""


def calls(table: str) -> list[str]:
    """The calls in a table: they end where brackets are closed and a blank follows."""
    found, depth, start = [], 0, 0
    for i, character in enumerate(table + " "):
        depth += character in "([{"
        depth -= character in ")]}"
        if character.isspace() and depth == 0 and not table[i:].lstrip().startswith(".shape"):
            if table[start:i].strip():
                found.append(table[start:i].strip())
            start = i
    return found


def function_of(call: str):
    """`fun(module, *arrays)` for a call, the arrays it names, and which of them are floats."""
    code = compile(f"module.{call}", call, "eval")
    names = [n for n in DATA if n in code.co_names]

    def fun(module, *arrays):
        return eval(code, {"module": module, "np": np, "DATA": DATA, **dict(zip(names, arrays))})

    return fun, [DATA[n] for n in names], [n in FLOATS for n in names]


def flat(result) -> list:
    return [leaf for part in result for leaf in flat(part)] if isinstance(result, (tuple, list)) else [result]


def assert_same(got, expected, exact: bool = False) -> None:
    got, expected = flat(got), flat(expected)
    assert len(got) == len(expected)
    for y, e in zip(got, expected):
        while isinstance(y, Tracer):
            y = y.value
        y, e = np.asarray(y), np.asarray(e)
        assert y.shape == e.shape
        assert y.dtype == e.dtype
        if exact or e.dtype.kind not in "fc":
            np.testing.assert_array_equal(y, e)
        else:
            np.testing.assert_allclose(y, e, rtol=1e-9, atol=1e-12)


NOT_DISPATCHED = (
    "array(", "asarray(", "asarray_chkfinite(", "asanyarray(", "ascontiguousarray(", "asfortranarray(", "full(",
    "require(",
)  # fmt: skip
"""NumPy makes plain arrays here and asks nobody."""

ALL = calls(SMOOTH) + calls(FLAT) + calls(NAN)


@over_calls("call", ALL + calls(CONCRETE))
def test_plain_arrays_go_to_numpy(call: str) -> None:
    fun, arrays, _ = function_of(call)
    assert_same(fun(fnp, *arrays), fun(np, *arrays), exact=True)


@over_calls("call, module", itertools.product(ALL + calls(CONCRETE), (fnp, np)))
def test_values_under_grad(call: str, module) -> None:
    fun, arrays, _ = function_of(call)
    if module is np and call.startswith(NOT_DISPATCHED):
        with pytest.raises(TracerConversionError):
            vjp(lambda *xs: fun(np, *xs), *arrays)
        return
    got = []
    vjp(lambda *xs: got.append(fun(module, *xs)) or 0.0, *arrays)
    assert_same(got[0], fun(np, *arrays))


VALUES_DECIDE = (
    "bincount(n)", "bincount(n, ", "compress", "extract", "intersect1d", "poly(z", "polydiv", "real_if_close", "roots",
    "setdiff1d", "setxor1d", "trim_zeros", "union1d", "unique",
)  # fmt: skip
"""What has a shape or dtype that depends on values: tests/test_names.py has their forms with known sizes."""


def gives_arrays(call: str) -> bool:
    """Whether the result is arrays whose shapes are known without values."""
    fun, arrays, _ = function_of(call)
    arrays_only = all(isinstance(y, (np.ndarray, np.generic)) for y in flat(fun(np, *arrays)))
    return arrays_only and not call.startswith(VALUES_DECIDE)


STAGED = [call for call in ALL if gives_arrays(call)]
BATCHED = [call for call in STAGED if any(function_of(call)[2])]


@over_calls("call", STAGED)
def test_values_in_a_staged_program(call: str) -> None:
    fun, arrays, _ = function_of(call)
    expected = flat(fun(np, *arrays))
    graph = trace_graph(lambda *xs: flat(fun(fnp, *xs)), [aval_of(x) for x in arrays])
    assert_same(graph(*arrays), expected)
    for aval, e in zip(graph.out_avals, expected):
        assert (aval.shape, aval.dtype) == (e.shape, e.dtype)


@pytest.mark.filterwarnings("ignore::funcgrad.errors.UnbatchedPrimitiveWarning")
@over_calls("call", BATCHED)
def test_values_under_vmap(call: str) -> None:
    fun, arrays, floats = function_of(call)
    axes = tuple(0 if f else None for f in floats)
    batches = [np.stack([x, x * 1.01, x]) if f else x for x, f in zip(arrays, floats)]
    got = flat(vmap(lambda *xs: tuple(flat(fun(fnp, *xs))), in_axes=axes)(*batches))
    for i in range(3):
        expected = fun(np, *(x[i] if f else x for x, f in zip(batches, floats)))
        assert_same([y[i] for y in got], expected)


UNDETERMINED = ("eigh", "eig(", "svd(a, full", "qr(b)")
"""Vectors are determined up to sign: the samples of the primitives test them."""

DETERMINED = [c for c in calls(SMOOTH) if any(function_of(c)[2]) and not any(u in c for u in UNDETERMINED)]


@over_calls("call", DETERMINED)
def test_derivatives_agree_with_differences(call: str) -> None:
    fun, arrays, floats = function_of(call)
    moving = [x for x, f in zip(arrays, floats) if f]

    def of_floats(*xs):
        xs = iter(xs)
        out = flat(fun(fnp, *(next(xs) if f else x for x, f in zip(arrays, floats))))
        return [y for y in out if any_traced([y]) or np.asarray(y).dtype.kind in "fc"]

    check_grads(of_floats, moving, order=1, eps=1e-5)


@over_calls("call", calls(SMOOTH))
def test_float32_stays(call: str) -> None:
    fun, arrays, floats = function_of(call)
    small = {np.dtype(np.float64): np.float32, np.dtype(np.complex128): np.complex64}
    arrays = [x.astype(small[x.dtype]) if f else x for x, f in zip(arrays, floats)]
    expected = flat(fun(np, *arrays))
    out, pullback = vjp(lambda *xs: flat(fun(fnp, *xs)), *arrays)
    assert [np.asarray(y).dtype for y in out] == [np.asarray(y).dtype for y in expected]
    cts = pullback([np.ones_like(y) for y in out])
    for ct, x, f in zip(cts, arrays, floats):
        if f:
            assert ct.dtype == x.dtype


TESTED_ELSEWHERE = (
    "copyto", "fix", "fill_diagonal", "kaiser", "place", "put", "put_along_axis", "putmask", "vectorize",
    "frompyfunc",
)  # fmt: skip
"""Here, in tests/test_names.py and tests/test_writing.py: NumPy's differ, write, or take no arrays."""

PUBLIC = [(fnp, name) for name in dir(fnp) if not name.startswith("_")]
PUBLIC += [(module, name) for module in (fnp.fft, fnp.linalg, nn) for name in module.__all__]


def is_ours(value) -> bool:
    module = getattr(value, "__module__", "")
    return callable(value) and module.startswith("funcgrad") and not isinstance(value, type)


OURS = [(module, name) for module, name in PUBLIC if is_ours(getattr(module, name))]


def test_every_function_has_a_row() -> None:
    tested = {c.split("(")[0].split(".")[-1] for c in ALL + calls(CONCRETE)}
    untested = {name for module, name in OURS if module is not nn} - tested - set(TESTED_ELSEWHERE)
    assert OURS and not untested, sorted(untested)


def test_public_functions_are_documented() -> None:
    silent = [f"{module.__name__}.{name}" for module, name in OURS if not getattr(module, name).__doc__]
    assert OURS and not silent, silent


def test_reexported_names_are_numpys() -> None:
    others = [
        name for name in fnp.reexported.__all__
        if not (getattr(fnp, name) is getattr(np, name) or np.isnan(getattr(fnp, name)))
    ]  # fmt: skip
    assert fnp.reexported.__all__ and not others, others


# what shares memory

BY_LAYOUT = ("reshape(", "ravel(", "ascontiguousarray(", "asfortranarray(", "einsum(")
"""Whether these give a view depends on what is not known of a traced value: writing may be refused."""
WRITABLE_FOR_NOW = ("broadcast_arrays(",)
"""NumPy warns that what can be written will be read-only; here it is."""
UNRELATED = ("trim_zeros(np.array",)
"""Their first argument is made within the call."""
NAMED = [
    (call, into_result)
    for call in calls(SMOOTH)
    for into_result in (False, True)
    if any(function_of(call)[2][:1])
    and not call.startswith(UNRELATED)
    and not (into_result and call.startswith(WRITABLE_FOR_NOW))
]


def written(call: str, module, arrays, into_result: bool) -> list:
    """What a function gave after its first argument was written, or the first argument after what it gave was."""
    fun, *_ = function_of(call)
    y = flat(fun(module, *arrays))
    for target in y if into_result else arrays[:1]:
        if np.ndim(target) and np.result_type(target).kind in "fc":
            target *= 1.25
    return [np.multiply(z, 1.0) for z in (arrays[:1] if into_result else y)]


@over_calls("call, into_result", NAMED)
def test_views_are_those_of_numpy(call: str, into_result: bool) -> None:
    arrays = function_of(call)[1]
    copies = [np.array(x) if np.ndim(x) else x for x in arrays]
    try:
        expected = written(call, np, copies, into_result)
    except ValueError:
        with pytest.raises(ValueError, match="read-only"):
            vjp(lambda *xs: written(call, fnp, xs, into_result), *arrays)
        return
    try:
        got = vjp(lambda *xs: written(call, fnp, xs, into_result), *arrays)[0]
    except TypeError as error:
        if "depending on how it lies in memory" not in str(error) or not call.startswith(BY_LAYOUT):
            raise
        return
    assert_same(got, expected)


def made(x):
    """An array that a transformed function has made, with the values of another."""
    y = fnp.zeros(np.shape(x), np.result_type(x))
    y[...] = x
    return y


@pytest.mark.parametrize("traced", [True, False])
@over_calls("call, into_result", NAMED)
def test_views_of_arrays_that_were_made_are_those_of_numpy(call: str, into_result: bool, traced: bool) -> None:
    first, *others = function_of(call)[1]
    if not np.ndim(first) or not isinstance(first, np.ndarray):
        return

    def run(x):
        return written(call, fnp, [made(x if traced else first), *others], into_result)

    try:
        expected = written(call, np, [first.copy(), *others], into_result)
    except ValueError:
        with pytest.raises(ValueError, match="read-only"):
            vjp(run, first)
        return
    assert_same(vjp(run, first)[0], expected)


@pytest.mark.parametrize("lay", [fnp.ascontiguousarray, fnp.asfortranarray])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("dtype", [None, np.float32])
def test_an_array_as_it_is_laid_out(lay, turned: bool, dtype) -> None:
    def run(x, made):
        y = made(x)
        laid = lay(y.T if turned else y, dtype)
        laid *= 3.0
        y[0] += 1.0
        return laid * 1.0, y * 1.0

    x = np.array([[0.25, 0.5], [1.5, 2.0]])
    assert_same(vjp(lambda x: run(x, made), x)[0], run(x, np.copy))
    assert_same(vjp(lambda _: run(x, made), x)[0], run(x, np.copy))


@pytest.mark.parametrize("trim", ["f", "b", "fb"])
def test_what_zeros_are_trimmed_of_is_a_view(trim: str) -> None:
    def run(x, made):
        y = made(x)
        trimmed = np.trim_zeros(y, trim)
        trimmed *= 3.0
        y[2] += 1.0
        return trimmed * 1.0, y * 1.0

    x = np.array([0.0, 0.0, 0.3, 0.0, 0.5, 0.0])
    expected = run(x, np.copy)
    assert_same(vjp(lambda x: run(x, made), x)[0], expected)
    assert_same(vjp(lambda x: run(x, lambda x: x * 1.0), x)[0], expected)
    assert_same(vjp(lambda _: run(x, made), x)[0], expected)


def test_infinities_are_replaced_in_the_array_itself() -> None:
    def run(x, made):
        y = made(x)
        y[0] = np.inf
        z = np.nan_to_num(y, copy=False, posinf=1.0)
        z *= 2.0
        return y * 1.0

    x = np.array([0.3, np.nan])
    for given in (made, fnp.copy):
        assert_same(vjp(lambda x: run(x, given), x)[0], run(x, np.copy))
        assert_same(vjp(lambda _: run(x, given), x)[0], run(x, np.copy))


def test_a_view_that_is_not_followed_is_refused() -> None:
    def run(x):
        y = fnp.zeros(4)
        windows = np.lib.stride_tricks.sliding_window_view(y, 2)
        y[0] = 1.0
        return np.sum(x * windows)

    with pytest.raises(TypeError, match="gives a view of an array that can be written") as caught:
        grad(run)(1.0)
    assert all(__file__ == frame.path.__str__() or "numpy" in str(frame.path) for frame in caught.traceback)


# at


@pytest.mark.parametrize("method", ["set", "add", "multiply", "mul", "min", "max"])
@pytest.mark.parametrize(
    "idx", [1, slice(None, None, -2), [0, 2], ([0, 2], slice(1, 3)), np.array([True, False, True])]
)
def test_at_on_plain_and_traced_arrays(method: str, idx) -> None:
    x, v = DATA["a"], 0.4321
    combine = {
        "set": lambda old, new: new,
        "add": np.add,
        "multiply": np.multiply,
        "mul": np.multiply,
        "min": np.minimum,
        "max": np.maximum,
    }[method]
    expected = x.copy()
    expected[idx] = combine(expected[idx], v)
    before = x.copy()
    assert_same(getattr(fnp.at(x)[idx], method)(v), expected)
    np.testing.assert_array_equal(x, before)
    assert_same(vjp(lambda x: getattr(x.at[idx], method)(v), x)[0], expected)
    assert_same(vjp(lambda v: getattr(fnp.at(x)[idx], method)(v), np.float64(v))[0], expected)
    check_grads(lambda x, v: getattr(fnp.at(x)[idx], method)(v), (x, np.float64(v)), order=2)


def test_at_get() -> None:
    np.testing.assert_array_equal(fnp.at(DATA["a"])[1].get(), DATA["a"][1])


# sinc, near where its formula cancels


@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")  # from NumPy 2.5 on
def test_fix() -> None:
    np.testing.assert_array_equal(fnp.fix(np.array([-1.5, 1.5])), [-1.0, 1.0])
    assert grad(fnp.fix)(1.5) == grad(np.fix)(1.5) == 0.0


def test_sinc_has_all_derivatives_at_zero() -> None:
    f = fnp.sinc
    expected = [1.0, 0.0, -(np.pi**2) / 3, 0.0, np.pi**4 / 5]
    for value in expected:
        np.testing.assert_allclose(f(np.float64(0.0)), value, atol=1e-11)
        f = grad(f)


@pytest.mark.parametrize("x", [1e-9, 0.09, 0.0954, 0.0956, 0.2])
def test_sinc_is_smooth_across_the_change_of_formula(x: float) -> None:
    y = np.longdouble(np.pi) * np.longdouble(x)
    expected = np.longdouble(np.pi) * (y * np.cos(y) - np.sin(y)) / y**2 if x > 1e-6 else -(np.pi**2) / 3 * x
    np.testing.assert_allclose(grad(fnp.sinc)(x), float(expected), rtol=1e-11)


# nn

ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "gelu": lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    "log_softmax": lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True)),
    "logsumexp": lambda x: np.log(np.exp(x).sum()),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str) -> None:
    fun, x = getattr(nn, name), DATA["a"]
    np.testing.assert_allclose(fun(x), ACTIVATIONS[name](x), rtol=1e-12, atol=1e-14)
    assert fun(x.astype(np.float32)).dtype == np.float32
    check_grads(fun, (x,), order=2)


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if "relu" not in name])
def test_activations_do_not_overflow(name: str) -> None:
    x = np.array([-1000.0, -30.0, 0.0, 30.0, 1000.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y, pullback = vjp(getattr(nn, name), x)
    assert np.isfinite(y).all()
    assert np.isfinite(pullback(np.ones_like(y))[0]).all()


def test_sigmoid_is_precise_in_its_tail() -> None:
    np.testing.assert_allclose(nn.sigmoid(-50.0), np.exp(-50.0), rtol=1e-15)
    np.testing.assert_allclose(grad(nn.sigmoid)(-50.0), np.exp(-50.0), rtol=1e-15)
    assert grad(nn.sigmoid)(0.0) == 0.25


COUNTED = {
    "max": np.max,
    "min": np.min,
    "nanmax": np.nanmax,
    "nanmin": np.nanmin,
    "set to the largest": lambda x: fnp.at(np.zeros(1, x.dtype))[np.zeros(x.size, int)].max(x)[0],
    "mean": np.mean,
    "nanmean": np.nanmean,
}


@pytest.mark.parametrize("name", COUNTED)
def test_what_is_counted_does_not_overflow_a_narrow_dtype(name: str) -> None:
    fun, n = COUNTED[name], 70_000
    x = np.ones(n, np.float16)
    for gradient in (grad(fun)(x), jit(grad(fun))(x)):
        assert gradient.dtype == np.float16
        np.testing.assert_array_equal(gradient, np.full(n, 1 / n, np.float16))
    assert vjp(fun, x)[0] == 1.0


@pytest.mark.parametrize("fun", [np.mean, np.var, np.std, np.nanvar, np.median])
def test_averages_of_float16_do_not_overflow(fun: Any) -> None:
    x = (np.arange(70_000) % 7).astype(np.float16)
    value, pullback = vjp(fun, x)
    assert value.dtype == np.float16
    np.testing.assert_allclose(value, fun(x.astype(float)), rtol=1e-3)
    assert np.isfinite(pullback(np.float16(1.0))[0]).all()


def test_logsumexp_arguments() -> None:
    a = DATA["a"]
    b = np.where(DATA["m"], DATA["c"], 0.0)
    total = (b * np.exp(a)).sum(0)
    size, sign = nn.logsumexp(a, 0, b, return_sign=True)
    np.testing.assert_allclose(sign * np.exp(size), total)
    np.testing.assert_allclose(nn.logsumexp(a, 0, b), np.where(total > 0, np.log(np.abs(total)), np.nan))
    assert nn.logsumexp(a, axis=1, keepdims=True).shape == (3, 1)
    np.testing.assert_allclose(nn.logsumexp(a, where=DATA["m"]), np.log(np.exp(a[DATA["m"]]).sum()))
    check_grads(lambda a, b: nn.logsumexp(a, 0, b, return_sign=True)[0], (a, np.abs(b) + 0.1), order=2)


def test_logsumexp_of_minus_infinity() -> None:
    x = np.array([-np.inf, 0.0, -np.inf])
    assert nn.logsumexp(x) == 0.0
    np.testing.assert_array_equal(grad(nn.logsumexp)(x), [0.0, 1.0, 0.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert nn.logsumexp(np.full(3, -np.inf)) == -np.inf
        np.testing.assert_array_equal(grad(nn.logsumexp)(np.full(3, -np.inf)), np.zeros(3))
    assert nn.logsumexp(np.array([np.inf, 0.0])) == np.inf
    assert np.isnan(nn.logsumexp(np.array([np.nan, 0.0])))
    assert nn.logsumexp(np.zeros(0)) == -np.inf


def test_softmax_where() -> None:
    a, m = DATA["a"], DATA["m"]
    terms = np.where(m, np.exp(a), 0.0)
    np.testing.assert_allclose(nn.softmax(a, 1, where=m), terms / terms.sum(1, keepdims=True))
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(nn.log_softmax(a, 1, where=m), np.log(terms / terms.sum(1, keepdims=True)))
    check_grads(lambda a: nn.softmax(a, 1, where=m), (a,), order=2)


def test_softmax_of_nothing() -> None:
    nowhere = np.array([[False, False], [True, False]])
    np.testing.assert_array_equal(nn.softmax(np.ones((2, 2)), where=nowhere), [[0.0, 0.0], [1.0, 0.0]])
    gradient = grad(lambda a: nn.softmax(a, where=nowhere).sum())(np.ones((2, 2)))
    np.testing.assert_array_equal(gradient, np.zeros((2, 2)))
    for fun in (nn.softmax, nn.log_softmax):
        for shape in ((0,), (2, 0), (0, 2)):
            assert fun(np.zeros(shape)).shape == vjp(fun, np.zeros(shape))[0].shape == shape


def test_float16_is_summed_in_float32() -> None:
    x = np.zeros(70_000, np.float16)
    assert nn.softmax(x).dtype == nn.logsumexp(x).dtype == np.float16
    np.testing.assert_allclose(nn.softmax(x)[0], 1 / x.size, rtol=1e-2)
    np.testing.assert_allclose([nn.logsumexp(x), -nn.log_softmax(x)[0]], np.log(x.size), rtol=1e-3)
    np.testing.assert_allclose(grad(nn.logsumexp)(x), np.full(x.size, 1 / x.size), rtol=1e-2)


def test_shares_of_logaddexp_are_precise_at_large_values() -> None:
    share = 1 / (1 + np.exp(-1.0))
    for x in (0.0, 1e8, -1e8, 1e15):
        np.testing.assert_allclose(grad(np.logaddexp, (0, 1))(x, x - 1.0), (share, 1 - share), rtol=1e-14)
    np.testing.assert_allclose(grad(np.logaddexp)(-50.0, 0.0), np.exp(-50.0), rtol=1e-14)


def test_one_hot() -> None:
    np.testing.assert_array_equal(nn.one_hot(np.array([2, 0, 5]), 3), [[0, 0, 1], [1, 0, 0], [0, 0, 0]])
    assert nn.one_hot(np.array([[1, 2]]), 4, axis=0).shape == (4, 1, 2)
    assert nn.one_hot(np.array(1), 3, dtype=np.float32).dtype == np.float32
    np.testing.assert_array_equal(vmap(lambda i: nn.one_hot(i, 3))(np.array([2, 0])), [[0, 0, 1], [1, 0, 0]])


def test_relu_keeps_nan_and_integers() -> None:
    assert np.isnan(nn.relu(np.array([np.nan]))[0])
    assert nn.relu(np.array([-1, 2])).dtype == np.int64
    assert grad(nn.relu)(0.0) == 0.0
    assert grad(nn.leaky_relu)(0.0) == 1.0
