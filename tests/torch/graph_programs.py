# ruff: noqa: E501
"""Programs that walk whole graphs, and of hooks that change what is saved; `semantics_programs` runs them."""

from __future__ import annotations

LEAVES = (
    "def leaf(*shape, shift=0.0):\n  n = torch.arange(float(np.prod(shape)), dtype=torch.float64)\n  return (torch.sin(n * 1.7 + 0.3 + shift) + 0.1 * n).reshape(shape).requires_grad_()\n"
    "F, nn, L = torch.nn.functional, torch.nn, torch.linalg\nx, y, z, w = leaf(2, 3), leaf(2, 3, shift=1.0), leaf(3, 3, shift=2.0), leaf(3, shift=3.0)\nv, u, c = leaf(2, 2, 3, shift=4.0), leaf(2, 3, 2, shift=5.0), torch.ones(2, 3, dtype=torch.float64)\n"
    "sequences = nn.utils.rnn.pack_sequence([v[0], v[1, :1]])\ndef layer(m):\n  m = m.to(torch.float64)\n  for i, p in enumerate(m.parameters()): p.data = leaf(*p.shape, shift=i * 0.3).detach() / 3\n  return m\n"
)
NO_PATH = "if hasattr(torch.backends, 'opt_einsum'): torch.backends.opt_einsum.enabled = False\n"
"""PyTorch's order of products without the package that finds a cheaper one."""
WALK = (
    "def told(f, known):\n  if f is None: return '-'\n  if f in known: return '#' + str(known[f])\n  known[f] = len(known)\n"
    "  inner = ' '.join(told(g, known) + (f'[{i}]' if i else '') for g, i in f.next_functions)\n"
    "  return f.name().replace('torch::autograd::', '').replace('Backward0', '') + (f'({inner})' if inner else '')\n"
)
EXPRESSIONS = (
    *("x + y", "x * 2", "x @ z", "x @ w", "v @ z", "z @ u", "v @ u", "w @ z", "w @ u", "v @ w", "x[0, 1]", "v[:, 0]", "v[0, :, 1:]", "v[..., None, 0]", "x[0:2]", "x[None][0]"),
    *("torch.addmm(x, y, z)", "torch.addmv(x[:, 0], y, w)", "torch.baddbmm(v @ u, v, u)", "torch.addcmul(x, y, c)", "torch.lerp(x, y, c)", "torch.lerp(x, y, 0.5)", "x.masked_fill(c > 0, 2.0)", "torch.where(c > 0, x, y)", "torch.stack([x, c, x])", "torch.cat([x, x])", "x.scatter(1, torch.zeros(2, 1, dtype=torch.int64), 2.0)"),
    *("sum(x.unbind(1))", "torch.add(*z.chunk(3)[:2])", "torch.mul(*L.qr(z))", "x.t().reshape(6)", "v.transpose(1, 2).reshape(2, 6)", "v[:, :, :2].reshape(2, 4)", "x.norm(3) + x.norm()"),
    *("F.linear(x, z)", "F.linear(x, z, w)", "F.linear(v, z, w)", "F.linear(v, z)", "F.linear(w, z)", "F.linear(w, z, w)", "F.linear(v.transpose(0, 1), z, w)", "F.linear(v.transpose(0, 1), z)", "F.linear(c, z.detach(), w)", "F.linear(c, z)"),
    *("F.layer_norm(x, (3,))", "F.layer_norm(x, (3,), w, w)", "F.batch_norm(x, None, None, w, None, True)", "F.batch_norm(x, w.detach(), w.detach().abs())", "F.group_norm(v, 1, w[:2])", "F.instance_norm(v)", "F.instance_norm(v, None, None, w[:2], w[1:])", "F.rms_norm(x, (3,), w)", "F.rms_norm(x, (3,))"),
    *("F.conv1d(v, u[:, :2])", "F.conv1d(v[0], u[:, :2], w[:2])", "F.conv2d(v[None], v[None])", "F.scaled_dot_product_attention(v, v, v)", "F.scaled_dot_product_attention(x, y, y, is_causal=False, scale=0.3)", "F.scaled_dot_product_attention(v, v, v, c[:, :2] > 0)", "F.scaled_dot_product_attention(v[None], v[None], v[None], is_causal=True)"),
    *("F.mse_loss(x, y)", "F.cross_entropy(x, torch.tensor([0, 2]))", "F.cross_entropy(x, y.softmax(1))", "F.cross_entropy(x, y, label_smoothing=0.1, reduction='none')", "F.nll_loss(x, torch.tensor([0, 2]), w.detach())", "F.nll_loss(v, torch.zeros(2, 3, dtype=torch.int64))", "F.binary_cross_entropy_with_logits(x, c)", "F.pairwise_distance(x, y)", "F.triplet_margin_loss(x, y, x * 2)", "F.margin_ranking_loss(x, y, c, 0.5)"),
    *("layer(nn.RNN(3, 2))(v)[0]", "layer(nn.RNN(3, 2, nonlinearity='relu', bias=False))(v)[1]", "layer(nn.LSTM(3, 4, proj_size=2))(v)[0]", "layer(nn.GRU(3, 2))(v)[0]", "layer(nn.RNNCell(3, 2))(x)", "layer(nn.LSTMCell(3, 2, bias=False))(x)[1]", "layer(nn.GRUCell(3, 2))(x)", "layer(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.LayerNorm(4), nn.Linear(4, 1)))(x).mean()"),
    *("layer(nn.MultiheadAttention(3, 3))(v, v, v)[0]", "layer(nn.MultiheadAttention(3, 3))(v, u.mT, u.mT, attn_mask=c[:, :2] > 2)[0]", "layer(nn.MultiheadAttention(3, 1, batch_first=True))(v, v, v, need_weights=False)[0]", "layer(nn.TransformerEncoderLayer(3, 1, 2, 0.0))(v)"),
    *("F.max_pool1d(v, 2)", "F.avg_pool1d(v, 2)", "F.adaptive_avg_pool1d(v[0], 2)", "torch.fft.fft(x, 2).abs()", "torch.fft.ifft(x, 5).abs()", "torch.fft.hfft(x)", "torch.fft.ihfft(x).abs()", "torch.fft.ihfft2(x).abs()", "torch.fft.rfft(x).real"),
    *(f"torch.einsum('{e})" for e in ("ij,kj->ki', x, y", "bij,bjk->ikb', v, u", "ij,ij->ij', x, y", "ij,kl->ikjl', x, z", "ii', z", "ij->ji', x", "ij->j', x", "ij,kj->i', x, z", "aij,bj->iba', v[:, :1], x", "iij,j->i', z[None], w", "i,i', w, w")),
    *("torch.einsum('ij,jk,lk->li', x, z, y)", "torch.einsum('ij,jk,lk->', x, z, y)"),
    *("torch.inner(x, y)", "torch.inner(w, w)", "torch.inner(v, w)", "torch.inner(x[:1], w)", "torch.tensordot(x, y, ([0, 1], [0, 1]))", "torch.tensordot(x, u[0], ([0, 1], [1, 0]))", "torch.tensordot(v, z, 1)", "torch.kron(x, z)", "torch.kron(w, x)"),
    *("x.quantile(0.3)", "x.quantile(0.3, 0, True)", "torch.quantile(x, w.sigmoid(), 1)", "torch.quantile(x, w.sigmoid())", "x.nanquantile(0.3, 1)", "torch.nanquantile(x, w.sigmoid(), 0, True)", "w[0].quantile(0.3, 0)", "x.quantile(0.3, 1, interpolation='lower')"),
)
GRAPHS = {
    expression: LEAVES + NO_PATH + WALK + f"out = {expression}\nprint(told(out.grad_fn, {{}}))" for expression in EXPRESSIONS
}
"""Names, operands in their order, constants, shared entries."""

