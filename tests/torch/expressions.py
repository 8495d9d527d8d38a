"""What tests/torch/values.py evaluates: expressions in `x` and `y`, and the points."""

from __future__ import annotations

from math import inf, nan


def listed(text: str) -> tuple[str, ...]:
    return tuple(" ".join(expression.split()) for expression in text.split(";"))


LINE = (0.3, -0.7, 1.6, 0.5, -0.5, 1.0, -1.0, 1.5, 2.5, -2.5, 0.0, -0.0, 1e-9, -1e-9, 1e-30, 20.0, -20.0, 88.0, -88.0,
        110.0, -110.0, 1e19, -1e19, inf, -inf, nan)  # fmt: skip
ENDS = (0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -2.5, inf, -inf, nan)
PAIRS = tuple(zip(*[(a, b) for a in ENDS for b in ENDS]))
BASES = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, inf, -inf, nan)
EXPONENTS = (0.0, 1.0, 2.0, 3.0, -1.0, 0.5, -0.5, inf, -inf, nan)
POWERS = tuple(zip(*[(a, b) for a in BASES for b in EXPONENTS]))
VECTORS = (
    (0.3, -1.25, 2.0), (2.0, 2.0, 1.0), (-2.0, 2.0, 1.0), (0.0, 0.0, 0.0), (0.0, -0.0), (0.0, 3.0, 0.0, 4.0),
    (inf, 1.0, inf), (-inf, -inf), (inf, -inf), (-inf, 1.0), (nan, 1.0, 2.0), (1.0, nan), (1e30, 1e30),
    (1e-30, 2e-30), (500.0, 499.0, -500.0), (5.0,), (), 2.0, 0.0, inf, nan,
)  # fmt: skip
MATRICES = (
    ((0.3, -1.25, 2.0), (1.0, 0.5, -0.25)), ((1.0, 1.0), (2.0, 1.0), (2.0, 0.0)), ((-inf, -inf), (0.0, 1.0)),
    ((nan, 1.0), (0.0, 0.0)), ((0.0, 2.0, 0.0), (1.0, 0.0, 3.0)),
)  # fmt: skip
SQUARE = ((0.3, -1.25, 2.0), (1.0, 0.5, -0.25), (0.7, -0.1, 0.9))
EMPTY = ((), ())
COMPLEXES = ((0.5 + 1j, -1.5 + 0.25j, 2 - 1j), (0j, 1 + 0j, 0.5 - 2j), (0j, 0j), (3 + 4j,))

