# ruff: noqa: E501
"""Programs with what scripts use beside tensors and layers, which mean the same under PyTorch and under funcgrad.torch:
packed sequences, mixed precision. What PyTorch prints, and the tensors that it leaves, are stored in breadth_expected.json, by
`python -m tests.torch.breadth_programs`, with PyTorch installed."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.torch.module_programs import tried
from tests.torch.training_programs import LOOP, NETWORK, recorded

EXPECTED = Path(__file__).with_name("breadth_expected.json")

# Packed sequences

RNN = """
from importlib import import_module
nn = torch.nn
rnn = import_module(torch.__name__ + ".nn.utils.rnn")
def filled(m):
    for n, p in enumerate(m.parameters()):
        p.data = torch.sin(torch.arange(float(p.numel())) * 1.7 + n).view(p.shape) * 0.7
    return m
x = (torch.cos(torch.arange(24.0) * 0.9).view(4, 3, 2) * 1.5).requires_grad_()
"""
LAYERS_OF = {
    "LSTM": "nn.LSTM(2, 3)",
    "GRU": "nn.GRU(2, 3)",
    "RNN": "nn.RNN(2, 3)",
    "relu": "nn.RNN(2, 3, nonlinearity='relu', bias=False)",
    "two of LSTM, both ways": "nn.LSTM(2, 3, num_layers=2, bidirectional=True)",
    "two of GRU, both ways": "nn.GRU(2, 3, num_layers=2, bidirectional=True)",
    "projected": "nn.LSTM(2, 3, proj_size=2, bidirectional=True)",
    "RNN, both ways": "nn.RNN(2, 3, bidirectional=True, batch_first=True)",
}
RUN = """
m = filled({layer})
packed = rnn.pack_padded_sequence(x, {lengths}, enforce_sorted={enforce})
out, last = m(packed)
print(out.data.grad_fn.name(), out.batch_sizes, out.sorted_indices, out.unsorted_indices)
padded, lengths = rnn.pad_packed_sequence(out)
print(padded.shape, padded.grad_fn.name(), lengths, padded.is_contiguous())
last = last if isinstance(last, tuple) else (last,)
print([h.grad_fn.name() for h in last], [h.shape for h in last])
parts = [padded, *last]
h0, c0 = last[0], last[-1]
loss = sum((t * torch.linspace(0.5, 1.5, t.numel()).view(t.shape)).sum() for t in parts)
loss.backward()
of = {{name: p.grad for name, p in m.named_parameters()}}
globals().update({{"g_" + name: g for name, g in of.items()}})
"""
PACKED = {
    f"{name}, {'sorted' if enforce else 'any order'}": RNN + RUN.format(layer=layer, lengths=lengths, enforce=enforce)
    for name, layer in LAYERS_OF.items()
    for lengths, enforce in (([4, 2, 1], True), ([2, 4, 2], False))
} | {
    "states to begin with": RNN + """
for m, lengths in ((filled(nn.LSTM(2, 3, bidirectional=True)), [1, 4, 2]), (filled(nn.GRU(2, 3)), [1, 3, 3])):
    begin = [(torch.arange(m.num_layers * (1 + m.bidirectional) * 9.0).view(-1, 3, 3) / 10).sin().requires_grad_() for _ in range(2)]
    packed = rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
    out, last = m(packed, tuple(begin) if m.mode == 'LSTM' else begin[0])
    (out.data.pow(2).sum() + sum(h.sum() for h in last)).backward()
    print([b.grad for b in begin])
""",
    "as without packing": RNN + """
m = filled(nn.LSTM(2, 3, 2, bidirectional=True))
out, (h, c) = m(rnn.pack_sequence([x[:, 0], x[:2, 1], x[:1, 2]]))
for i, part in enumerate(rnn.unpack_sequence(out)):
    alone, (one_h, one_c) = m(x[: len(part), i])
    print(torch.allclose(alone, part, atol=1e-6), torch.allclose(h[:, i], one_h, atol=1e-6), torch.allclose(c[:, i], one_c, atol=1e-6))
""",
    "packing": RNN + """
for first in (False, True):
    for lengths in ([4, 4, 4], [4, 2, 1], torch.tensor([3, 1, 1])):
        v = x.transpose(0, 1) if first else x
        print(rnn.pack_padded_sequence(v, lengths, batch_first=first))
    p = rnn.pack_padded_sequence(v, [1, 4, 2], first, False)
    print(p)
    q, n = rnn.pad_packed_sequence(p, first, -1.0, 6)
    print(q, n, q.stride())
    p.data.exp().sum().backward()
