# ruff: noqa: E501
"""More programs of layer_programs: what a Module does besides computing."""

from __future__ import annotations

ERROR = "try:\n  {}\nexcept Exception as e:\n  print(type(e).__name__, e)\n"


def tried(*statements: str) -> str:
    return "".join(ERROR.format(s) for s in statements)


TWO = "m = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))\n"
OWN = """class Net(nn.Module):
  def __init__(self):
    super().__init__()
    self.first = nn.Linear(2, 3)
    self.scale = nn.Parameter(torch.tensor([1.0, 2.0]))
    self.register_buffer('mean', torch.zeros(2))
    self.register_buffer('seen', torch.ones(1), persistent=False)
    self.parts = nn.ModuleList([nn.ReLU(), nn.Linear(3, 1, bias=False)])
  def forward(self, x):
    return self.parts[1](self.parts[0](self.first(x * self.scale - self.mean)))
m = Net()
"""
RANDOM = {
    "leaky by chance": "torch.manual_seed(3); x = torch.linspace(-2, 2, 9, requires_grad=True); y = F.rrelu(x, training=True); print(y, y.grad_fn.name()); y.sum().backward(); print(x.grad, nn.RReLU(0.2, 0.3)(x.double()), F.rrelu_(x.detach(), training=True))",
    "channels": "torch.manual_seed(3); x = torch.linspace(-2, 2, 12).view(2, 3, 2); print(F.feature_alpha_dropout(x, 0.4, True), nn.FeatureAlphaDropout(0.3)(x), nn.FeatureAlphaDropout(0.3).eval()(x) is x)",
    "categories": "torch.manual_seed(3); x = torch.linspace(-2, 2, 6).view(2, 3).requires_grad_(); y = F.gumbel_softmax(x, 0.7); print(y); z = F.gumbel_softmax(x, hard=True); print(z, z.grad_fn.name()); (z * torch.arange(3)).sum().backward(); print(x.grad)",
    "initial weights": "torch.manual_seed(5)\nfor m in (nn.EmbeddingBag(3, 2), nn.EmbeddingBag(3, 2, padding_idx=1), nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2, 4], 2.0), nn.TransformerDecoderLayer(2, 1, 2), nn.Transformer(2, 1, 1, 1, 2, batch_first=True)): print([(n, p.sum()) for n, p in m.named_parameters()], list(m.state_dict())[:3])",
}
MISUSED = {
    "classification in time": "x = torch.zeros(5, 2, 4)\n" + tried("F.ctc_loss(x, torch.tensor([[1, 2], [3, 1]]), (5,), (2, 1))", "F.ctc_loss(x, torch.tensor([[1, 2], [3, 1]]), (5, 6), (2, 1))", "F.ctc_loss(x, torch.tensor([[1, 2], [3, 1]]), (5, 4), (2, 3))", "F.ctc_loss(x, torch.tensor([[1, 2], [3, 1]]), (5, 4), (2, 1), blank=7)", "F.ctc_loss(x, torch.tensor([1, 2, 3]), (5, 4), (2, 2))", "F.ctc_loss(x, torch.tensor([1, 2, 3]), (5, 4), (2, 1), reduction='x')", "F.ctc_loss(x.half(), torch.tensor([1, 2, 3]), (5, 4), (2, 1))", "F.ctc_loss(x, torch.tensor([1, 2, 3]), (5, -4), (2, 1))", "F.ctc_loss(x, torch.tensor([1, 2, 3]), (5, 4), (2, -1))", "F.ctc_loss(x[0], torch.tensor([1, 2, 3]), (5, 4), (2, 1))", "nn.CTCLoss(reduction='y')(x, torch.tensor([1, 2, 3]), (5, 4), (2, 1))"),
    "bags": "i, w = torch.tensor([1, 2, 4, 1]), torch.ones(5, 3)\n" + tried("F.embedding_bag(i, w)", "F.embedding_bag(i, w, torch.tensor([[0]]))", "F.embedding_bag(i.view(1, 2, 2), w)", "F.embedding_bag(i, w, torch.tensor([0, 9]))", "F.embedding_bag(i.float(), w, torch.tensor([0, 2]))", "F.embedding_bag(i, w[0], torch.tensor([0]))", "F.embedding_bag(i, w, torch.tensor([0]), mode='x')", "F.embedding_bag(i, w, torch.tensor([0]), per_sample_weights=torch.ones(3))", "F.embedding_bag(i, w, torch.tensor([0]), per_sample_weights=torch.ones(4))", "nn.EmbeddingBag(3, 2, padding_idx=4)", "nn.EmbeddingBag.from_pretrained(w[0])", "print(nn.EmbeddingBag.from_pretrained(w, mode='sum').weight.requires_grad, F.embedding_bag(i[:0], w, torch.tensor([0, 0])))", "print(nn.EmbeddingBag.from_pretrained(w * 3, max_norm=1.0)(i.view(2, 2)))"),
    "unpooling": "y, i = F.max_pool2d(torch.arange(16.0).view(1, 1, 4, 4), 2, return_indices=True)\n" + tried("F.max_unpool2d(y, i, 2, output_size=(9, 9))", "F.max_unpool2d(y, i, 2, output_size=(9,))", "F.max_unpool2d(y, i.int(), 2)", "F.max_unpool2d(y, i[..., :1], 2)", "F.max_unpool2d(y[0, 0], i[0, 0], 2)", "print(nn.MaxUnpool2d(2)(y, i, output_size=(1, 1, 5, 5)))", "F.max_unpool2d(y, torch.full_like(i, 99), 2)"),
    "channels": tried("F.channel_shuffle(torch.ones(1, 4, 2), 3)", "F.channel_shuffle(torch.ones(4, 2), 2)", "nn.ChannelShuffle(0)(torch.ones(1, 4, 2))", "F.local_response_norm(torch.ones(2, 2), 2)", "print(F.local_response_norm(torch.ones(0, 2, 2), 2))"),
    "margins": "x = torch.ones(2, 3)\n" + tried("F.multilabel_margin_loss(x, torch.tensor([[2, 0]] * 2))", "F.multilabel_margin_loss(x[None], torch.tensor([[2, 0]] * 2))", "F.multilabel_margin_loss(x, torch.tensor([[2, 0, 7]] * 2))", "F.triplet_margin_with_distance_loss(x, x, x[0])", "F.triplet_margin_with_distance_loss(x, x, x, margin=-1)", "F.triplet_margin_with_distance_loss(x, x, x, reduction='x')", "print(F.triplet_margin_with_distance_loss(x, x, x * 2, distance_function=lambda a, b: (a - b).abs().sum(1), swap=True))"),
    "adaptive": tried("nn.AdaptiveLogSoftmaxWithLoss(4, 6, [])", "nn.AdaptiveLogSoftmaxWithLoss(4, 6, [3, 2])", "nn.AdaptiveLogSoftmaxWithLoss(4, 6, [0])", "nn.AdaptiveLogSoftmaxWithLoss(4, 6, [6])", "nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2, 2])", "nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2])(torch.ones(2, 4), torch.tensor([0, 6]))", "nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2])(torch.ones(2, 4), torch.tensor([0]))", "nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2])(torch.ones(2, 4), torch.tensor([[0]]))", "nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2])(torch.ones(4), torch.tensor(3)).output.shape"),
    "transformers": tried("nn.Transformer(4, 2, 1, 1, 3, batch_first=True)(torch.ones(2, 3, 4), torch.ones(1, 3, 4))", "nn.Transformer(4, 2, 1, 1, 3, batch_first=True)(torch.ones(3, 2, 5), torch.ones(3, 2, 5))", "nn.Transformer(4, 2, 1, 1, 3, activation='sin')", "print(nn.Transformer.generate_square_subsequent_mask(3), nn.Transformer.generate_square_subsequent_mask(2, dtype=torch.float64).dtype)"),
}
MEMBERS = {
    "finding": OWN + tried("print(m.get_submodule(''), m.get_submodule('parts'))", "m.get_submodule('parts.9')", "m.get_submodule('scale')", "m.get_parameter('mean')", "m.get_parameter('parts.1.bias')", "m.get_parameter('first.nothing')", "m.get_buffer('scale')", "m.get_buffer('first.weight')", "m.get_buffer('x.y')", "print(m.get_buffer('seen'))", "m.get_parameter('')"),
    "setting inside": OWN + tried("m.set_submodule('parts.1', nn.Linear(3, 2)); print(m.parts)", "m.set_submodule('first', nn.ReLU()); print(m.first)", "m.set_submodule('', nn.ReLU())", "m.set_submodule('a.b', nn.ReLU())", "m.set_submodule('new', nn.ReLU()); print(m.new)", "m.set_submodule('new2', nn.ReLU(), strict=True)", "m.set_submodule('scale', nn.ReLU())", "m.set_submodule('first', 3)", "m.set_submodule('scale.x', nn.ReLU())"),
    "duplicates": "a = nn.Linear(2, 2); b = nn.BatchNorm1d(2); m = nn.ModuleDict({'a': a, 'b': b, 'c': a, 'd': b})\nfor f in (m.named_parameters, m.named_buffers, m.named_modules): print([n for n, _ in f()], [n for n, _ in f(remove_duplicate=False)], [n for n, _ in f(prefix='p')])\nprint(len(list(m.parameters())), len(list(m.buffers())), len(list(m.modules())), len(list(m.children())), [n for n, _ in m.named_children()], list(m.state_dict()))",
    "not recursive": OWN + "print([n for n, _ in m.named_parameters(recurse=False)], [n for n, _ in m.named_buffers('x', recurse=False)], len(list(m.parameters(False))), len(list(m.buffers(False))))",
    "attributes listed": OWN + "print([n for n in dir(m) if not n.startswith('_') and n in ('first', 'scale', 'mean', 'seen', 'parts', 'training', 'forward')], [n for n in dir(nn.ModuleList([nn.ReLU()])) if n.isdigit()], [n for n in dir(nn.Sequential(nn.ReLU())) if n.isdigit()])",
    "public names": "print([n for n in ('T_destination', 'dump_patches', 'call_super_init', 'training', 'add_module', 'apply', 'buffers', 'children', 'cpu', 'double', 'eval', 'extra_repr', 'float', 'forward', 'get_buffer', 'get_extra_state', 'get_parameter', 'get_submodule', 'half', 'load_state_dict', 'modules', 'named_buffers', 'named_children', 'named_modules', 'named_parameters', 'parameters', 'register_backward_hook', 'register_buffer', 'register_forward_hook', 'register_forward_pre_hook', 'register_full_backward_hook', 'register_full_backward_pre_hook', 'register_load_state_dict_post_hook', 'register_load_state_dict_pre_hook', 'register_module', 'register_parameter', 'register_state_dict_post_hook', 'register_state_dict_pre_hook', 'requires_grad_', 'set_extra_state', 'set_submodule', 'share_memory', 'state_dict', 'to', 'to_empty', 'train', 'type', 'zero_grad') if not hasattr(nn.Module, n)])",
    "own names": "m = nn.Linear(2, 1); print(sorted(m.__dict__)[:0], m._get_name(), m.__class__.__name__, m.T_destination, m.dump_patches, m.call_super_init, m._version)",
    "texts": """class A(nn.Module):
  def __init__(self):
    super().__init__()
    self.a = nn.ReLU()
    self.none = None
    self.register_module('gone', None)
  def extra_repr(self): return 'two\\nlines'
class B(nn.Module):
  def extra_repr(self): return 'x=3'
class C(nn.Module):
  def extra_repr(self): return 'two\\nlines'
print(A()); print(B()); print(C()); print(nn.Module()); print(nn.Sequential(A(), nn.Sequential()))""",
    "buffers": OWN + "m.register_buffer('mean', torch.ones(2), persistent=False); print(list(m.state_dict())); m.seen = torch.zeros(1); print('seen' in m.state_dict()); del m.seen; m.register_buffer('seen', torch.ones(1)); print(list(m.state_dict())); m.mean = None; print(m.mean, list(m.named_buffers())); m.b = nn.Buffer(torch.ones(1)); m.c = nn.Buffer(torch.ones(1), persistent=False); print(list(m.state_dict())); m.b = nn.Buffer(torch.ones(1), persistent=False); print(list(m.state_dict()))",
    "super init": "class M(nn.Module):\n  call_super_init = True\n  def __init__(self, a): super().__init__(a); print('init', a)\n" + tried("M(3)") + "class Mixin:\n  def __init__(self, a=1): self.a = a\nclass N(nn.Module, Mixin):\n  call_super_init = True\nprint(N(a=5).a)",
    "gradients needed": OWN + "m.first.requires_grad_(False); print([n for n, p in m.named_parameters() if p.requires_grad]); m.scale.requires_grad_(False); print(m.requires_grad_() is m, all(p.requires_grad for p in m.parameters()))",
    "shared": TWO + "print(m.share_memory() is m)",
    "emptied": TWO + "n = m.to_empty(device='cpu'); print(n is m, [tuple(p.shape) for p in m.parameters()], type(m[0].weight).__name__)",
    "called": OWN + tried("m()", "m(1, 2)", "nn.Module()(torch.ones(1))", "m.forward"[:0] + "nn.ModuleList()(1)", "nn.ModuleDict()(1)", "nn.Sequential()()", "print(nn.Sequential()(3))", "nn.Sequential(nn.ReLU())(1, 2)"),
    "registered names": OWN + tried("m.register_module('a.b', nn.ReLU())", "m.register_module(3, nn.ReLU())", "m.register_module('forward', nn.ReLU())", "m.register_parameter('training', None)", "m.register_buffer('parts', torch.ones(1))", "m.register_buffer('', torch.ones(1))", "m.register_module('mod', torch.ones(1))", "m.register_module('first', nn.Tanh()); print(m.first)", "m.register_parameter('scale', None); print(m.scale, len(list(m.parameters())))"),
}
CONVERTED = {
    "dtypes": OWN + "print(m.to(torch.float64) is m, m.scale.dtype, m.mean.dtype); m.to(torch.ones(1, dtype=torch.float32)); print(m.scale.dtype); m.to('cpu', torch.float64); print(m.scale.dtype); m.to(dtype=torch.float32, device='cpu'); print(m.scale.dtype, m.type(torch.float64).scale.dtype, m.float().scale.dtype, m.half().mean.dtype)\n" + tried("m.to(torch.int32)", "m.to()", "m.to(None)", "print(m.to(None, torch.float64).scale.dtype)", "m.to(torch.bool)"),
    "integers stay": "m = nn.BatchNorm1d(2); m.double(); print({k: v.dtype for k, v in m.state_dict().items()}); m.half(); print({k: v.dtype for k, v in m.state_dict().items()}); m.type(torch.float32); print({k: v.dtype for k, v in m.state_dict().items()})",
    "complex": "m = nn.Linear(2, 1)\nm.to(torch.complex64); print(m.weight.dtype, m.weight.requires_grad)\n" + tried("m.double(); print(m.weight.dtype)", "m.float(); print(m.weight.dtype)"),
    "memory format": "m = nn.Conv2d(2, 3, 2); print(m.to(memory_format=torch.contiguous_format) is m, m.weight.shape)\n",
    "leaves": OWN + "m(torch.ones(1, 2)).sum().backward(); p = m.scale; g = p.grad; m.double(); print(m.scale is p, m.scale.is_leaf, m.scale.grad is g, m.scale.grad.dtype, m.scale.requires_grad)",
    "frozen": "m = nn.Linear(2, 1); m.weight.requires_grad_(False); m.double(); print(m.weight.requires_grad, m.bias.requires_grad, m.weight.dtype)",
    "shared": "a = nn.Linear(2, 2); m = nn.Sequential(a, a); m.double(); print(m[0].weight is m[1].weight, m[0].weight.dtype)",
    "by type": "m = nn.Linear(2, 1); print(m.type('torch.DoubleTensor').weight.dtype, m.type(torch.float16).bias.dtype)\n" + tried("m.type('x')"),
    "devices": "m = nn.Linear(2, 1); print(m.cpu() is m, m.to(torch.device('cpu')) is m)",
}
COPIED = {
    "shallow": "import copy\n" + OWN + "c = copy.copy(m); print(type(c).__name__, c.scale is m.scale, c._parameters is m._parameters, c.first is m.first); c.extra = nn.ReLU(); print('extra' in m._modules); c.training = False; print(m.training)",
    "deep": "import copy\nm = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)); m.append(m[0]); c = copy.deepcopy(m); print(c[0] is c[2], c[0].weight is c[2].weight, c[0] is m[0], c[0].weight.requires_grad, torch.equal(c[0].weight, m[0].weight)); c[0].weight.data.zero_(); print(m[0].weight.abs().sum() > 0)",
    "with hooks": "import copy\nm = nn.ReLU(); m.register_forward_hook(lambda m, a, o: o + 1); c = copy.deepcopy(m); print(c(torch.ones(1))); h = c.register_forward_hook(lambda m, a, o: o * 10); print(c(torch.ones(1)), m(torch.ones(1)))",
    "handle of a copy": "import copy\nm = nn.ReLU(); h = m.register_forward_hook(lambda m, a, o: o + 1); c = copy.deepcopy(m); h.remove(); print(c(torch.ones(1)), m(torch.ones(1)))",
    "deep with gradients": "import copy\nm = nn.Linear(2, 1, bias=False); m(torch.ones(1, 2)).sum().backward(); c = copy.deepcopy(m); print(c.weight.grad, c.weight.grad is m.weight.grad); c.zero_grad(); print(m.weight.grad)\nm.y = m(torch.ones(1, 2))\n" + tried("copy.deepcopy(m)"),
    "pickled": "import pickle\nm = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.3), nn.BatchNorm1d(2)).eval(); n = pickle.loads(pickle.dumps(m)); print(n, n.training, all(torch.equal(a, b) for a, b in zip(m.state_dict().values(), n.state_dict().values())), n(torch.ones(1, 2)).shape, [p.requires_grad for p in n.parameters()])",
    "pickled hook": "import pickle, operator\nm = nn.Linear(2, 1)\n" + tried("m.register_forward_hook(lambda m, a, o: o); pickle.dumps(m); print('pickled')"[:70] + "; print(1)"),
    "state set": "m = nn.Linear(2, 1); n = nn.Linear.__new__(nn.Linear); n.__setstate__(m.__dict__.copy()); print(n, n(torch.ones(1, 2)).shape, n.weight is m.weight)",
}
STATES = {
    "strict": "m = nn.Sequential(nn.Linear(2, 1), nn.Linear(1, 1))\n" + tried("m.load_state_dict({})", "m.load_state_dict({'0.weight': torch.ones(2, 2), '9.x': torch.ones(1), '0.extra': torch.ones(1), 'weight': torch.ones(1)})", "nn.Linear(2, 1).load_state_dict({'weight': torch.ones(1, 2), 'bias': 3})", "nn.Linear(2, 1).load_state_dict(3)", "nn.Linear(2, 1).load_state_dict({'weight': torch.ones(1, 2, dtype=torch.int64), 'bias': torch.ones(1, dtype=torch.float16)})"),
    "not strict": "m = nn.Linear(2, 1); print(m.load_state_dict({'weight': torch.ones(1, 2), 'x': torch.ones(1)}, strict=False), m.weight)\n" + tried("m.load_state_dict({'weight': torch.ones(3)}, strict=False)"),
    "result": "m = nn.Linear(2, 1); r = m.load_state_dict(m.state_dict()); print(r, repr(r), r.missing_keys, r[1], type(r).__name__); print(m.load_state_dict({}, strict=False))",
    "scalars": "m = nn.Module(); m.p = nn.Parameter(torch.tensor(1.0)); m.load_state_dict({'p': torch.tensor([3.0])}); print(m.p)\n" + tried("m.load_state_dict({'p': torch.ones(2)})"),
    "dtypes stay": "m = nn.Linear(2, 1); m.load_state_dict({'weight': torch.ones(1, 2, dtype=torch.float64), 'bias': torch.zeros(1, dtype=torch.int64)}); print(m.weight, m.bias)",
    "assigned": "m = nn.Linear(2, 1); m.bias.requires_grad_(False); w = torch.full((1, 2), 3.0, dtype=torch.float64); m.load_state_dict({'weight': w, 'bias': torch.ones(1)}, assign=True); print(m.weight, m.bias, type(m.weight).__name__, m.weight.dtype); w[0, 0] = 9; print(m.weight)",
    "assigned parameters": "m = nn.Linear(2, 1); p = nn.Parameter(torch.ones(1, 2), requires_grad=False); m.load_state_dict({'weight': p, 'bias': torch.ones(1)}, assign=True); print(m.weight is p, m.weight.requires_grad)\nb = nn.BatchNorm1d(2); s = {k: v.double() for k, v in b.state_dict().items()}; b.load_state_dict(s, assign=True); print({k: v.dtype for k, v in b.state_dict().items()}, b.running_mean is s['running_mean'])",
    "leaves stay": "m = nn.Linear(2, 1); p = m.weight; v = p._version; m.load_state_dict({k: t * 0 + 2 for k, t in m.state_dict().items()}); print(m.weight is p, p._version > v, p.is_leaf, p)",
    "kept": OWN + "s = m.state_dict(keep_vars=True); print(s['scale'] is m.scale, m.state_dict()['scale'] is m.scale, m.state_dict()['scale'].requires_grad, list(m.state_dict(prefix='q.')))\nd = {'old': 1}; print(list(m.state_dict(destination=d)), m.state_dict()._metadata.keys())",
    "saving hooks": "m = nn.Sequential(nn.Linear(2, 1))\nm.register_state_dict_pre_hook(lambda m, p, k: print('before', p, k)); m[0].register_state_dict_pre_hook(lambda m, p, k: print('inner', p, k)); h = m.register_state_dict_post_hook(lambda m, s, p, md: (print('after', list(s), p, md), s.update(x=1))[0]); print(list(m.state_dict(prefix='a.'))); h.remove(); print(list(m.state_dict()))\n" + tried("m.register_state_dict_post_hook(lambda m, s, p, md: 3); m.state_dict()"),
    "loading hooks": "m = nn.Sequential(nn.Linear(2, 1, bias=False))\nm.register_load_state_dict_pre_hook(lambda m, s, p, *a: (print('before', list(s), p, a), s.update({'0.weight': torch.zeros(1, 2)}))[0]); m.register_load_state_dict_post_hook(lambda m, k: (print('after', k), k.missing_keys.clear())[0]); print(m.load_state_dict({}), m[0].weight)\n" + tried("m.register_load_state_dict_post_hook(lambda m, k: 3); m.load_state_dict({})"),
    "own saving": "class S(nn.Linear):\n  def _save_to_state_dict(self, d, p, k): d[p + 'w'] = self.weight\n  def _load_from_state_dict(self, s, p, *a): print('loading', p, list(s))\nm = nn.Sequential(S(2, 1)); s = m.state_dict(); print(list(s)); print(m.load_state_dict(s))",
    "extra": "class E(nn.Module):\n  def __init__(self): super().__init__(); self.n = 1\n  def get_extra_state(self): return self.n\n  def set_extra_state(self, n): self.n = n\nm = nn.Sequential(E(), nn.Linear(1, 1)); m[0].n = 5; s = m.state_dict(); print(list(s), s['0._extra_state']); m[0].n = 0; m.load_state_dict(s); print(m[0].n)\n" + tried("m.load_state_dict({k: v for k, v in s.items() if 'extra' not in k})"),
    "versions": "class V(nn.Module):\n  _version = 3\n  def _load_from_state_dict(self, s, p, md, *a): print(md); super()._load_from_state_dict(s, p, md, *a)\nm = nn.Sequential(V()); s = m.state_dict(); print(s._metadata); m.load_state_dict(s); m.load_state_dict({}); m.load_state_dict({}, assign=True)",
    "batches tracked": "m = nn.BatchNorm1d(2); s = m.state_dict(); del s['num_batches_tracked']\n" + tried("m.load_state_dict(s)", "del s._metadata; print(m.load_state_dict(s))"),
    "saved to a file": "import io\nm = nn.Linear(2, 1); f = io.BytesIO(); torch.save(m.state_dict(), f); f.seek(0); s = torch.load(f); print(list(s), s._metadata, torch.equal(s['weight'], m.weight)); print(nn.Linear(2, 1).load_state_dict(s))",
}
CALLED = {
    "order of all": """m = nn.Sequential(nn.Linear(2, 1))
def say(text): return lambda *a: print(text, len(a))
for n in (m, m[0]):
  w = type(n).__name__
  n.register_forward_pre_hook(say(w + ' pre')); n.register_forward_pre_hook(say(w + ' first'), prepend=True); n.register_forward_hook(say(w + ' post')); n.register_forward_hook(say(w + ' post kw'), with_kwargs=True)
  n.register_full_backward_hook(say(w + ' back')); n.register_full_backward_pre_hook(say(w + ' back pre')); n.register_full_backward_hook(say(w + ' back first'), prepend=True)
m(torch.ones(1, 2, requires_grad=True)).sum().backward()""",
    "returned": "m = nn.ReLU()\nm.register_forward_pre_hook(lambda m, a: (a[0] + 1,)); m.register_forward_pre_hook(lambda m, a, k: ((a[0] * 2,), k), with_kwargs=True); m.register_forward_hook(lambda m, a, o: (o, a)); print(m(torch.ones(1)))\nm.register_forward_pre_hook(lambda m, a: [a[0], 1])\n" + tried("m(torch.ones(1))"),
    "always with error": "class B(nn.Module):\n  def forward(self, x): raise ValueError('inside')\nm = B(); m.register_forward_hook(lambda m, a, k, o: print('always', a, k, o), always_call=True, with_kwargs=True)\ndef bad(*a): raise KeyError('second')\nm.register_forward_hook(bad, always_call=True)\n" + tried("m(1)"),
    "several inputs": "class T(nn.Module):\n  def forward(self, x, y, z): return x * y, y + z, 3\nm = T(); m.register_full_backward_hook(lambda m, gi, go: print(gi, go)); x, y = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True); a, b, c = m(x, y, torch.ones(2)); print(c, a.grad_fn.name()); (a * 2 + b).sum().backward(); print(x.grad, y.grad)",
    "keyword inputs": "class T(nn.Module):\n  def forward(self, x, y=None): return x * y\nm = T(); m.register_full_backward_hook(lambda m, gi, go: print(gi, go)); x, y = torch.ones(2, requires_grad=True), torch.full((2,), 3.0, requires_grad=True); m(x, y=y).sum().backward(); print(x.grad, y.grad)",
    "dict outputs": "class T(nn.Module):\n  def forward(self, x): return {'y': x * 2}\nm = T(); m.register_full_backward_hook(lambda m, gi, go: print(gi, go)); x = torch.ones(2, requires_grad=True); m(x)['y'].sum().backward(); print(x.grad)",
    "list outputs": "class T(nn.Module):\n  def forward(self, x): return [x * 2, x]\nm = T(); m.register_full_backward_hook(lambda m, gi, go: print(gi, go)); x = torch.ones(2, requires_grad=True); m(x)[0].sum().backward(); print(x.grad)",
    "changed in place": "m = nn.Linear(2, 2); m.register_full_backward_hook(lambda m, gi, go: None); x = torch.ones(1, 2, requires_grad=True); y = m(x)\n" + tried("y.add_(1)", "nn.Sequential(m, nn.ReLU(inplace=True))(x)"),
    "old backward": "m = nn.Sequential(nn.ReLU(), nn.Tanh())\nh = m.register_backward_hook(lambda m, gi, go: print(gi, go)); m(torch.ones(1, 2, requires_grad=True)).sum().backward()\n" + tried("m.register_full_backward_hook(lambda *a: None)") + "h.remove()\nn = nn.Linear(2, 1); n.register_full_backward_hook(lambda *a: None)\n" + tried("n.register_backward_hook(lambda *a: None)"),
    "without grad": "m = nn.Linear(2, 1); m.register_full_backward_hook(lambda *a: print('never')); m.register_full_backward_pre_hook(lambda *a: print('never'))\nwith torch.no_grad(): print(m(torch.ones(1, 2)).requires_grad)",
    "everywhere": "from torch.nn.modules import module as M\n"[:0] + "R = torch.nn.modules.module; h = R.register_module_forward_hook(lambda m, a, o: print(type(m).__name__, 'after')); p = R.register_module_forward_pre_hook(lambda m, a: print(type(m).__name__, 'before'))\nnn.Sequential(nn.ReLU())(torch.ones(1)); h.remove(); p.remove(); print(nn.ReLU()(torch.ones(1)))",
    "removed while called": "m = nn.ReLU(); h = m.register_forward_hook(lambda m, a, o: (h.remove(), o + 1)[1]); print(m(torch.ones(1)), m(torch.ones(1)))",
    "handle": "m = nn.ReLU(); h = m.register_forward_hook(lambda m, a, o: o + 1); print(type(h).__name__, isinstance(h.id, int)); h.remove(); h.remove(); print(m(torch.ones(1)))",
}
HELD = {
    "list operations": "l = nn.ModuleList([nn.ReLU(), nn.Tanh()]); l.insert(0, nn.ELU()); l.insert(1, nn.GELU()); print(l); l[1] = nn.Mish(); l[-1] = nn.Sigmoid(); print(l[1], l[-1], l[::2], l[::-1]); del l[1:3]; print(l, nn.Tanh in l, l[0] in l, list(reversed(l)), l.pop(-1), len(l)); m = l + [nn.ReLU()]; m += nn.ModuleList([nn.Tanh()]); print(m, l is m)\n" + tried("l[5] = nn.ReLU()", "del l[9]", "l['a']", "l[0] = 3", "nn.ModuleList(3)", "nn.ModuleList([3])", "l.pop(7)", "l + 3", "l[0:1] = [nn.ReLU()]"),
    "dict operations": "d = nn.ModuleDict([('a', nn.ReLU()), ('b', nn.Tanh())]); d.update({'c': nn.ELU(), 'a': nn.GELU()}); d.update(nn.ModuleDict({'z': nn.Mish()})); print(d, list(d.items())[0], list(reversed(list(d)))); print('a' in d, d.pop('a'), d.keys(), len(d), d['z'])\n" + tried("d.pop('none')", "d[3] = nn.ReLU()", "d['keys'] = nn.ReLU()", "d['pop'] = nn.ReLU()", "d['x'] = 3", "d['n'] = None; print(d)", "del d['none']", "nn.ModuleDict(3)", "nn.ModuleDict([1])", "nn.ModuleDict([('a',)])", "d.update()"),
    "parameter list": "l = nn.ParameterList([torch.ones(1), 3, 'a', None]); print(l, len(l)); l[0] = torch.zeros(2); print(type(l[0]).__name__, l[-2]); l[1:2]; l.append(nn.Parameter(torch.ones(1, 1))); l.extend([torch.ones(2)]); print([n for n, _ in l.named_parameters()], list(l.state_dict()), l[::2]); l += [4]; print(len(l), list(iter(l))[-1], l.pop() if hasattr(l, 'pop') else None)\n" + tried("l[99]", "l[99] = 1", "l.extend(torch.ones(2))", "nn.ParameterList(3)", "l['a']", "l()", "del l[0]; print(l)", "l += 3", "l.append(nn.ReLU()); print(l)"),
    "parameter dict": "d = nn.ParameterDict({'b': torch.ones(1), 'a': 3}); d['c'] = None; print(d, list(d), len(d), list(d.values())[1]); d |= {'e': torch.zeros(1)}; f = d | nn.ParameterDict({'g': 1}); g = nn.ParameterDict({'h': 2}) | d; print(list(f), list(g)); print(d.popitem()[0], d.get('x'), d.get('x', 5), d.setdefault('q', torch.ones(1)), list(d.copy().keys()), list(d.fromkeys(['u', 'v'], 1)), list(reversed(d)), [n for n, _ in d.named_parameters()]); d.clear(); print(d, len(d))\n" + tried("d.pop('x')", "del d['x']", "d['x']", "d[1]", "nn.ParameterDict(3)", "d.popitem()", "d['keys'] = torch.ones(1); print(list(d))", "d['a.b'] = torch.ones(1)", "d.update([1])", "d.update({'z': 1, 'y': 2}); print(list(d))", "d | 3", "d.update()"),
    "sequences": "from collections import OrderedDict\ns = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.ELU()); print(s[0:2], s[-1], s[::2], len(s)); s.insert(0, nn.GELU()); s.insert(-1, nn.Mish()); s.insert(len(s), nn.SiLU()); print(s); s.extend([nn.Sigmoid()]); s.append(nn.Softplus()); del s[0]; del s[1:3]; print(s, s.pop(0), s); s += nn.Sequential(nn.ReLU6()); s *= 2; print(s, 2 * nn.Sequential(nn.Tanh()), nn.Sequential(nn.Tanh()) * 3)\nn = nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh())); print(n[0], n.b, n[1:]); del n[0]; print(n); n.append(nn.ELU()); print(n)\n" + tried("s[99]", "s[99] = nn.ReLU()", "del s[99]", "s * 0", "s * 1.5", "s * 'a'", "s + [nn.ReLU()]", "s += 3", "s.insert(0, 3)", "s.insert(-99, nn.ReLU())", "s.append(3)", "s.extend(3)", "nn.Sequential(nn.ReLU)", "nn.Sequential({'a': nn.ReLU()})", "s *= 0", "s['a']", "nn.Sequential(None)", "s[0] = None; print(s[0])"),
    "subclasses": "class S(nn.Sequential): pass\nclass L(nn.ModuleList): pass\ns = S(nn.ReLU(), nn.Tanh()); print(type(s[:1]).__name__, type(s + s).__name__, type(s * 2).__name__, s); l = L([nn.ReLU(), nn.Tanh()]); print(type(l[:1]).__name__, type(l + l).__name__, l)",
    "repeated text": "print(nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh(), nn.Linear(2, 2), nn.Linear(2, 2)])); print(nn.Sequential(nn.ModuleList([nn.Sequential(nn.ReLU()), nn.Sequential(nn.ReLU())])))",
}