SINGLES = listed("""
    torch.exp(x); torch.exp2(x); torch.expm1(x); torch.log(x); torch.log2(x); torch.log10(x); torch.log1p(x);
    torch.sin(x); torch.cos(x); torch.tan(x); torch.asin(x); torch.acos(x); torch.atan(x); torch.sinh(x);
    torch.cosh(x); torch.tanh(x); torch.asinh(x); torch.acosh(x); torch.atanh(x); torch.sqrt(x); torch.rsqrt(x);
    torch.square(x); torch.reciprocal(x); torch.abs(x); torch.neg(x); torch.sigmoid(x); torch.relu(x);
    torch.floor(x); torch.ceil(x); torch.trunc(x); torch.round(x); torch.sign(x); torch.frac(x); torch.deg2rad(x);
    torch.rad2deg(x); torch.clone(x); x.clamp(-1, 1); x.clamp(min=0.5); x.clamp(max=-0.5); x.clamp(1, -1); x ** 0;
    x ** 1; x ** 2; x ** 3; x ** -1; x ** -2; x ** 0.0; x ** 1.0; x ** 0.5; x ** -0.5; x ** 2.0; x ** 2.5; 0 ** x;
    0.0 ** x; 1 ** x; 2 ** x; 0.5 ** x; (-2.0) ** x; x + 1; 1 - x; x - 2; 3 * x; x / 3; x / 0; 2 / x; 0 / x; x % 2;
    x % -1.5; x // 2; torch.fmod(x, 2); torch.fmod(x, 0); torch.div(x, 2, rounding_mode='floor');
    torch.div(x, 2, rounding_mode='trunc'); torch.where(x > 0, x, 2 * x); torch.where(x > 0, x, 0.5);
    x.masked_fill(x > 0, 7); x.isnan(); x.isinf(); x.isfinite(); x.logical_not(); torch.add(x, x, alpha=2);
    torch.sub(x, 1, alpha=0.5); torch.sub(x, x, alpha=3); x.clamp(nan); x.clamp(-inf, inf); x.clamp(x, 2 * x);
    x.copysign(-1.0); x.copysign(0.0); x.copysign(-0.0)
""")
DOUBLES = listed("""
    torch.add(x, y); torch.sub(x, y); torch.mul(x, y); torch.div(x, y); torch.maximum(x, y); torch.minimum(x, y);
    torch.fmax(x, y); torch.fmin(x, y); torch.atan2(x, y); torch.hypot(x, y); torch.logaddexp(x, y);
    torch.copysign(x, y); torch.remainder(x, y); torch.fmod(x, y); torch.eq(x, y); torch.ne(x, y); torch.lt(x, y);
    torch.le(x, y); torch.gt(x, y); torch.ge(x, y); torch.logical_and(x, y); torch.logical_or(x, y);
    torch.logical_xor(x, y); torch.div(x, y, rounding_mode='floor'); torch.div(x, y, rounding_mode='trunc'); x // y;
    x.clamp(min=y); x.clamp(max=y); x.clamp(y, 2 * y); torch.where(x > y, x, y); x.isclose(y);
    torch.logical_xor(x > 0, y > 0)
""")
REDUCED = listed("""
    x.sum(); x.sum(0); x.sum(-1, keepdim=True); x.mean(); x.mean(-1); x.prod(); x.prod(-1); x.var(); x.std();
    x.var(-1); x.std(-1); x.var(unbiased=False); x.std(unbiased=False); x.var(-1, correction=2);
    x.std(0, keepdim=True); x.max(); x.min(); x.max(-1)[0]; x.min(-1)[0]; x.max(-1)[1]; x.min(-1)[1];
    x.max(0, keepdim=True)[0]; x.amax(); x.amin(); x.amax(-1); x.amin(-1); x.argmax(); x.argmin(); x.argmax(-1);
    x.argmin(-1); x.any(); x.all(); x.any(-1); x.all(-1); x.sort()[0]; x.sort()[1]; x.sort(descending=True)[0];
    x.sort(descending=True)[1]; x.argsort(); torch.topk(x, 1)[0]; torch.topk(x, 1, largest=False)[0];
    torch.softmax(x, -1); torch.log_softmax(x, -1); torch.softmax(x, 0); torch.log_softmax(x, 0);
    torch.logsumexp(x, -1); torch.logsumexp(x, -1, keepdim=True); x.cumsum(-1); x.cumprod(-1); x.cumsum(0);
    x.cumprod(0); x.norm(); x.norm(1); x.norm(0); x.norm(inf); x.norm(-inf); x.norm(3); x.norm(0.5); x.norm(-1);
    x.norm(2.5); x.norm(2, -1); x.norm(inf, -1); x.norm(-inf, -1); x.norm(0, -1); x.norm(1, -1);
    x.norm(3, -1, keepdim=True); x.norm('fro'); torch.maximum(x, x); x.flatten(); x.flip(-1); x.roll(1);
    x.repeat(2); x.repeat_interleave(2); x.nonzero(); x[x > 0]; x.masked_select(x > 0); torch.stack([x, x]);
    x.unsqueeze(-1); x.squeeze(); x.reshape(-1); x[..., None]
""")
OF_MATRICES = listed("""
    x.t(); x.mT; x @ x.t(); x.t() @ x; torch.mm(x, x.t()); x @ x[0]; x[0] @ x.t(); torch.outer(x[0], x[1]);
    torch.dot(x[0], x[1]); torch.mv(x, x[1]); torch.addmm(x[:, :1], x, x.t());
    torch.addmm(x[:, :1], x, x.t(), beta=0.5, alpha=-2.0); torch.einsum('ij,kj->ik', x, x);
    torch.einsum('ij->j', x); torch.einsum('ij,ij->', x, x); torch.bmm(x[None], x.t()[None]);
    torch.matmul(x[None], x.t()); x.tril(); x.triu(1); x.diagonal(); x.trace(); torch.diag(x[0]); torch.diag(x);
    x.transpose(0, 1); x.permute(1, 0); x.expand(2, *x.shape); x.sum((0, 1)); x.mean((0, 1), keepdim=True);
    x.var((0, 1)); x.amax((0, 1)); x.norm(2, (0, 1)); torch.logsumexp(x, (0, 1));
    x.gather(1, torch.tensor([[0, 0], [1, 0]])); x.index_select(1, torch.tensor([1, 1, 0])); x[:, [0, 0, 1]];
    x[[1, 0]]; x[0]; x[:, 1:]; x.scatter(1, torch.tensor([[0], [1]]), 5.0);
    x.scatter_add(1, torch.tensor([[0, 0], [1, 1]]), x[:2, :2]); torch.cat([x, x], 1); torch.stack([x, 2 * x], -1);
    x.chunk(2, 1)[1]; x.split(1, 0)[1]; x.unbind(1)[0]; x.narrow(1, 0, 1); x.select(0, 1); x.roll(1, 0);
    x.roll((1, -1), (0, 1)); x.flip(0); x.repeat(1, 2); torch.broadcast_to(x, (2, *x.shape))
""")
WITH_COMPLEX = listed("""
    x * x; x / (x + 1); x.abs(); x.conj() * x; x.real; x.imag; torch.exp(x); torch.sqrt(x); torch.log(x);
    torch.tanh(x); torch.sin(x); x ** 2; x ** 2.5; x ** 0.5; 2 ** x; x.sum(); x.mean(); x.prod(); x.var(); x.std();
    x.var(-1); x.var(unbiased=False); x.norm(); x.norm(1); x.norm(3); x.norm(inf); x.norm(-inf); x.norm(0);
    x.cumsum(0); x.cumprod(0); torch.dot(x, x); torch.reciprocal(x); torch.square(x); torch.sigmoid(x);
    torch.rsqrt(x); x.norm(2, -1); torch.where(x.real > 0, x, 2 * x); -x; 1 - x; torch.expm1(x); torch.log1p(x);
    torch.log10(x); torch.log2(x); torch.tan(x); torch.asin(x); torch.acos(x); torch.atan(x); torch.sinh(x);
    torch.cosh(x); torch.asinh(x); torch.acosh(x); torch.atanh(x); torch.sign(x); torch.logsumexp(x, 0);
    torch.softmax(x, 0); x.isnan(); x.isfinite(); x == x.conj(); 0 ** x; x ** x
""")
OF_INTEGERS = listed("""
    x.sum(); x.prod(); x.cumsum(0); x.cumprod(0); x + 1; x * 2.5; x / 2; x // 2; x % 2; x + x; x * x; x / x; x // x;
    x ** 2; 2 ** x; x ** 0.5; 2.0 ** x; torch.exp(x); torch.sigmoid(x); torch.sqrt(x); x.abs(); -x; x.max();
    x.min(); x.amax(); x.argmax(); x.sort()[0]; x.clamp(1, 2); x.clamp(0.5); x == 1; x < 1.5; x.any(); x.all();
    x & 1; x | 1; x ^ 1; ~x; x.float(); x.bool(); torch.where(x > 1, x, 0); torch.where(x > 1, x, 0.5);
    torch.relu(x); torch.maximum(x, x); torch.floor(x); torch.round(x); torch.sign(x); torch.atan2(x, x);
    torch.hypot(x, x); torch.copysign(x, x); torch.fmod(x, 2); torch.logaddexp(x, x); torch.reciprocal(x);
    torch.square(x); x.masked_fill(x > 1, 2.0); x.mean(); x.var(); x.norm(); torch.softmax(x, 0);
    torch.logsumexp(x, 0); x.dot(x); torch.remainder(x, -2); 1 / x; 1 - x; x - x; torch.fmax(x, x);
    torch.div(x, 2, rounding_mode='floor'); torch.div(x, 2, rounding_mode='trunc'); torch.deg2rad(x); torch.frac(x);
    torch.neg(x); torch.rsqrt(x); torch.expm1(x); x.mean(dtype=torch.float32); x.sum(dtype=torch.float32);
    x.isnan(); x.isinf(); x.isfinite(); x.clamp(min=1); x.to(torch.float16); x.norm(1)
""")
HALF = listed("""
    x.sum(); x.mean(); x.prod(); x.var(); x.std(); x.norm(); x.norm(1); torch.softmax(x, 0);
    torch.log_softmax(x, 0); torch.logsumexp(x, 0); torch.sigmoid(x); torch.tanh(x); x * x; x / 3; x ** 2.5;
    x.cumsum(0); x.max(); x.amax(); torch.exp(x); torch.log(x); torch.rsqrt(x); x.clamp(0, 1); torch.relu(x);
    torch.hypot(x, x); torch.logaddexp(x, x); torch.atan2(x, x); x.norm(3)
""")
MANY = listed("""
    x.sum(); x.mean(); x.var(); x.norm(); torch.logsumexp(x, 0); torch.softmax(x, 0)[:3]
""")