print(rnn.pack_sequence([torch.tensor([1, 2, 3]), torch.tensor([4, 5]), torch.tensor([6])]))
print(rnn.unpack_sequence(rnn.pack_sequence([torch.ones(1, 2), torch.zeros(3, 2)], enforce_sorted=False)))
y = torch.arange(6).view(3, 2); print(rnn.unpad_sequence(y, torch.tensor([2, 3])), y.shape)
""",
    "what it is": RNN + """
p = rnn.pack_padded_sequence(x.detach(), [4, 2, 1])
print(p._fields, isinstance(p, tuple), len(p), p[0] is p.data, p.to(x.dtype) is p, p.double().data.dtype, p.half().data.dtype, p.long().data.dtype)
print(p.cpu() is p, p.is_cuda, p.is_pinned(), p.to('cpu', torch.float64).data.dtype, rnn.invert_permutation(torch.tensor([2, 0, 1])), rnn.invert_permutation(None))
one = torch.ones(3); two = torch.tensor([2, 1])
print(rnn.PackedSequence(one, two), rnn.PackedSequence((one, two)), rnn.PackedSequence(one, two, torch.tensor([1, 0])), rnn.PackedSequence(one, two, None, torch.tensor([1, 0])))
import copy; print(copy.deepcopy(p), type(copy.deepcopy(p)).__name__)
""" + tried("rnn.PackedSequence(one)", "p.cuda()", "p.to('cuda')"),
    "errors": RNN + "x = x.detach(); p = rnn.pack_padded_sequence(x, [4, 2, 1])\n" + tried(
        "rnn.pack_padded_sequence(x, [1, 4, 2])", "rnn.pack_padded_sequence(x, [4, 2, 0])", "rnn.pack_padded_sequence(x, [4, 2])", "rnn.pack_padded_sequence(x, [])",
        "rnn.pack_padded_sequence(x, torch.tensor([[4, 2, 1]]))", "rnn.pack_padded_sequence(x[0, 0], [1])", "rnn.pack_padded_sequence(x[:, :0], [])", "rnn.pad_packed_sequence(p, total_length=2)",
        "rnn.pack_sequence([torch.ones(1), torch.ones(2)])", "nn.LSTM(3, 3)(p)", "nn.GRU(2, 3)(p, (torch.zeros(1, 2, 3),))", "nn.LSTM(2, 3).double()(p.float())", "nn.GRU(2, 3)(p, torch.zeros(2, 3, 3))",
        "print(rnn.pack_padded_sequence(x, torch.tensor([4.0, 2.0, 1.0])).batch_sizes)", "print(rnn.pack_padded_sequence(x[:, :, 0], [3, 2, 1]))",
        "rnn.pad_sequence([])", "rnn.pack_sequence([])"),
    "trained": RNN + """
embedding, tagger, head = filled(nn.Embedding(7, 4)), filled(nn.LSTM(4, 5, bidirectional=True, batch_first=True)), filled(nn.Linear(10, 3))
modules = nn.ModuleList([embedding, tagger, head]); optimizer = torch.optim.Adam(modules.parameters(), lr=0.05)
words = [torch.tensor([1, 2, 3]), torch.tensor([4]), torch.tensor([5, 6, 1, 2])]
tags = [torch.tensor([0, 1, 2]), torch.tensor([1]), torch.tensor([2, 0, 0, 1])]
lengths = torch.tensor([len(w) for w in words]); target = rnn.pad_sequence(tags, batch_first=True, padding_value=-100)
for step in range(8):
    optimizer.zero_grad()
    packed = rnn.pack_padded_sequence(embedding(rnn.pad_sequence(words, batch_first=True)), lengths, batch_first=True, enforce_sorted=False)
    out, _ = rnn.pad_packed_sequence(tagger(packed)[0], batch_first=True)
    loss = nn.functional.cross_entropy(head(out).view(-1, 3), target.view(-1), ignore_index=-100)
    loss.backward(); nn.utils.clip_grad_norm_(modules.parameters(), 1.0); optimizer.step()
    print(loss.item())
""",
}
# Mixed precision, as a program meets it without CUDA

AMP = "from importlib import import_module\namp = import_module(torch.__name__ + '.amp'); old = import_module(torch.__name__ + '.cuda.amp')\n"
NET = "x = torch.tensor([[1.0, -2.0], [0.5, 1.0]], requires_grad=True)\n"
MIXED = {
    "off": AMP + NET + """
for context in (torch.autocast('cpu', enabled=False), torch.autocast('cuda'), torch.autocast(device_type='cuda', dtype=torch.float16), torch.autocast('cuda', dtype=torch.bfloat16),
                amp.autocast('cuda', enabled=False), old.autocast(), old.autocast(enabled=False), torch.autocast('cpu', dtype=torch.float32)):
    with context as inside:
        print(inside is context, torch.is_autocast_enabled(), torch.is_autocast_enabled('cpu'), (x @ x).dtype, torch.get_autocast_dtype('cpu'), torch.get_autocast_dtype('cuda'), torch.is_autocast_cache_enabled())
    print(context.device, context.fast_dtype, context._enabled, context._cache_enabled)
