# ruff: noqa: E501
"""Programs of training that mean the same under PyTorch and under funcgrad.torch: optimizers, schedules, data,
distributions, `func`. What PyTorch prints, and the tensors that it leaves, are stored in training_expected.json, by
`python -m tests.torch.training_programs`, with PyTorch installed."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.torch.programs import numbers, outcome

EXPECTED = Path(__file__).with_name("training_expected.json")
DTYPES = ("float64", "float32")

# Optimizers: fifty steps of a small network

NETWORK = """
w = torch.tensor([[0.5, -1.0], [2.0, 0.3], [-0.7, 1.1]], requires_grad=True)
b = torch.tensor([0.1, -0.2], requires_grad=True)
x = torch.tensor([[1.0, 2.0, -1.0], [0.5, -0.3, 0.8], [2.0, 0.1, -0.4], [-1.0, 1.5, 0.2]])
y = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [1.0, -1.0]])
def closure():
    optimizer.zero_grad()
    loss = ((torch.tanh(x @ w + b) - y) ** 2).mean()
    loss.backward()
    return loss
def keep_state():
    for i, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            if isinstance(value, torch.Tensor):
                globals()[f"state{i}_{name}"] = value
"""
LOOP = """
losses = torch.tensor([optimizer.step(closure).item() for _ in range({steps})])
print(optimizer)
print(w._version, w.is_leaf, w.requires_grad, len(optimizer.state))
print({{i: list(state) for i, state in optimizer.state_dict()["state"].items()}}, optimizer.state_dict()["param_groups"])
keep_state()
"""
MADE = {
    "SGD": "SGD([w, b], lr=0.1)",
    "SGD with momentum": "SGD([w, b], lr=0.1, momentum=0.9, weight_decay=0.01)",
    "SGD, Nesterov": "SGD([w, b], lr=0.1, momentum=0.9, nesterov=True)",
    "SGD, dampened, maximizing": "SGD([w, b], lr=0.01, momentum=0.9, dampening=0.1, maximize=True)",
    "SGD, foreach": "SGD([w, b], lr=0.1, momentum=0.9, foreach=True)",
    "SGD, rate in a tensor": "SGD([w, b], lr=torch.tensor(0.1), weight_decay=0.1)",
    "SGD, groups": "SGD([{'params': [w], 'lr': 0.2, 'momentum': 0.5}, {'params': b}], lr=0.1)",
    "Adam": "Adam([w, b], lr=0.05)",
    "Adam with decay": "Adam([w, b], lr=0.05, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1)",
    "Adam, amsgrad": "Adam([w, b], lr=0.05, amsgrad=True, maximize=True)",
    "Adam, slow mean": "Adam([w, b], lr=0.05, betas=(0.3, 0.9))",
    "AdamW": "AdamW([w, b], lr=0.05)",
    "AdamW, amsgrad": "AdamW([w, b], lr=0.05, amsgrad=True)",
    "RMSprop": "RMSprop([w, b], lr=0.02)",
    "RMSprop, centered": "RMSprop([w, b], lr=0.02, centered=True, momentum=0.5, weight_decay=0.1)",
    "Adagrad": "Adagrad([w, b], lr=0.1)",
    "Adagrad with decays": "Adagrad([w, b], lr=0.1, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.2)",
    "Adadelta": "Adadelta([w, b], weight_decay=0.1)",
    "Adamax": "Adamax([w, b], lr=0.05, weight_decay=0.1)",
    "NAdam": "NAdam([w, b], lr=0.05, weight_decay=0.1)",
    "NAdam, decoupled": "NAdam([w, b], lr=0.05, weight_decay=0.1, decoupled_weight_decay=True)",
    "RAdam": "RAdam([w, b], lr=0.05, betas=(0.9, 0.95))",
    "RAdam, decoupled": "RAdam([w, b], lr=0.05, weight_decay=0.1, decoupled_weight_decay=True)",
}
OPTIMIZERS = {name: f"{NETWORK}optimizer = torch.optim.{made}{LOOP.format(steps=50)}" for name, made in MADE.items()}
MADE_FOR_TEN_STEPS = {
    "Adafactor": "Adafactor([w, b])",
    "Adafactor with decay": "Adafactor([w, b], lr=0.1, eps=(1e-6, 1e-2), d=2.0, weight_decay=0.1)",
    "Adafactor, maximizing": "Adafactor([w, b], lr=torch.tensor(0.05), beta2_decay=-0.5, maximize=True)",
    "Muon": "Muon([w], lr=0.05)",
    "Muon, no Nesterov": "Muon([w], lr=0.05, weight_decay=0.0, momentum=0.5, nesterov=False, ns_steps=3)",
    "Muon, as AdamW": "Muon([w], lr=torch.tensor(0.02), adjust_lr_fn='match_rms_adamw')",
}
OPTIMIZERS |= {
    name: f"{NETWORK}optimizer = torch.optim.{made}{LOOP.format(steps=10)}" for name, made in MADE_FOR_TEN_STEPS.items()
}
STACK = """
w = torch.tensor([[[0.5, -1.0], [2.0, 0.3]], [[-0.7, 1.1], [0.2, 0.9]]], requires_grad=True)
optimizer = torch.optim.Adafactor([w])
for _ in range(5):
    optimizer.zero_grad(); (torch.sin(w) * w).sum().backward(); optimizer.step()
"""
OPTIMIZERS["Adafactor of a stack"] = STACK + "print([s.shape for s in optimizer.state[w].values()])"

BOWL = """
w = torch.tensor([-1.2, 1.0], requires_grad=True)
b = torch.tensor(0.5, requires_grad=True)
def closure():
    optimizer.zero_grad()
    loss = (1 - w[0]) ** 2 + 4 * (w[1] - w[0] ** 2) ** 2 + (b - w[1]) ** 4
    loss.backward()
    return loss