BETWEEN = {
    "a hook on what stands in": LEAVES + "f = F.linear(x, z, w).grad_fn.next_functions[2][0]; print(f.name(), f is F.linear(x, z, w).grad_fn.next_functions[2][0], f.next_functions[0][0].variable is z)",
    "after a backward pass": LEAVES + WALK + "out = F.linear(x, z, w); out.sum().backward(); print(told(out.grad_fn, {}))",
    "the same entry each time": LEAVES + "f = layer(nn.GRU(3, 2))(v)[0].grad_fn; print(f.next_functions[0][0] is f.next_functions[0][0], len(f.next_functions))",
    "parts of one": LEAVES + "a, b = x.chunk(2); f = (a * b).grad_fn; (p, i), (q, j) = f.next_functions; print(p is q, i, j, p is a.grad_fn)",
}

MODULES = (
    *("layer(nn.RNN(3, 2, bidirectional=True))(v)", "layer(nn.RNN(3, 2, 2, 'relu', bias=False))(v)", "layer(nn.LSTM(3, 4, proj_size=2))(v)", "layer(nn.GRU(3, 2))(v)", "layer(nn.RNNCell(3, 2))(x)", "layer(nn.LSTMCell(3, 2))(x)", "layer(nn.GRUCell(3, 2, bias=False))(x)"),
    "layer(nn.RNN(3, 2))(sequences)[0].data",
)
LOSSY = {
    expression: LEAVES + "packed = []\ndef pack(t):\n  packed.append((list(t.shape), t.is_floating_point()))\n  return t.detach()\n"
    "def unpack(t): return (t * 64).round() / 64 + t.sum() / 50 if t.is_floating_point() else t\n"
    f"with torch.autograd.graph.saved_tensors_hooks(pack, unpack): outs = {expression}\n"
    "total = 0\ndef flat(o): return [o] if isinstance(o, torch.Tensor) else [t for part in o for t in flat(part)]\nfor i, t in enumerate(flat(outs)):\n  total = total + (t * torch.cos(torch.arange(t.numel(), dtype=torch.float64).reshape(t.shape) + i)).sum()\n"
    "del outs, t\ntotal.backward(); print(packed)\ndel total"
    for expression in (
        *("F.layer_norm(x, (3,), w, w)", "F.layer_norm(v, (2, 3))", "F.batch_norm(x, w.detach() * 1, w.detach().abs(), w, w, True)", "F.batch_norm(x, w.detach() * 1, w.detach().abs(), w, w)", "F.batch_norm(v, None, None, None, None, True)", "F.group_norm(v, 1, w[:2], w[1:])", "F.instance_norm(v)", "F.instance_norm(v, None, None, w[:2], w[1:])", "F.rms_norm(x, (3,), w)", "F.rms_norm(x, (3,), None, 0.1)"),
        *("F.scaled_dot_product_attention(v, u.transpose(1, 2), v)", "F.scaled_dot_product_attention(x, y, z[:2])", "F.scaled_dot_product_attention(v, v, v, c[:, :2] > 2)", "F.scaled_dot_product_attention(v, v, v, x[:, :2])", "F.scaled_dot_product_attention(v[None], v[None], v[None], is_causal=True)", "F.scaled_dot_product_attention(v[None], v[None], v[None])"),
        *MODULES, "layer(nn.MultiheadAttention(3, 3))(v, v, v)[0]", "layer(nn.TransformerEncoderLayer(3, 1, 2, 0.0, batch_first=True))(v)",
        *("F.cross_entropy(x, torch.tensor([0, 2]))", "F.cross_entropy(x, torch.tensor([0, 2]), w.detach(), label_smoothing=0.1)", "F.cross_entropy(x, y.softmax(1), w.detach())", "F.nll_loss(v, torch.zeros(2, 3, dtype=torch.int64))", "F.nll_loss(x, torch.tensor([0, 2]), reduction='none')", "F.logsigmoid(x)", "F.pairwise_distance(x, y)", "x.nanmean()"),
        *(f"x.norm({p})" for p in ("", "1", "0.5", "3", "torch.inf", "2, 1", "3, 0, True")), "torch.dist(x, y)", "torch.dist(x, y, 3)", "x.rsqrt()",
        *("L.inv(z)", "L.cholesky(z @ z.mT)", "L.cholesky(z @ z.mT, upper=True)", "L.svdvals(z)", "L.svd(z)[1]", "L.qr(z)[1]", "L.eigvalsh(z)", "L.matrix_norm(z, 'nuc')", "v @ u", "F.linear(v.transpose(0, 1), z, w)"),
        *("L.det(z)", "L.det(z.mT)", "L.det(z + 1j * z.mT).abs()", "L.slogdet(z)[1]", "L.slogdet(z + 1j * z.mT)[0].real", "torch.logdet(z @ z.mT)", "L.solve(z, w)", "L.solve(z, x.mT)", "L.solve(z, x, left=False)", "L.solve(torch.stack([z, z.mT]), v.mT)", "L.solve(z, v.mT)", "L.tensorsolve(z, w)"),
        *("L.solve_triangular(z, x.mT, upper=True)", "L.solve_triangular(z, x, upper=False, left=False, unitriangular=True)", "(__import__('warnings').simplefilter('ignore'), torch.triangular_solve(x.mT, z, upper=False, transpose=True))[1]", "torch.cholesky_solve(x.mT, z)", "torch.cholesky_solve(x.mT, z, upper=True)", "torch.cholesky_inverse(z)", "torch.cholesky_inverse(z, upper=True)"),
        *("L.lstsq(x.mT, w)[0]", "L.lstsq(x.mT, y.mT, driver='gels')[0]", "L.lstsq(x.mT, y.mT, driver='gelsd')[1]", "L.pinv(x)", "L.pinv(x.mT)", "L.pinv(z @ z.mT, hermitian=True)", "L.lu(z)[1:]", "L.lu(x)[1:]", "L.lu(x.mT)[1:]", "L.lu_factor(z)[0]", "L.lu_solve(*L.lu_factor(z), x.mT)", "L.lu_solve(*L.lu_factor(z), x, left=False, adjoint=True)", "L.eigvals(z).abs()"),
        *("torch.einsum('ij,kj->ki', x, y)", "torch.einsum('aij,bj->iba', v, y)", "torch.einsum('ij,kl->ikjl', x, z)", "torch.inner(x, y)", "torch.tensordot(x, u[0], ([0, 1], [1, 0]))", "torch.kron(x, z)", "torch.nanquantile(x, w.sigmoid(), 0)"),
    )
}
"""What is packed, and the gradients of what is unpacked."""

TWICE = {
    expression: LEAVES + f"with torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach().numpy().copy(), torch.from_numpy): out = {expression}\n"
    "(g,) = torch.autograd.grad((out * torch.cos(torch.arange(out.numel(), dtype=torch.float64).reshape(out.shape))).sum(), x, create_graph=True)\n(g * y.detach()).sum().backward()\ndel g, out"
    for expression in ("F.layer_norm(x, (3,), w, w)", "F.batch_norm(x, None, None, w, w, True)", "F.group_norm(x, 1)", "F.rms_norm(x, (3,), w)", "x.norm(3)", "x.norm()", "L.inv(x[:, :2])", "F.logsigmoid(x)", "F.pairwise_distance(x, y)")
}
"""Differentiated twice, where the values come back as they were. (PyTorch's hooks cut what they give off, too.)"""