print(torch.get_autocast_dtype('cpu'), torch.get_autocast_dtype('cuda'), torch.autocast is amp.autocast, amp.is_autocast_available('cpu'), amp.is_autocast_available('cuda'), torch.bfloat16, torch.bfloat16.is_floating_point)
@torch.autocast('cuda')
def product(a): return a @ a
print(product(x))
""",
    "what is no device": AMP + tried("torch.autocast('nodevice')", "torch.autocast()", "torch.autocast(3)", "torch.is_autocast_enabled('foo')", "torch.set_autocast_enabled('cpu', False)", "amp.custom_fwd(device_type=3)", "amp.custom_fwd(lambda c: 1)"),
    "functions": AMP + NET + """
class Doubled(torch.autograd.Function):
    @staticmethod
    @amp.custom_fwd(device_type='cuda', cast_inputs=torch.float16)
    def forward(ctx, x):
        print(x.dtype, ctx._fwd_used_autocast, ctx._dtype); return x * 2
    @staticmethod
    @amp.custom_bwd(device_type='cuda')
    def backward(ctx, g):
        print(g.dtype, torch.is_autocast_enabled()); return g * 2
Doubled.apply(x).sum().backward()
print(x.grad)
class Old(torch.autograd.Function):
    @staticmethod
    @old.custom_fwd
    def forward(ctx, x): return x * 3
    @staticmethod
    @old.custom_bwd
    def backward(ctx, g): return g * 3
Old.apply(x).sum().backward()
print(x.grad)
""",
    "a loop with a scaler that is off": AMP + NET + """
for scaler in (amp.GradScaler(enabled=False), amp.GradScaler('cuda'), old.GradScaler()):
    w = torch.tensor([1.0, 2.0], requires_grad=True); optimizer = torch.optim.SGD([w], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        with torch.autocast('cuda', enabled=torch.cuda.is_available()):
            loss = (x @ w).pow(2).sum()
        print(scaler.scale(loss) is loss)
        scaler.scale(loss).backward(); scaler.unscale_(optimizer); torch.nn.utils.clip_grad_norm_([w], 1.0)
        print(scaler.step(optimizer)); scaler.update()
    print(w, scaler.get_scale(), scaler.is_enabled(), scaler.state_dict(), scaler.load_state_dict({}), scaler.step(optimizer, lambda: 3))
""",
    "a scaler": AMP + """
scaler = amp.GradScaler('cpu', init_scale=4.0, growth_interval=2)
print(scaler.get_scale(), scaler.state_dict())
w = torch.tensor([1.0, 2.0], requires_grad=True); optimizer = torch.optim.SGD([w], lr=0.1)
for i in range(7):
    optimizer.zero_grad()
    loss = (w * w).sum() * (float('inf') if i == 3 else 1.0)
    scaler.scale(loss).backward(); print(scaler.scale(loss).grad_fn.name(), w.grad)
    if i % 2: scaler.unscale_(optimizer); print(w.grad)
    print(scaler.step(optimizer), w, scaler.get_scale()); scaler.update(); print(scaler.get_scale(), scaler.state_dict())
import pickle
other = pickle.loads(pickle.dumps(scaler)); print(other.state_dict()); other.load_state_dict({**scaler.state_dict(), 'scale': 3.0}); print(other.get_scale(), other.scale(torch.tensor(2.0)))
scaler.set_growth_factor(3.0); scaler.set_backoff_factor(0.25); scaler.set_growth_interval(7); print(scaler.get_growth_factor(), scaler.get_backoff_factor(), scaler.get_growth_interval())
print(scaler.scale([w, (w, w)])[1][0].grad_fn.name(), list(scaler.scale({'a': 0} and iter([w]))))
scaler.update(8.0); print(scaler.get_scale()); scaler.update(torch.tensor(2.0)); print(scaler.get_scale())
""",
    "a scaler that is misused": AMP + "s = amp.GradScaler('cpu', init_scale=4.0); w = torch.tensor([1.0, 2.0], requires_grad=True); o = torch.optim.SGD([w], lr=0.1); half = torch.ones(2, dtype=torch.float16, requires_grad=True); h = torch.optim.SGD([half], lr=0.1)\n" + tried(
        "s.update()", "s.step(o)", "s.unscale_(o)", "s.scale(3)", "s.scale(w.sum()).backward(); s.update()", "s.unscale_(o); s.unscale_(o)", "s.step(o); s.step(o)", "s.unscale_(o)", "s.step(o, closure=lambda: 3)",
        "import pickle; pickle.dumps(s)", "s.update(); s.load_state_dict({})", "amp.GradScaler('cpu', growth_factor=0.5)", "amp.GradScaler('cpu', backoff_factor=2.0)", "s.update(torch.tensor([2.0], requires_grad=True))",
        "s.scale(half.sum()).backward(); s.step(h)", "n = torch.optim.SGD([torch.ones(1, requires_grad=True)]); s.step(n)"),
}
# Images at points

IMAGES = "F = torch.nn.functional; x = torch.ones(1, 1, 2, 2); g = torch.zeros(1, 1, 1, 2)\n"
SAMPLED = {
    "errors": IMAGES + tried("F.grid_sample(x, g, 'foo')", "F.grid_sample(x, g, 'nearest', 'foo')", "F.grid_sample(x, g.double())", "F.grid_sample(x.expand(2, 1, 2, 2), g)", "F.grid_sample(x, g[..., :1])",
        "F.grid_sample(x[0], g)", "F.grid_sample(x, g[0])", "F.grid_sample(x[None], torch.zeros(1, 1, 1, 1, 3), 'bicubic')", "F.grid_sample(x.long(), g.long())", "F.affine_grid(torch.ones(1, 2, 3), (1, 1, 2))",
        "F.affine_grid(torch.ones(1, 2, 2), (1, 1, 2, 2))", "F.affine_grid(torch.ones(1, 2, 3).long(), (1, 1, 2, 2))", "F.affine_grid(torch.ones(1, 2, 3), (1, 1, 0, 2), False)", "F.affine_grid(torch.ones(1, 2, 3), (2, 1, 1, 2), False)"),
    "warnings": IMAGES + "print(F.grid_sample(x, g)); print(F.affine_grid(torch.ones(1, 2, 3), (1, 1, 2, 2))); print(F.affine_grid(torch.ones(1, 2, 3), (1, 1, 1, 2), True))",
    "not a number": IMAGES + "nan = torch.full((1, 1, 1, 2), float('nan')); x = torch.arange(4.0).view(1, 1, 2, 2); print(F.grid_sample(x, nan, align_corners=True))",
    "a spatial transformer": IMAGES + """
image = torch.sin(torch.arange(24.0)).view(1, 2, 3, 4); theta = torch.tensor([[[0.9, 0.2, 0.1], [-0.1, 0.8, -0.2]]], requires_grad=True); optimizer = torch.optim.SGD([theta], lr=0.05)
target = F.grid_sample(image, F.affine_grid(torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]), [1, 2, 3, 4], align_corners=False), align_corners=False)
for _ in range(5):
    optimizer.zero_grad(); loss = F.mse_loss(F.grid_sample(image, F.affine_grid(theta, [1, 2, 3, 4], align_corners=False), align_corners=False), target); loss.backward(); optimizer.step(); print(loss.item())