"""
SEARCHES = {
    "LBFGS": BOWL
    + "optimizer = torch.optim.LBFGS([w, b], lr=0.3, max_iter=4)\n"
    + "losses = torch.tensor([optimizer.step(closure).item() for _ in range(6)])\nprint(optimizer, w._version)\n"
    + "print(list(optimizer.state_dict()['state'][0]), optimizer.state[w]['n_iter'], optimizer.state[w]['func_evals'])",
    "LBFGS, strong Wolfe": BOWL
    + "optimizer = torch.optim.LBFGS([w, b], line_search_fn='strong_wolfe', history_size=3, max_iter=3)\n"
    + "losses = torch.tensor([optimizer.step(closure).item() for _ in range(3)])\nprint(optimizer)\n"
    + "print(optimizer.state[w]['n_iter'], optimizer.state[w]['func_evals'])\nd = optimizer.state[w]['d']",
    "LBFGS, at the minimum": "w = torch.zeros(2, requires_grad=True)\noptimizer = torch.optim.LBFGS([w])\n"
    + "def closure():\n    optimizer.zero_grad(); loss = (w * w).sum(); loss.backward(); return loss\n"
    + "print(optimizer.step(closure), optimizer.state_dict())",
    "LBFGS, groups": "torch.optim.LBFGS([{'params': torch.zeros(1)}, {'params': torch.ones(1)}])",
    "LBFGS, other search": BOWL + "optimizer = torch.optim.LBFGS([w, b], line_search_fn='golden'); optimizer.step(closure)",
}

MODULE = "from importlib import import_module\nmodule = import_module(torch.__name__ + '.optim.optimizer')\n"
P = "p = torch.tensor([1.0, 2.0], requires_grad=True)\nq = torch.tensor([3.0], requires_grad=True)\n"
STEP = "(p * p).sum().backward(); optimizer.step()\n"
MANNERS = {
    "a tensor for parameters": P + "torch.optim.SGD(p, lr=0.1)",
    "no parameters": "torch.optim.SGD([], lr=0.1)",
    "numbers for parameters": "torch.optim.SGD([1.0], lr=0.1)",
    "computed parameters": P + "torch.optim.SGD([p * 2], lr=0.1)",
    "a set": P + "torch.optim.SGD([{'params': {p}}], lr=0.1)",
    "duplicates": P + "torch.optim.SGD([p, p], lr=0.1)",
    "twice": P + "torch.optim.SGD([{'params': [p]}, {'params': [p]}], lr=0.1)",
    "a list for a group": P + "torch.optim.SGD([p], lr=0.1).add_param_group([q])",
    "names": P + "print(torch.optim.SGD([('p', p), ('q', q)], lr=0.1).state_dict())",
    "some names": P + "torch.optim.SGD([('p', p), q], lr=0.1)",
    "names in one group": P + "torch.optim.SGD([('p', p)], lr=0.1).add_param_group({'params': q})",
    "negative rate": P + "torch.optim.SGD([p], lr=-1.0)",
    **{
        f"Adafactor, {option}": P + f"torch.optim.Adafactor([p], {option})"
        for option in ("lr=-1.0", "beta2_decay=0.5", "eps=(-1.0, 1e-3)", "eps=(None, -1.0)", "d=0.5", "weight_decay=-1.0")
    },
    **{
        f"Muon, {option}": f"w = torch.ones(2, 3, requires_grad=True); o = torch.optim.Muon([w], {option}); w.sum().backward(); o.step()"
        for option in ("lr=-1.0", "momentum=-1.0", "weight_decay=-1.0", "adjust_lr_fn='other'", "ns_steps=100", "ns_coefficients=(1.0, 2.0)")
    },
    "Muon of a vector": P + "torch.optim.Muon([p])",
    **{
        f"{name} of complex numbers": f"w = torch.ones(2, 3, dtype=torch.complex64, requires_grad=True); o = torch.optim.{name}([w]); w.abs().sum().backward(); o.step()"
        for name in ("Adafactor", "Muon")
    },
    "negative momentum": P + "torch.optim.SGD([p], momentum=-1.0)",
    "negative decay": P + "torch.optim.Adam([p], weight_decay=-1.0)",
    "negative epsilon": P + "torch.optim.RMSprop([p], eps=-1.0)",
    "beta": P + "torch.optim.Adam([p], betas=(0.9, 1.0))",
    "betas of two kinds": P + "torch.optim.Adam([p], betas=(0.9, 0))",
    "rho": P + "torch.optim.Adadelta([p], rho=1.5)",
    "alpha": P + "torch.optim.RMSprop([p], alpha=-0.5)",
    "momentum decay": P + "torch.optim.NAdam([p], momentum_decay=-0.5)",
    "accumulator": P + "torch.optim.Adagrad([p], initial_accumulator_value=-0.5)",
    "rate of two elements": P + "torch.optim.Adam([p], lr=torch.ones(2))",
    "rate in a tensor, foreach": P + "torch.optim.Adam([p], lr=torch.tensor(0.1), foreach=True)",
    "Nesterov without momentum": P + "torch.optim.SGD([p], nesterov=True)",
    "fused and foreach": P + "torch.optim.Adam([p], fused=True, foreach=True)",
    "fused and differentiable": P + "torch.optim.SGD([p], fused=True, differentiable=True)",
    "capturable": P + "optimizer = torch.optim.Adam([p], capturable=True)\n" + STEP,
    "fused": P + "optimizer = torch.optim.Adam([p], fused=True)\n" + STEP + "print(optimizer, optimizer.state_dict())",
    "missing option": P
    + MODULE
    + "class Own(torch.optim.Optimizer):\n    def __init__(self, params): super().__init__(params, {'rate': 1.0, 'other': module.required})\n"
    + "print(module.required); Own([p])",
    "one's own": P
    + "class Own(torch.optim.Optimizer):\n"
    + "    def __init__(self, params, rate): super().__init__(params, {'rate': rate})\n"
    + "    @torch.no_grad()\n    def step(self):\n        for group in self.param_groups:\n"
    + "            for p in group['params']: p -= group['rate'] * p.grad\n"
    + "optimizer = Own([p], 0.1)\noptimizer.register_step_post_hook(lambda *args: print('after', len(args)))\n"
    + STEP
    + "print(p, optimizer)",
    "without a step": P + "torch.optim.Optimizer([p], {}).step()",
    "groups": P
    + "optimizer = torch.optim.SGD([p], lr=0.1)\noptimizer.add_param_group({'params': [q], 'lr': 1.0})\nprint(optimizer, optimizer.state_dict())",
    "zero_grad": P
    + "optimizer = torch.optim.SGD([p, q], lr=0.1)\n(p * p).sum().backward(); g = p.grad\noptimizer.zero_grad(set_to_none=False); print(p.grad, g is p.grad, q.grad)\n"
    + "optimizer.zero_grad(); print(p.grad)",
    "no gradient": P + "optimizer = torch.optim.Adam([p, q], lr=0.1)\n" + STEP + "print(len(optimizer.state), q._version)",
    "hooks": P
    + "optimizer = torch.optim.SGD([p], lr=0.1)\n"
    + "optimizer.register_step_pre_hook(lambda o, args, kwargs: print('before', o is optimizer, len(args), kwargs))\n"
    + "handle = optimizer.register_step_post_hook(lambda o, args, kwargs: print('after', p))\n"
    + STEP
    + "handle.remove()\n"
    + STEP
    + "optimizer.register_step_pre_hook(lambda o, args, kwargs: 3)\nprint(str(p))",
    "hooks of state_dict": P
    + "optimizer = torch.optim.SGD([p], lr=0.1)\noptimizer.register_state_dict_pre_hook(lambda o: print('before'))\n"
    + "optimizer.register_state_dict_post_hook(lambda o, d: d | {'more': 1})\nprint(optimizer.state_dict()['more'])\n"
    + "optimizer.register_load_state_dict_pre_hook(lambda o, d: print(sorted(d)))\noptimizer.register_load_state_dict_post_hook(lambda o: print('loaded'))\n"
    + "optimizer.load_state_dict(optimizer.state_dict())",
    "hooks of all": P
    + MODULE
    + "a = module.register_optimizer_step_pre_hook(lambda *args: print('before all'))\n"
    + "b = module.register_optimizer_step_post_hook(lambda *args: print('after all'))\n"
    + "optimizer = torch.optim.SGD([p], lr=0.1)\n"
    + STEP
    + "a.remove(); b.remove()\n"
    + STEP,
    "saved and loaded": NETWORK
    + "optimizer = torch.optim.Adam([{'params': [w], 'lr': 0.1}, {'params': [b]}], lr=0.05)\n"
    + "for _ in range(3): optimizer.step(closure)\n"
    + "saved = optimizer.state_dict(); print(saved['param_groups'], sorted(saved['state']))\n"
    + "w2, b2 = w.detach().clone().requires_grad_(), b.detach().clone().requires_grad_()\n"
    + "other = torch.optim.Adam([{'params': [w2]}, {'params': [b2]}], lr=0.7)\nother.load_state_dict(saved)\nprint(other)\n"
    + "first, optimizer = optimizer, other\nw.grad = b.grad = None\n"
    + "w, b, kept = w2, b2, (w, b)\nfor _ in range(3): optimizer.step(closure)\nkeep_state()",
    "loaded in another dtype": P
    + "optimizer = torch.optim.Adam([p], lr=0.1)\n"
    + STEP
    + "r = p.detach().to(torch.float64).requires_grad_()\nother = torch.optim.Adam([r]); other.load_state_dict(optimizer.state_dict())\n"
    + "print({name: t.dtype for name, t in other.state[r].items()})",
    "loaded, other groups": P
    + "torch.optim.SGD([p]).load_state_dict(torch.optim.SGD([{'params': p}, {'params': q}]).state_dict())",
    "loaded, other sizes": P + "torch.optim.SGD([p]).load_state_dict(torch.optim.SGD([p, q]).state_dict())",
    "copied": P
    + "import copy, pickle\noptimizer = torch.optim.Adam([p], lr=0.1)\n"
    + STEP
    + "print(copy.deepcopy(optimizer)); print(pickle.loads(pickle.dumps(optimizer)).state_dict()['param_groups'])",
    "saved value modified": P + "optimizer = torch.optim.SGD([p], lr=0.1)\nloss = (p * p).sum(); loss.backward(retain_graph=True); optimizer.step(); loss.backward()",
    "under the eyes of views": P
    + "v, d = p[:1], p.detach()\noptimizer = torch.optim.SGD([p], lr=0.1)\n"
    + STEP
    + "print(v, d, p)",
    "a view with a base": P + "r = torch.zeros(2, 2)\ns = r[0].requires_grad_()\noptimizer = torch.optim.SGD([s], lr=0.1)\ns.sum().backward(); optimizer.step(); print(r, s)",
    "complex": "p = torch.tensor([1 + 2j, 0.5 - 1j], requires_grad=True)\nfor name in ('SGD', 'Adam', 'RMSprop', 'Adagrad', 'Adamax'):\n"
    + "    optimizer = getattr(torch.optim, name)([p], lr=0.1)\n    for _ in range(3):\n"
    + "        optimizer.zero_grad(); (p * p.conj()).real.sum().backward(); optimizer.step()\n    print(p)",
    "no dimensions": "p = torch.tensor(2.0, requires_grad=True)\nfor name in ('SGD', 'Adam', 'RMSprop', 'Adadelta', 'NAdam', 'RAdam'):\n"
    + "    optimizer = getattr(torch.optim, name)([p], lr=0.1)\n    (p * p).backward(); optimizer.step()\nprint(p, p.shape, p._version)",
    "unknown option": P + "torch.optim.SGD([p], rate=1.0)",
    "differentiable, a leaf": P + "optimizer = torch.optim.SGD([p], lr=0.1, differentiable=True)\n(p * p).sum().backward(); optimizer.step()",
}
THROUGH = """
rate = torch.tensor(0.1, requires_grad=True)
start = torch.tensor([1.0, -2.0, 0.5], requires_grad=True)
p = start.clone()
optimizer = torch.optim.{made}
for _ in range(3):
    q = p.clone()
    (g,) = torch.autograd.grad((q ** 4).sum(), q, create_graph=True)
    p.grad = g
    optimizer.step()