""",
}
# Means of parameters

SWA = """
from importlib import import_module
swa = import_module(torch.__name__ + ".optim.swa_utils")
nn = torch.nn
def net():
    m = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Tanh(), nn.Linear(3, 1))
    for n, p in enumerate(m.parameters()): p.data = torch.sin(torch.arange(float(p.numel())) * 1.7 + n).view(p.shape)
    return m
x = torch.cos(torch.arange(24.0)).view(12, 2); y = x.sum(1, keepdim=True)
def train(model, mean, steps=6, scheduler=None, lr=0.1):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for i in range(steps):
        optimizer.zero_grad(); loss = (model(x) - y).pow(2).mean(); loss.backward(); optimizer.step(); mean.update_parameters(model)
"""
MEANS = {
    made: SWA + f"model = net(); mean = swa.{made}; train(model, mean)\n"
    + "print(int(mean.n_averaged), [n for n, _ in mean.named_parameters()][:2], list(mean.state_dict())[:3])\n"
    + "globals().update({'p_' + n.replace('.', '_'): p for n, p in mean.state_dict().items()}); out = mean(x[:3])"
    for made in (
        "AveragedModel(model)", "AveragedModel(model, use_buffers=True)", "AveragedModel(model, avg_fn=swa.get_ema_avg_fn(0.9))", "AveragedModel(model, multi_avg_fn=swa.get_ema_multi_avg_fn(0.9), use_buffers=True)",
        "AveragedModel(model, avg_fn=swa.get_swa_avg_fn())", "AveragedModel(model, 'cpu', multi_avg_fn=swa.get_swa_multi_avg_fn())", "AveragedModel(model, avg_fn=lambda a, p, n: 0.5 * a + 0.5 * p)",
    )
} | {
    "batch norm": SWA + """
model = net(); mean = swa.AveragedModel(model); train(model, mean); mean.eval()
swa.update_bn([(x[:6], y[:6]), (x[6:], y[6:])], mean); print(mean.training, mean.module[1].momentum, mean.module[1].num_batches_tracked)
running_mean, running_var = mean.module[1].running_mean, mean.module[1].running_var; out = mean(x)
swa.update_bn([x], nn.Linear(2, 1)); swa.update_bn(iter([x[:4], x[4:]]), model, 'cpu'); print(model.training); after = model[1].running_var
""",
    "the rate": SWA + """
for options in ({}, {'anneal_strategy': 'linear'}, {'anneal_epochs': 3}, {'anneal_epochs': 0}, {'anneal_epochs': 4, 'anneal_strategy': 'linear'}):
    model = net(); optimizer = torch.optim.SGD([{'params': model[0].parameters()}, {'params': model[3].parameters(), 'lr': 0.5}], lr=0.2)
    scheduler = swa.SWALR(optimizer, swa_lr=0.05, **options); rates = []
    for _ in range(7):
        optimizer.step(); scheduler.step(); rates.append([round(r, 12) for r in scheduler.get_last_lr()])
    print(rates, [group['swa_lr'] for group in optimizer.param_groups])
print(swa.SWALR(optimizer, [0.1, 0.2]).get_last_lr(), {k: v for k, v in scheduler.state_dict().items() if k[0] != '_'})
scheduler.load_state_dict(scheduler.state_dict())
""" + tried("swa.SWALR(optimizer, [0.1])", "swa.SWALR(optimizer, 0.1, anneal_strategy='x')", "swa.SWALR(optimizer, 0.1, anneal_epochs=-1)", "swa.SWALR(optimizer, 0.1, anneal_epochs=1.5)", "scheduler.get_lr()",
        "swa.AveragedModel(model, avg_fn=1, multi_avg_fn=2)", "swa.get_ema_avg_fn(1.5)", "swa.get_ema_multi_avg_fn(-0.5)"),
    "integers": SWA + """
m = nn.Module(); m.register_buffer('n', torch.tensor([5, -7, 10])); m.w = nn.Parameter(torch.ones(1))
for made in ({}, {'multi_avg_fn': swa.get_ema_multi_avg_fn(0.6)}, {'avg_fn': swa.get_ema_avg_fn(0.6)}):
    mean = swa.AveragedModel(m, use_buffers=True, **made)
    for value in ([1, 2, 3], [4, -6, 9], [8, 8, -3]):
        m.n.copy_(torch.tensor(value))
        try: mean.update_parameters(m)
        except RuntimeError as error: print(error)
    print(mean.module.n, mean.n_averaged)
""",
    "saved": SWA + """
model = net(); mean = swa.AveragedModel(model); train(model, mean); other = swa.AveragedModel(net())
print(other.load_state_dict(mean.state_dict()), int(other.n_averaged)); train(model, other, 2); print(int(other.n_averaged), [p.requires_grad for p in other.parameters()][:2], other.module[0].weight.is_leaf)
w = other.module[0].weight
""",
}
# Modules that wait for their first input

LAZY = """
nn = torch.nn
import copy, pickle
torch.manual_seed(4)
def kept(m): globals().update({f"p{i}": t for i, t in enumerate(m.state_dict().values())})
"""
WAITING = {
    "linear": LAZY + """
m = nn.LazyLinear(3); print(m, m.weight, m.bias, m.state_dict(), m.has_uninitialized_params(), m.in_features, m.weight.dtype, m.weight.requires_grad, m.weight.is_leaf, m.weight.grad)
print(isinstance(m.weight, nn.Parameter), isinstance(m.weight, nn.UninitializedParameter), nn.parameter.is_lazy(m.weight), m.weight.device, m.weight.data, m.weight.is_floating_point(), len(list(m.parameters())))
c = copy.deepcopy(m); print(type(c).__name__, c.weight, c.weight is m.weight); o = torch.optim.Adam(m.parameters())
m.double(); print(m.weight.dtype); m.float(); m.zero_grad(); out = m(torch.ones(2, 4)); print(type(m).__name__, m, m.weight.shape, type(m.weight).__name__, m.weight is o.param_groups[0]['params'][0], m.weight.requires_grad)
out.sum().backward(); o.step(); c(torch.ones(2, 5)); print(c); kept(m)
m = nn.LazyLinear(2, bias=False, dtype=torch.float64); print(m, m.bias); print(m(torch.ones(2, 3, dtype=torch.float64)).dtype)
m = pickle.loads(pickle.dumps(nn.LazyLinear(3))); m(torch.ones(1, 2)); print(m)
m = nn.LazyLinear(2); m.initialize_parameters(torch.ones(1, 7)); print(m.weight.shape, type(m).__name__); m(torch.ones(1, 7)); print(type(m).__name__)
""",
    "loading": LAZY + """