loss = (p * p).sum()
loss.backward()
"""
DIFFERENTIATED = {
    f"through {made}": THROUGH.format(made=made)
    for made in (
        "SGD([p], lr=0.02, momentum=0.5, differentiable=True)",
        "SGD([p], lr=rate, differentiable=True)",
        "Adam([p], lr=0.1, differentiable=True)",
        "RMSprop([p], lr=0.1, differentiable=True)",
        "Adagrad([p], lr=0.1, differentiable=True)",
        "Adadelta([p], differentiable=True)",
    )
}

# Schedules: the rates of thirty epochs, of two groups

GROUPS = """
p, q = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
optimizer = torch.optim.SGD([{'params': p}, {'params': q, 'lr': 0.03}], lr=0.5, momentum=0.9)
s = torch.optim.lr_scheduler
"""
EPOCHS = """
rates = [scheduler.get_last_lr()]
for epoch in range(30):
    optimizer.step(); scheduler.step({metric})
    rates.append(scheduler.get_last_lr())
rates = torch.tensor(rates, dtype=torch.float64)
momenta = torch.tensor([group['momentum'] for group in optimizer.param_groups], dtype=torch.float64)
print({{name: value for name, value in scheduler.state_dict().items() if name not in ('_scale_fn_ref',)}})
print(optimizer)
"""
SCHEDULERS = {
    "LambdaLR": "LambdaLR(optimizer, [lambda epoch: 0.9 ** epoch, lambda epoch: 1 / (1 + epoch)])",
    "MultiplicativeLR": "MultiplicativeLR(optimizer, lambda epoch: 0.95)",
    "StepLR": "StepLR(optimizer, 4, gamma=0.3)",
    "MultiStepLR": "MultiStepLR(optimizer, [3, 7, 7, 20])",
    "ConstantLR": "ConstantLR(optimizer)",
    "LinearLR": "LinearLR(optimizer, 0.2, 0.9, total_iters=11)",
    "ExponentialLR": "ExponentialLR(optimizer, 0.9)",
    "PolynomialLR": "PolynomialLR(optimizer, total_iters=12, power=2.0)",
    "CosineAnnealingLR": "CosineAnnealingLR(optimizer, 7, eta_min=0.01)",
    "CosineAnnealingWarmRestarts": "CosineAnnealingWarmRestarts(optimizer, 3, T_mult=2, eta_min=0.001)",
    "CyclicLR": "CyclicLR(optimizer, 0.01, [0.1, 0.2], step_size_up=4, step_size_down=3)",
    "CyclicLR, halved": "CyclicLR(optimizer, 0.01, 0.1, step_size_up=4, mode='triangular2', cycle_momentum=False)",
    "CyclicLR, decaying": "CyclicLR(optimizer, 0.01, 0.1, step_size_up=4, mode='exp_range', gamma=0.9)",
    "OneCycleLR": "OneCycleLR(optimizer, [0.5, 1.0], total_steps=40)",
    "OneCycleLR, three phases": "OneCycleLR(optimizer, 0.5, epochs=4, steps_per_epoch=9, three_phase=True, anneal_strategy='linear')",
    "ChainedScheduler": "ChainedScheduler([s.ConstantLR(optimizer, 0.1, 4), s.ExponentialLR(optimizer, 0.9)])",
    "SequentialLR": "SequentialLR(optimizer, [s.LinearLR(optimizer, 0.1, total_iters=5), s.CosineAnnealingLR(optimizer, 20)], [5])",
}
SCHEDULES = {
    name: f"{GROUPS}scheduler = s.{made}{EPOCHS.format(metric='')}" for name, made in SCHEDULERS.items()
} | {
    "ReduceLROnPlateau": GROUPS
    + "scheduler = s.ReduceLROnPlateau(optimizer, patience=2, cooldown=1, min_lr=[0.01, 0.001])"
    + EPOCHS.format(metric="1 / (1 + min(epoch, 6))"),
    "ReduceLROnPlateau, upward": GROUPS
    + "scheduler = s.ReduceLROnPlateau(optimizer, 'max', 0.5, patience=1, threshold=0.01, threshold_mode='abs')"
    + EPOCHS.format(metric="torch.tensor(float(epoch % 5))"),
    "the order of steps": GROUPS + "scheduler = s.StepLR(optimizer, 3)\nscheduler.step()\nprint(scheduler.get_last_lr())",
    "another step": GROUPS + "scheduler = s.StepLR(optimizer, 3)\noptimizer.step = lambda: None\nscheduler.step()",
    "asked outside": GROUPS + "print(s.ExponentialLR(optimizer, 0.5).get_lr())",
    "by epoch": GROUPS + "scheduler = s.StepLR(optimizer, 3)\noptimizer.step(); scheduler.step(7); print(scheduler.get_last_lr(), scheduler.last_epoch)",
    "no optimizer": "torch.optim.lr_scheduler.StepLR(3, 3)",
    "resumed": GROUPS + "s.StepLR(optimizer, 3, last_epoch=4)",
    "too many steps": GROUPS + "scheduler = s.OneCycleLR(optimizer, 0.1, total_steps=2)\nfor _ in range(3): optimizer.step(); scheduler.step()",
    "one cycle of nothing": GROUPS + "s.OneCycleLR(optimizer, 0.1)",
    "lambdas": GROUPS + "s.LambdaLR(optimizer, [lambda e: 1.0])",
    "no lambda": GROUPS + "s.MultiplicativeLR(optimizer, 0.5)",
    "factor": GROUPS + "s.ConstantLR(optimizer, 2.0)",
    "start factor": GROUPS + "s.LinearLR(optimizer, 0.0)",
    "end factor": GROUPS + "s.LinearLR(optimizer, 0.5, 2.0)",
    "plateau factor": GROUPS + "s.ReduceLROnPlateau(optimizer, factor=1.0)",
    "plateau mode": GROUPS + "s.ReduceLROnPlateau(optimizer, 'least')",
    "plateau in a sequence": GROUPS + "s.SequentialLR(optimizer, [s.ReduceLROnPlateau(optimizer)], [])",
    "milestones": GROUPS + "s.SequentialLR(optimizer, [s.StepLR(optimizer, 3)], [4])",
    "nothing chained": "torch.optim.lr_scheduler.ChainedScheduler([])",
    "no momentum": "optimizer = torch.optim.Adagrad([torch.zeros(1, requires_grad=True)])\ntorch.optim.lr_scheduler.CyclicLR(optimizer, 0.1, 0.2)",
    "warm restarts of nothing": GROUPS + "s.CosineAnnealingWarmRestarts(optimizer, 0)",
    "Adam's betas": "p = torch.zeros(1, requires_grad=True)\noptimizer = torch.optim.Adam([p])\nscheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=9)\n"
    + "for _ in range(5): optimizer.step(); scheduler.step(); print(optimizer.param_groups[0]['betas'], scheduler.get_last_lr())",
    "rate in a tensor": "rate = torch.tensor(0.5)\noptimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)\n"
    + "scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)\noptimizer.step(); scheduler.step(); print(rate, scheduler.get_last_lr(), optimizer.param_groups[0]['lr'] is rate)",
    "state loaded": GROUPS
    + "scheduler = s.LambdaLR(optimizer, lambda e: 0.5 ** e)\nfor _ in range(3): optimizer.step(); scheduler.step()\n"
    + "other = s.LambdaLR(optimizer, lambda e: 0.5 ** e); other.load_state_dict(scheduler.state_dict()); optimizer.step(); other.step(); print(other.get_last_lr(), other.state_dict())",
}

# Data

D = "d = torch.utils.data\ndata = d.TensorDataset(torch.arange(10.0), torch.arange(20).view(10, 2))\ntorch.manual_seed(4)\n"
DATA = {
    "batches": D + "for x, y in d.DataLoader(data, batch_size=4): print(x, y)",
    "shuffled": D + "loader = d.DataLoader(data, batch_size=4, shuffle=True)\nfor _ in range(2): print([x for x, y in loader])\nprint(torch.rand(2))",
    "a generator": D + "g = torch.Generator(); g.manual_seed(7)\nloader = d.DataLoader(data, batch_size=3, shuffle=True, generator=g, drop_last=True)\nfor _ in range(2): print([x for x, y in loader])\nprint(len(loader), torch.rand(2, generator=g), torch.rand(1))",
    "lengths": D + "loader = d.DataLoader(data, batch_size=4)\nprint(len(loader), len(iter(loader)), len(d.DataLoader(data, batch_size=4, drop_last=True)))",
    "one by one": D + "print(list(d.DataLoader(data, batch_size=None))[:2], len(d.DataLoader(data)))",
    "a sampler": D + "print([x for x, _ in d.DataLoader(data, sampler=[3, 1, 4], batch_size=2)])",
    "a batch sampler": D + "print([x for x, _ in d.DataLoader(data, batch_sampler=d.BatchSampler(d.SequentialSampler(data), 4, False))])",
    "samplers": D + "print(list(d.RandomSampler(range(7))), list(d.RandomSampler(range(5), replacement=True, num_samples=40)), list(d.RandomSampler(range(3), num_samples=8)))\n"
    + "print(list(d.SubsetRandomSampler([5, 3, 9])), list(d.WeightedRandomSampler([0.1, 0.6, 0.3], 12)), list(d.WeightedRandomSampler([1.0, 2.0, 3.0], 3, replacement=False)))",
    "split": D + "print([list(part.indices) for part in d.random_split(range(10), [3, 7])], [len(p) for p in d.random_split(range(10), [0.55, 0.25, 0.2])])\nprint(d.random_split(data, [9, 1])[1][0])",
    "split, a generator": D + "print([p.indices for p in d.random_split(range(6), [2, 4], generator=torch.Generator().manual_seed(3))])",
    "split, wrong sum": D + "d.random_split(range(10), [3, 3])",
    "split, nothing left": D + "print([len(p) for p in d.random_split(range(1), [0.5, 0.5])])",
    "collated": D + "from collections import namedtuple\nPair = namedtuple('Pair', 'a b')\n"
    + "for batch in ([1, 2], [1.5, 2.5], [True, False], ['a', 'b'], [(1, 2.0), (3, 4.0)], [[1, 2], [3, 4]], [{'a': 1, 'b': torch.ones(2)}, {'a': 2, 'b': torch.zeros(2)}],\n"
    + "              [np.float32(1), np.float32(2)], [np.arange(2), np.arange(2)], [Pair(1, 2.0), Pair(3, 4.0)], [torch.ones(2), torch.zeros(2)]): print(d.default_collate(batch))",
    "collated, sizes": D + "d.default_collate([[1], [1, 2]])",
    "collated, unknown": D + "d.default_collate([None, None])",
    "collated, text arrays": D + "d.default_collate([np.array(['a']), np.array(['b'])])",
    "converted": D + "print(d.default_convert([1, np.ones(2), {'a': np.float32(2)}, (1, 'a')]))",
    "own collate": D + "print(list(d.DataLoader(range(5), batch_size=2, collate_fn=sum)))",
    "joined": D + "both = data + d.TensorDataset(torch.ones(2), torch.ones(2, 2))\nprint(len(both), both[11], both[-12], type(both).__name__, len(d.Subset(both, [1, 11])), d.Subset(both, [1, 11])[1])",
    "beyond": D + "(data + data)[-21]",
    "stacked": D + "s = d.StackDataset(range(3), [5, 6, 7]); print(s[1], len(s), d.StackDataset(a=range(2))[1])",
    "sizes differ": D + "d.TensorDataset(torch.ones(2), torch.ones(3))",
    "iterated": D + "class Own(d.IterableDataset):\n    def __iter__(self): return iter(range(7))\n"
    + "print(list(d.DataLoader(Own(), batch_size=3)), list(d.DataLoader(Own(), batch_size=3, drop_last=True)), list(d.DataLoader(Own(), batch_size=None)))\n"
    + "print(list(d.DataLoader(d.ChainDataset([Own(), Own()]), batch_size=10)), type(Own() + Own()).__name__)\nd.DataLoader(Own(), shuffle=True)",
    "iterated, length": D + "class Own(d.IterableDataset):\n    def __iter__(self): return iter(range(5))\n    def __len__(self): return 2\n    def __repr__(self): return 'Own'\n"
    + "loader = d.DataLoader(Own(), batch_size=None)\nprint(len(loader), list(loader))",
    "no elements": D + "d.Dataset()[0]",
    "exclusive": D + "d.DataLoader(data, sampler=[1], shuffle=True)",
    "exclusive batches": D + "d.DataLoader(data, batch_sampler=[[1]], batch_size=2)",
    "nothing to drop": D + "d.DataLoader(data, batch_size=None, drop_last=True)",
    "negative workers": D + "d.DataLoader(data, num_workers=-1)",
    "prefetch": D + "d.DataLoader(data, prefetch_factor=2)",
    "batch size": D + "d.DataLoader(data, batch_size=0)",
    "fixed": D + "loader = d.DataLoader(data)\nloader.batch_size = 3",
    "a map": D + "class Squares(d.Dataset):\n    def __len__(self): return 5\n    def __getitem__(self, i): return {'i': i, 'square': torch.tensor(i * i)}\n"
    + "for batch in d.DataLoader(Squares(), batch_size=2): print(batch)",
    "sampler of nothing": D + "d.RandomSampler([])",
    "weights": D + "d.WeightedRandomSampler([[0.1]], 2)",
}

# Distributions: moments, entropies, densities and samples, with their gradients

MADE_OF = {
    "Normal": ("p(0.3, -1.0), p(0.5, 2.0)", "loc", (0.7, -1.5)),
    "LogNormal": ("p(0.3, -1.0), p(0.5, 2.0)", "cdf", (0.7, 1.5)),
    "Laplace": ("p(0.3, -1.0), p(0.5, 2.0)", "cdf", (0.7, -1.5)),
    "Uniform": ("p(0.0, -1.0), p(0.9, 2.0)", "cdf", (0.7, -0.5)),
    "Exponential": ("p(0.3, 2.0)", "cdf", (0.7, 1.5)),
    "Gamma": ("p(0.3, 2.0), p(1.0, 3.0)", "", (0.7, 1.5)),
    "Beta": ("p(0.3, 2.0), p(1.5, 3.0)", "", (0.7, 0.2)),
    "Dirichlet": ("p([0.3, 2.0, 1.0], [1.0, 2.0, 3.0])", "", ([0.2, 0.3, 0.5], [0.1, 0.1, 0.8])),
    "Bernoulli": ("p(0.3, 0.8)", "", (1.0, 0.0)),
    "Bernoulli of logits": ("logits=p(0.3, -3.0)", "", (1.0, 0.0)),
    "Categorical": ("p([0.3, 0.2, 0.4], [1.0, 2.0, 3.0])", "", (1, 2)),
    "Categorical of logits": ("logits=p([0.3, 0.2, 0.4], [1.0, 2.0, 3.0])", "", (1, 0)),
    "Binomial": ("10, p(0.3, 0.8)", "", (2.0, 10.0)),
    "Binomial of logits": ("40, logits=p(0.3, -0.8)", "", (2.0, 10.0)),
    "Poisson": ("p(0.3, 14.0)", "", (2.0, 10.0)),
    "MultivariateNormal": ("p([0.3, 1.0], [0.0, 1.0]), p([2.0, 0.5], [0.5, 1.0])", "", ([0.2, 0.3], [0.1, 0.8])),
    "MultivariateNormal of a triangle": ("p([0.3, 1.0], [0.0, 1.0]), scale_tril=p([2.0, 0.0], [0.5, 1.0])", "", ([0.2, 0.3], [0.1, 0.8])),
    "MultivariateNormal of a precision": ("p([0.3, 1.0], [0.0, 1.0]), precision_matrix=p([2.0, 0.5], [0.5, 1.0])", "", ([0.2, 0.3], [0.1, 0.8])),
}
MADE_HERE = """
d = torch.distributions
torch.manual_seed(3)
parameters = []
def p(*numbers):
    parameters.append(torch.tensor(list(numbers), requires_grad=True))
    return parameters[-1]