m = nn.LazyLinear(3); print(m.load_state_dict(nn.Linear(4, 3).state_dict()), m, type(m).__name__, m.weight.shape); out = m(torch.ones(1, 4)); print(m)
m = nn.LazyLinear(3); print(m.load_state_dict(nn.LazyLinear(3).state_dict()), m.weight)
m = nn.LazyBatchNorm1d(); print(m.load_state_dict(nn.BatchNorm1d(4).state_dict()), m.running_mean, m, m(torch.ones(3, 4)).shape)
m = nn.Sequential(nn.LazyConv1d(2, 3), nn.LazyLinear(2)); m.load_state_dict(nn.Sequential(nn.Conv1d(3, 2, 3), nn.Linear(4, 2)).state_dict()); kept(m)
""" + tried("nn.Linear(4, 3).load_state_dict(nn.LazyLinear(3).state_dict())", "nn.LazyLinear(3).load_state_dict({})", "m = nn.LazyLinear(3); m.load_state_dict(nn.Linear(4, 3).state_dict()); m(torch.ones(1, 5))"),
    "a network": LAZY + """
net = nn.Sequential(nn.LazyConv2d(4, 3, padding=1), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2)); print(net)
x = torch.sin(torch.arange(150.0)).view(2, 3, 5, 5); out = net(x); print(net); out.sum().backward(); kept(net); g = net[0].weight.grad
""",
    "convolutions": LAZY + """
for name in ("Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"):
    d = int(name[-2]); m = getattr(nn, "Lazy" + name)(4, 2, groups=2, bias=d > 1); print(m); print(m(torch.ones(2, 6, *[4] * d)).shape, m, m.weight.shape)
    print(getattr(nn, "Lazy" + name)(4, 2)(torch.ones(3, *[4] * d)).shape)
    for wrong in (torch.ones(3), torch.ones(2, 3, *[4] * d)):
        try: getattr(nn, "Lazy" + name)(4, 2, groups=2)(wrong)
        except Exception as error: print(type(error).__name__, error)
""",
    "normalisations": LAZY + """
for name in ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"):
    d = int(name[-2]); x = torch.cos(torch.arange(12.0 * 4 ** d)).view(2, 6, *[4] * d)
    m = getattr(nn, "Lazy" + name)(); print(m, list(m.state_dict()), m.running_mean); print(m(x).shape, m, m.running_mean, m.weight, type(m.running_mean).__name__)
    m = getattr(nn, "Lazy" + name)(affine=False, momentum=0.3); print(m, list(m.state_dict())); m(x); print(m, m.running_var, m.num_batches_tracked)
    print(getattr(nn, "Lazy" + name)(bias=False, track_running_stats=False))
""",
    "of one's own": LAZY + """
class Scale(nn.modules.lazy.LazyModuleMixin, nn.Module):
    def __init__(self):
        super().__init__(); self.w = nn.UninitializedParameter(); self.b = nn.UninitializedBuffer()
    def initialize_parameters(self, x):
        if self.has_uninitialized_params():
            with torch.no_grad():
                self.w.materialize(x.shape); self.w.fill_(2.0); self.b.materialize((2,)); self.b.zero_()
    def forward(self, x): return self.w * x
m = Scale(); print(m.w, m.b, list(m.state_dict())); out = m(torch.ones(2)); print(m.w, m.b, type(m.b).__name__, m(torch.ones(2)), type(m).__name__)
class Never(nn.modules.lazy.LazyModuleMixin, nn.Module):
    def __init__(self):
        super().__init__(); self.w = nn.UninitializedParameter()
    def initialize_parameters(self, x): pass