"""
MOMENTS = """
print(made, made.batch_shape, made.event_shape, made.has_rsample)
for name in ("mean", "variance", "stddev", "mode"):
    try: globals()[name] = getattr(made, name)
    except Exception as error: print(name, type(error).__name__, error)
value = torch.tensor({at})
density = made.log_prob(value)
density.sum().backward()
slopes = torch.cat([q.grad.reshape(-1) for q in parameters])
sample = made.expand((3, *made.batch_shape)).sample((2,))
print(sample.shape, sample.dtype)
{more}
"""
OF_ENTROPY = """
for q in parameters: q.grad = None
try:
    entropy = made.entropy(); entropy.sum().backward()
    more = torch.cat([q.grad.reshape(-1) for q in parameters if q.grad is not None])
except Exception as error: print(type(error).__name__, error)
"""
OF_CDF = "below = made.cdf(value); where = made.icdf(torch.tensor([0.2, 0.7])); (below.sum() + where.sum()).backward()"
DENSITIES = {
    f"{name}": f"{MADE_HERE}made = d.{name.partition(' ')[0]}({arguments})"
    + MOMENTS.format(at=list(at), more=(OF_CDF if kind else "") + OF_ENTROPY)
    for name, (arguments, kind, at) in MADE_OF.items()
}
PATHWISE = {
    f"samples of {name} move": f"{MADE_HERE}made = d.{name.partition(' ')[0]}({arguments})\n"
    + "drawn = made.rsample((5,))\n(drawn * drawn).sum().backward()\nslopes = torch.cat([q.grad.reshape(-1) for q in parameters])"
    for name, (arguments, _, _) in MADE_OF.items()
    if not name.startswith(("Bernoulli", "Categorical", "Binomial", "Poisson"))
}
PAIRS = [
    ("Bernoulli", "Poisson"), ("Beta", "Exponential"), ("Beta", "Gamma"), ("Beta", "Normal"), ("Beta", "Uniform"),
    ("Exponential", "Beta"), ("Exponential", "Gamma"), ("Exponential", "Normal"), ("Exponential", "Uniform"),
    ("Gamma", "Beta"), ("Gamma", "Exponential"), ("Gamma", "Normal"), ("Gamma", "Uniform"), ("Laplace", "Beta"),
    ("Laplace", "Normal"), ("Laplace", "Uniform"), ("Normal", "Gamma"), ("Normal", "Laplace"), ("Poisson", "Bernoulli"),
    ("Poisson", "Binomial"), ("Uniform", "Beta"), ("Uniform", "Exponential"), ("Uniform", "Gamma"), ("Uniform", "Normal"),
    ("Poisson", "Exponential"), ("Laplace", "Poisson"), ("Categorical", "Normal"),
    *((name, name) for name in MADE_OF if " of " not in name),
]  # fmt: skip
OTHER = {"0.3": "0.4", "-1.0": "-1.25", "0.5": "0.6", "0.2": "0.25"}


def another(arguments: str) -> str:
    for here, there in OTHER.items():
        arguments = arguments.replace(here, there)
    return arguments


DIVERGENCES = {
    f"from {a} to {b}": f"{MADE_HERE}first, second = d.{a}({MADE_OF[a][0]}), d.{b}({another(MADE_OF[b][0])})\n"
    + "kl = d.kl_divergence(first, second)\n"
    + "if kl.requires_grad:\n    kl.sum().backward(); slopes = torch.cat([q.grad.reshape(-1) for q in parameters if q.grad is not None])"
    for a, b in PAIRS
}
N = "d = torch.distributions\n"
CHECKS = {
    "files": "import importlib\nfor name, one in (('normal', 'Normal'), ('categorical', 'Categorical'), ('bernoulli', 'Bernoulli'), ('beta', 'Beta'), ('gamma', 'Gamma'), ('dirichlet', 'Dirichlet'), ('uniform', 'Uniform'), ('multivariate_normal', 'MultivariateNormal'), ('kl', 'kl_divergence'), ('independent', 'Independent')):\n"
    "  print(name, getattr(importlib.import_module(torch.__name__ + '.distributions.' + name), one) is getattr(torch.distributions, one))",
    "scale": N + "d.Normal(0.0, -1.0)",
    "scale of several": N + "d.Normal(torch.zeros(2), torch.tensor([1.0, 0.0]))",
    "mean": N + "d.Normal(torch.tensor(float('nan')), 1.0)",
    "unchecked": N + "print(d.Normal(0.0, -1.0, validate_args=False))",
    "never checked": N + "d.Distribution.set_default_validate_args(False); print(d.Normal(0.0, -1.0)); d.Distribution.set_default_validate_args(True)",
    "value": N + "d.Gamma(1.0, 1.0).log_prob(torch.tensor(-1.0))",
    "value of a shape": N + "d.Normal(torch.zeros(3), 1.0).log_prob(torch.zeros(2))",
    "value of an event": N + "d.Dirichlet(torch.ones(3)).log_prob(torch.ones(2) / 2)",
    "shapes": N + "d.Normal(torch.zeros(2), torch.ones(3))",
    "no number": N + "d.Normal('a', 1.0)",
    "no tensor": N + "d.Normal(0.0, 1.0).log_prob(1.0)",
    "simplex": N + "d.Dirichlet(torch.ones(3)).log_prob(torch.ones(3))",
    "probabilities": N + "d.Bernoulli(torch.tensor([0.5, 1.5]))",
    "both": N + "d.Bernoulli(0.5, logits=0.0)",
    "neither": N + "d.Categorical()",
    "category": N + "d.Categorical(torch.ones(3)).log_prob(torch.tensor(3))",
    "half a count": N + "d.Poisson(3.0).log_prob(torch.tensor(1.5))",
    "count": N + "d.Binomial(3, torch.tensor(0.5)).log_prob(torch.tensor(4.0))",
    "covariance": N + "d.MultivariateNormal(torch.zeros(2), torch.tensor([[1.0, 2.0], [2.0, 1.0]]))",
    "two matrices": N + "d.MultivariateNormal(torch.zeros(2), torch.eye(2), torch.eye(2))",
    "empty interval": N + "d.Uniform(1.0, 0.0)",
    "outside": N + "d.Uniform(0.0, 1.0).log_prob(torch.tensor(2.0))",
    "shown": N + "print(d.Normal(torch.zeros(3), 1.0), d.Normal(torch.zeros(1), 1.0), d.Beta(1.0, 2.0), d.Independent(d.Normal(torch.zeros(3), 1.0), 1), d.Categorical(torch.ones(2)), d.Uniform(0.0, 1.0))",
    "constraints": N + "c = d.constraints\nprint(c.positive, c.unit_interval, c.simplex, c.real_vector, c.integer_interval(0, 3), c.lower_cholesky, c.interval(0, 1), c.boolean, c.positive_definite, c.less_than(2))\n"
    + "print(c.simplex.check(torch.tensor([[0.5, 0.5], [0.5, 0.6]])), c.lower_cholesky.check(torch.eye(2)), c.positive_definite.check(torch.eye(2)), c.boolean.check(torch.tensor([0.0, 0.5])), c.stack([c.real, c.positive]).check(torch.tensor([-1.0, -1.0])))",
    "supports": N + "print(d.Normal(0.0, 1.0).support, d.Categorical(torch.ones(3)).support, d.Gamma(1.0, 1.0).support, d.Independent(d.Gamma(torch.ones(2), 1.0), 1).support, d.Normal.arg_constraints)",
    "enumerated": N + "print(d.Categorical(torch.ones(2, 3)).enumerate_support(), d.Bernoulli(torch.tensor([0.5, 0.5])).enumerate_support(expand=False), d.Binomial(3, torch.tensor(0.5)).enumerate_support())",
    "not enumerated": N + "d.Normal(0.0, 1.0).enumerate_support()",
    "too many dims": N + "d.Independent(d.Normal(torch.zeros(2), 1.0), 2)",
    "independent": N + "torch.manual_seed(1)\nmade = d.Independent(d.Normal(torch.zeros(3, 2), 1.0), 1)\nx = made.sample((2,)); print(x.shape, made.log_prob(x).shape, made.entropy(), made.batch_shape, made.event_shape, made.expand((4, 3)))",
    "sampled twice": N + "print(d.Poisson(3.0).has_rsample)\nd.Poisson(3.0).rsample()",
    "numbers": N + "torch.manual_seed(0)\nprint(d.Normal(0, 1).sample(), d.Gamma(2.0, 1.0).sample((2,)), d.Beta(1.0, 2.0).sample(), d.Exponential(2.0).sample((2,)), d.Bernoulli(0.5).sample((3,)), d.Poisson(30.0).sample((3,)))",
    "counts": N + "torch.manual_seed(0)\nprint(d.Categorical(torch.tensor([0.1, 0.2, 0.7])).sample((30,)), d.Binomial(50, torch.tensor([0.1, 0.5, 0.9])).sample((5,)), d.Categorical(torch.ones(2, 3)).sample())",
    "shares, twice": N + "torch.manual_seed(0)\na = torch.ones(3, requires_grad=True)\n(g,) = torch.autograd.grad(d.Dirichlet(a).rsample()[0], a, create_graph=True)\ng.sum().backward()",
}
# Derivatives and batches of functions

F = "f = torch.func\nx = torch.tensor([1.0, 2.0])\n"
FUNCTIONS = {
    "gradient": F + "g = f.grad(lambda x: (x ** 3).sum())(x); h = f.grad(lambda x: f.grad(lambda x: (x ** 4).sum())(x).sum())(x)",
    "gradient and value": F + "print(f.grad_and_value(lambda x: (x.sum(), x * 2), has_aux=True)(x), f.grad_and_value(lambda x, y: (x * y).sum(), argnums=(0, 1))(x, x))",
    "of a tree": F + "print(f.grad(lambda p, k: (p['w'] * p['b'][0] * k).sum())({'w': x, 'b': [x]}, 3.0))",
    "pulled": F + "out, pull, aux = f.vjp(lambda x, y: ((x * y, x.sum()), y), x, x, has_aux=True)\nprint(out, aux, pull((torch.ones(2), torch.tensor(2.0))))",
    "pushed": F + "print(f.jvp(lambda x, y: torch.sin(x) * y, (x, x), (torch.ones(2), torch.zeros(2))), f.jvp(lambda x: (x * 2, x.sum()), (x,), (x,), has_aux=True))",
    "Jacobians": F + "a = f.jacrev(torch.sin)(x); b = f.jacfwd(lambda x: x.prod() * x)(x)\nprint(f.jacrev(lambda x, y: {'b': x * y, 'a': x.sum()}, argnums=(0, 1))(x, x), f.jacfwd(lambda x: (x * 2, x.sum()), has_aux=True)(x))",
    "Hessian": F + "h = f.hessian(lambda x: (x[0] ** 3 * torch.exp(x[1])))(x)\nprint(f.hessian(lambda p: (p['a'] ** 3).sum())({'a': x}))",
    "batches": F + "y = torch.arange(6.0).view(2, 3)\nprint(f.vmap(torch.dot)(y, y), f.vmap(lambda a, b: a * b, in_dims=(None, 1))(x, y), f.vmap(lambda a: (a, a.sum()), out_dims=(1, 0))(y))\n"
    + "print(f.vmap(lambda d, k: d['a'] * k, in_dims=({'a': 1}, None), out_dims=1)({'a': y}, 2.0), f.vmap(f.vmap(torch.mul))(y, y))",
    "gradients of samples": F + "y = torch.arange(6.0).view(3, 2)\nper_sample = f.vmap(f.grad(lambda w, x: torch.tanh((w * x).sum())), in_dims=(None, 0))(x / 4, y)",
    "outside": F + "w = torch.tensor([3.0, 1.0], requires_grad=True)\ng = f.grad(lambda x: (x ** 2 * w).sum())(x)\ng.sum().backward()\nwith torch.no_grad(): k = f.grad(lambda x: (x ** 2 * w).sum())(x)\nprint(k.requires_grad, g.requires_grad)",
    "cut": F + "print(f.grad(lambda x: (x * x.detach()).sum())(x))\ndef h(x):\n    with torch.no_grad(): y = x * 2\n    return (x * y).sum()\nprint(f.grad(h)(x))",
    "written": F + "def h(x):\n    y = x.clone(); y[0] = y[1] * 3; y.mul_(2); return y.sum()\nprint(f.grad(h)(x), f.vmap(h)(torch.ones(2, 2)))",
    "no scalar": F + "f.grad(lambda x: x * 2)(x)",
    "no tensor": F + "f.grad(lambda x: 3.0)(x)",
    "no aux": F + "f.grad(lambda x: x.sum(), has_aux=True)(x)",
    "argnums": F + "f.grad(lambda x: x.sum(), argnums=3)(x)",
    "integers": F + "f.grad(lambda x: x.sum())(torch.tensor([1, 2]))",
    "a number": F + "f.grad(lambda x: x.sum())(3.0)",
    "number from a batch": F + "f.vmap(lambda x: 3.0)(x)",
    "batch sizes": F + "f.vmap(torch.add)(x, torch.ones(3))",
    "no batch": F + "f.vmap(torch.add, in_dims=(None, None))(x, x)",
    "no dims": F + "f.vmap(lambda x: x)(torch.tensor(1.0))",
    "dims": F + "f.vmap(lambda x: x, in_dims=2)(x)",
    "no inputs": F + "f.vmap(lambda x: x)()",
    "a number in a batch": F + "f.vmap(lambda x: x)(3.0)",
    "random": F + "f.vmap(lambda x: x + torch.rand(1))(x)",
    "random, of a generator": F + "g = torch.Generator()\nf.vmap(lambda x: x + torch.rand(1, generator=g))(x)",
    "same random numbers": F + "torch.manual_seed(0)\nprint(f.vmap(lambda x: x * 0 + torch.rand(2), randomness='same')(torch.ones(2, 2)))",
    "pulled number": F + "f.vjp(lambda x: 3.0, x)",
    "cotangent": F + "f.vjp(lambda x: x * 2, x)[1](torch.ones(3))",
    "tangent": F + "f.jvp(lambda x: x * 2, (x,), (torch.ones(3),))",
    "primals": F + "f.jvp(lambda x: x * 2, x, x)",
    "pushed number": F + "f.jvp(lambda x: 3.0, (x,), (x,))",
    "Jacobian of a number": F + "f.jacrev(lambda x: 3.0)(x)",
}
# Modules as functions

M = (
    "f, nn = torch.func, torch.nn\ntorch.manual_seed(0)\n"
    "def net(): return nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))\nx = torch.tensor([[1.0, 2.0], [0.5, -1.0]])\n"
)
MODULES = {
    "called with other parameters": M
    + "model = net()\np = {name: t.detach() * 0.5 for name, t in model.named_parameters()}\nout = f.functional_call(model, p, (x,))\n"
    + "again = model(x)\nprint(sorted(p), f.functional_call(model, {'0.bias': torch.zeros(3)}, x).shape, type(model[0].weight).__name__)",
    "gradients by name": M
    + "model = net()\np = dict(model.named_parameters())\n"
    + "def loss(p, x): return f.functional_call(model, p, (x,)).pow(2).sum()\n"
    + "g = f.grad(loss)({name: t.detach() for name, t in p.items()}, x)\nweight = g['0.weight']; bias = g['2.bias']\n"
    + "loss(p, x).backward(); print(all(torch.allclose(g[name], t.grad) for name, t in p.items()))\n"
    + "per_sample = f.vmap(f.grad(loss), in_dims=(None, 0))({name: t.detach() for name, t in p.items()}, x)['0.weight']",
    "an ensemble": M
    + "models = [net() for _ in range(3)]\np, b = f.stack_module_state(models)\n"
    + "print({name: (t.shape, t.requires_grad, t.is_leaf) for name, t in p.items()}, b)\n"
    + "out = f.vmap(lambda p, x: f.functional_call(models[0], p, (x,)), in_dims=(0, None))(p, x)\nout.sum().backward()\nslope = p['0.weight'].grad",
    "no models": M + "f.stack_module_state([])",
    "two kinds": M + "f.stack_module_state([nn.Linear(2, 1), nn.ReLU()])",
    "two modes": M + "f.stack_module_state([nn.Linear(2, 1), nn.Linear(2, 1).eval()])",
    "missing": M + "f.functional_call(nn.Linear(2, 1), {'weight': torch.ones(1, 2)}, (x,), strict=True)",
    "unexpected": M + "f.functional_call(nn.Linear(2, 1), {'weight': torch.ones(1, 2), 'q': x}, (x,), strict=True)",
    "twice": M + "f.functional_call(nn.Linear(2, 1), ({'weight': torch.ones(1, 2)}, {'weight': x}), (x,))",
    "tied": M
    + "class Tied(nn.Module):\n    def __init__(self):\n        super().__init__(); self.a = nn.Linear(2, 2, bias=False); self.b = nn.Linear(2, 2, bias=False); self.b.weight = self.a.weight\n"
    + "    def forward(self, x): return self.b(self.a(x))\n"
    + "print(f.functional_call(Tied(), {'a.weight': torch.eye(2)}, x))",
    "buffers": M + "model = nn.BatchNorm1d(2)\np, b = dict(model.named_parameters()), {name: t.clone() for name, t in model.named_buffers()}\n"
    + "out = f.functional_call(model, (p, b), (x,))\nprint(model.running_mean, b['running_mean'], b['num_batches_tracked'])",
    "parameters of a module": M + "model = net()\noptimizer = torch.optim.AdamW(model.parameters(), lr=0.1)\nfor _ in range(5):\n    optimizer.zero_grad(); loss = model(x).pow(2).sum(); loss.backward(); optimizer.step()\n"
    + "named = torch.optim.SGD(model.named_parameters(), lr=0.1)\nprint(named.state_dict()['param_groups'][0]['param_names'])\nfirst = model[0].weight.detach()",
}
GROUPS_OF = {
    "optimizer": OPTIMIZERS | SEARCHES | MANNERS | DIFFERENTIATED,
    "schedule": SCHEDULES,
    "data": DATA,
    "distribution": DENSITIES | PATHWISE | DIVERGENCES | CHECKS,
    "func": FUNCTIONS,
    "modules": MODULES,
}
ALL = {f"{group}: {name}": text for group, programs in GROUPS_OF.items() for name, text in programs.items()}


def recorded(torch: Any, source: str) -> dict[str, Any]:
    """What a program prints, and the tensors it leaves where floats are of each dtype."""
    return {"outcome": outcome(torch, source)} | {dtype: numbers(torch, source, dtype) for dtype in DTYPES}


@lru_cache(maxsize=1)
def expected() -> dict[str, dict[str, Any]]:
    return json.loads(EXPECTED.read_text())


APPROXIMATE = {
    "shares, twice": 1e-6,
    "samples of Gamma move": 1e-3,
    "samples of Beta move": 1e-3,
    "samples of Dirichlet move": 1e-3,
}
"""PyTorch has approximations of these derivatives; tests/torch/test_training.py has them by another way."""
LOOSE = {"float64": 1e-11, "float32": 1e-4}
"""Fifty steps carry the rounding of each on; PyTorch's trigamma has nine digits."""
TRIGAMMA = ("Gamma", "Beta", "Dirichlet")