class Nothing(nn.modules.lazy.LazyModuleMixin, nn.Module): pass
p = nn.UninitializedParameter(); p.materialize((2, 3)); p.data.zero_(); print(p.shape, type(p).__name__, p.requires_grad, p.is_leaf)
p = nn.UninitializedParameter(requires_grad=False); p.materialize((2,), dtype=torch.float64); print(p.dtype, p.requires_grad); p.data.zero_()
""" + tried("Never()(torch.ones(1))", "Nothing()(torch.ones(1))", "nn.UninitializedBuffer().shape"),
    "what is refused": LAZY + "m = nn.LazyLinear(2); w = m.weight\nfor f in (lambda: w + 1, lambda: w.sum(), lambda: w.numel(), lambda: w.dim(), lambda: w[0], lambda: len(w), lambda: w == w, lambda: w.detach(), lambda: w.tolist(), lambda: nn.init.ones_(w), lambda: w.clone(), lambda: m.requires_grad_(False), lambda: m.forward(torch.ones(1, 2)), lambda: torch.stack([w])):\n  try: print(f())\n  except Exception as error: print(type(error).__name__)\ndel w\n",
}
# Optimizers

OPTIMIZERS = {
    made: f"{NETWORK}optimizer = torch.optim.{made}{LOOP.format(steps=30)}"
    for made in (
        "Rprop([w, b])", "Rprop([w, b], lr=0.05, etas=(0.4, 1.5), step_sizes=(1e-3, 0.2))", "Rprop([w, b], lr=torch.tensor(0.02), maximize=True, step_sizes=(1e-6, 0.01))", "ASGD([w, b], lr=0.1)",
        "ASGD([w, b], lr=0.1, lambd=0.01, alpha=0.5, t0=3, weight_decay=0.1)", "ASGD([{'params': w, 't0': 2}, {'params': b, 'lr': 0.3}], lr=torch.tensor(0.1))", "ASGD([w, b], lr=0.01, maximize=True, t0=1)",
    )
} | {
    "errors": "p = torch.ones(1, requires_grad=True)\n" + tried("torch.optim.ASGD([p], lr=-1.0)", "torch.optim.ASGD([p], weight_decay=-1.0)", "torch.optim.Rprop([p], lr=-1.0)", "torch.optim.Rprop([p], etas=(1.0, 2.0))", "torch.optim.Rprop([p], lr=torch.ones(2))", "torch.optim.ASGD([p], lr=torch.ones(2))"),
    "complex": "for name in ('ASGD', 'Rprop'):\n    p = torch.tensor([1.0 + 2.0j, -1.0 + 0.5j], requires_grad=True)\n    optimizer = getattr(torch.optim, name)([p], lr=0.1)\n    for _ in range(3):\n        optimizer.zero_grad(); (p * p.conj()).real.sum().backward(); optimizer.step()\n    print(p)",
}
# Older names, and fused layers

FUSED = """
nn = torch.nn
def filled(m):
    for n, p in enumerate(m.state_dict().values()): p.copy_((torch.sin(torch.arange(float(p.numel())) + n) * 0.5 + 0.6).view(p.shape))
    return m.eval()
for layer, bn, shape, more in ((nn.Conv2d(2, 3, 2), nn.BatchNorm2d(3), (1, 2, 4, 4), ()), (nn.Conv1d(2, 3, 2, bias=False), nn.BatchNorm1d(3, affine=False), (1, 2, 4), ()), (nn.ConvTranspose2d(2, 3, 2), nn.BatchNorm2d(3), (1, 2, 4, 4), (True,))):
    layer, bn = filled(layer), filled(bn); fused = nn.utils.fuse_conv_bn_eval(layer, bn, *more); x = torch.cos(torch.arange(float(torch.Size(shape).numel()))).view(shape)
    print(fused, torch.allclose(fused(x), bn(layer(x)), atol=1e-5), type(fused.weight).__name__, fused.weight.requires_grad, fused.bias.requires_grad, layer.weight is fused.weight); weight, bias = fused.weight, fused.bias