def tolerance(name: str, dtype: str) -> float:
    name = name.partition(": ")[2]
    if name in APPROXIMATE:
        return APPROXIMATE[name]
    if any(kind in name for kind in TRIGAMMA):
        return max(LOOSE[dtype], 1e-8)
    if name.startswith("Muon"):
        return 2e-3  # a bfloat16 may be rounded the other way
    if name.startswith("LBFGS"):
        return max(LOOSE[dtype], 1e-9, 2e-3 * (dtype == "float32"))  # its rounding grows from step to step
    if name.startswith("through "):
        return max(LOOSE[dtype], 1e-6)  # PyTorch counts the steps in single precision there
    return LOOSE[dtype]


def assert_near(found: dict[str, str], wanted: dict[str, str], rtol: float) -> None:
    """The same tensors, of the same dtypes, and numbers as near as that."""
    assert list(found) == list(wanted)
    for name, text in wanted.items():
        (dtype, f), (wanted_dtype, w) = (t.split(": ", 1) for t in (found[name], text))
        assert dtype == wanted_dtype, name
        kind = complex if dtype[0] == "c" else float if dtype[0] == "f" else str
        a, b = (np.array([kind(n) for n in t.split()]) for t in (f, w))
        if kind is str:
            assert f == w, name
        else:
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol / 10, err_msg=name)


def main() -> None:
    import torch

    EXPECTED.write_text(json.dumps({name: recorded(torch, s) for name, s in ALL.items()}, indent=0) + "\n")


if __name__ == "__main__":
    main()