layer, bn = filled(nn.Linear(2, 3, bias=False)), filled(nn.BatchNorm1d(3)); fused = nn.utils.fuse_linear_bn_eval(layer, bn); print(fused, fused.bias); other = fused.weight
"""
OLDER = {
    "names of what is saved": "F = torch.nn.functional; x = torch.tensor([1.0, 2.0, 4.0], requires_grad=True); m = torch.eye(2).mul(3).requires_grad_(); i = torch.tensor([0, 2])\n"
    "for y, names in ((x @ x, 'self tensor'), (m @ m, 'self mat2'), (torch.mv(m, m[0]), 'self vec'), (torch.addmm(m, m, m), 'mat1 mat2'), (torch.bmm(m[None], m[None]), 'self mat2'), (x.gather(0, i), 'self index'), (x.index_select(0, i), 'index'), (torch.where(x > 1, x, x), 'condition'), (x.masked_fill(x > 2, 0), 'mask'), (m.max(1).values, 'indices'), (F.mse_loss(x, x * 2), 'self target'), (x ** x, 'self exponent result'), (2 ** x, 'exponent result'), (torch.addcmul(x, x, x), 'tensor1 tensor2'), (x * x, 'self other'), (x.exp(), 'result')):\n"
    "    print(y.grad_fn.name(), [(name, getattr(y.grad_fn, '_saved_' + name).tolist(), '_saved_' + name in dir(y.grad_fn)) for name in names.split()], hasattr(y.grad_fn, '_saved_other'))\n"
    "try: (m @ m).grad_fn._saved_other\n"
    "except AttributeError as error: print(error)",
    "draws of nothing": "for draw in (lambda: torch.randperm(1), lambda: torch.randperm(0), lambda: torch.rand(0), lambda: torch.empty(0).uniform_(), lambda: torch.empty(0).bernoulli_(0.5), lambda: torch.bernoulli(torch.ones(0)), lambda: torch.randint(0, 5, (0,)), lambda: torch.randint(0, 2**40, (0,)), lambda: torch.empty(0).exponential_(), lambda: torch.randn(0), lambda: torch.empty(0).random_(), lambda: torch.nn.functional.dropout(torch.ones(0))):\n"
    "    torch.manual_seed(5); draw(); print(torch.rand(2, dtype=torch.float64), torch.randn(1))",
    "requires_grad is a bool": "x = torch.ones(2)\n"
    "for given in ('a', 1, None, 0.0):\n"
    "    try: x.requires_grad = given\n"
    "    except Exception as error: print(type(error).__name__, error)\n"
    "print(x.requires_grad)",
    "made, not filled": "nn = torch.nn; torch.manual_seed(0); m = nn.utils.skip_init(nn.Linear, 2, out_features=3); print(m, m.weight.requires_grad, torch.rand(2))\n"
    "for kind, size, order in (('2d', (2, 2), torch.channels_last), ('3d', (1, 2, 2), torch.channels_last_3d)):\n"
    "    m = nn.Sequential(getattr(nn, 'Conv' + kind)(2, 3, size), nn.Sequential(getattr(nn, 'ConvTranspose' + kind)(3, 2, size)), nn.Linear(2, 2))\n"
    "    w = m[0].weight.detach().clone(); out = getattr(nn.utils, f'convert_conv{kind}_weight_memory_format')(m, order)\n"
    "    print(out is m, [p.stride() for p in m.parameters()], torch.equal(w, m[0].weight), m[0].weight.is_leaf)\n"
    + tried("nn.utils.skip_init(lambda: 1)", "nn.utils.skip_init(nn.Sequential)"),
    "linear_cross_entropy": "f = torch.nn.functional.linear_cross_entropy; x, w, t = torch.ones(4, 5), torch.ones(3, 5), torch.tensor([0, 1, 2, 1])\n"
    + tried("f(x, w[0], t)", "f(x, w[:, :4], t)", "f(x[None], w, t)", "f(x[0], torch.ones(3, 2, 5), t)", "f(x, w, t, linear_bias=x)", "f(x, w, torch.ones(4, 3) / 3, ignore_index=0)"),
    "fused": FUSED + tried("nn.utils.fuse_conv_bn_eval(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))", "nn.utils.fuse_linear_bn_eval(nn.Linear(1, 3).eval(), nn.BatchNorm1d(2).eval())", "nn.utils.fuse_linear_bn_eval(nn.Linear(1, 3), nn.BatchNorm1d(3).eval())"),
    "initial": "init = torch.nn.init; torch.manual_seed(3)\nfor name in ('uniform', 'normal', 'eye', 'xavier_uniform', 'xavier_normal', 'kaiming_uniform', 'kaiming_normal', 'orthogonal'): print(name, getattr(init, name)(torch.empty(2, 2)))\nprint(init.constant(torch.empty(2), 3.0), init.dirac(torch.empty(1, 1, 3)), init.uniform(torch.empty(2), a=1.0, b=2.0))",
    "variable": "from importlib import import_module\nVariable = import_module(torch.__name__ + '.autograd').Variable\nx = torch.ones(2, requires_grad=True); v = Variable(x); w = Variable(torch.ones(2), requires_grad=True); (w * 3).sum().backward(); print(v.requires_grad, v.is_leaf, v.data_ptr() == x.data_ptr(), w.grad, isinstance(x, Variable), isinstance(3, Variable), Variable())\n" + tried("Variable(3)", "Variable(torch.ones(1, dtype=torch.int64), requires_grad=True)"),
    "methods": "x = torch.tensor([0.3, -1.2, 0.7], requires_grad=True); a = torch.tensor(0.25, requires_grad=True)\ny = x.hardshrink(); z = x.hardshrink(0.2); u = x.prelu(a); (y + 2 * z + 3 * u).sum().backward(); print(y, z, u)\nm = torch.nn.Linear(2, 1); m(torch.ones(1, 2)).sum().backward(); print(torch.nn.utils.clip_grad_norm(m.parameters(), 1.0)); g = m.weight.grad; del m",
}
GROUPS_OF = {"older": OLDER, "optimizer": OPTIMIZERS, "lazy": WAITING, "swa": MEANS, "packed": PACKED, "amp": MIXED, "sampled": SAMPLED}
ALL = {f"{group}: {name}": text for group, programs in GROUPS_OF.items() for name, text in programs.items()}


@lru_cache(maxsize=1)
def expected() -> dict[str, dict[str, Any]]:
    return json.loads(EXPECTED.read_text())


def main() -> None:
    import torch

    EXPECTED.write_text(json.dumps({name: recorded(torch, s) for name, s in ALL.items()}, indent=0) + "\n")


if __name__ == "__main__":
    main()
