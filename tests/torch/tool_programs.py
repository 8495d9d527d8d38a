# ruff: noqa: E501
"""Programs with what stands around models, which print the same under PyTorch and under funcgrad.torch: comparisons for
tests, pruning, weights that stay orthogonal.

`python -m tests.torch.tool_programs` writes tool_expected.json, with PyTorch installed.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.torch.programs import Outcome, outcome

STORED = Path(__file__).with_name("tool_expected.json")
BEGIN = "from importlib import import_module\nnn, F = torch.nn, torch.nn.functional\n"
CLOSE = "t, close, inf, nan = torch.tensor, import_module(torch.__name__ + '.testing').assert_close, float('inf'), float('nan')\n"


def each(*statements: str) -> str:
    """Each statement, with the error that it raises."""
    return "".join(f"print('--')\ntry: {s}\nexcept Exception as e: print(type(e).__name__, e)\n" for s in statements)


COMPARED = {
    "tensors": each("close(t([1.0, 2.0]), t([1.0, 2.0 + 1e-6]))", "close(t([1.0, 2.0]), t([1.0, 2.5]))", "close(t([[1.0, 0.0], [nan, 2.0]]), t([[1.5, 0.25], [nan, 0.0]]))", "close(t([[1.0, 0.0], [nan, 2.0]]), t([[1.5, 0.25], [nan, 0.0]]), equal_nan=True)",
        "close(t([nan]), t([nan]), equal_nan=True)", "close(t(1.0), t(1.25))", "close(t(nan), t(nan))", "close(t([inf, -inf]), t([inf, inf]))", "close(t([1, 2, 3]), t([1, 5, 3]))", "close(t([True, False]), t([True, True]))", "close(t([1 + 2j]), t([1 + 2.5j]))", "close(t([]), t([]))",
        "close(t([0, 200], dtype=torch.uint8), t([1, 0], dtype=torch.uint8))", "close(t([1.0], requires_grad=True), t([2.0]))", "close(torch.ones(2, 3, 4), torch.ones(2, 3, 4).index_fill(2, t(3), 2.0))"),
    "by dtype": each(*(f"close(t([1.0, 3.0], dtype=torch.{d}), t([1.0 + {by}, 3.0 + 3 * {by}], dtype=torch.{d}))" for d, by in (("float16", 5e-4), ("float16", 5e-3), ("float32", 1e-6), ("float32", 1e-5), ("float64", 1e-8), ("float64", 1e-6), ("complex64", 1e-6), ("complex128", 1e-6))),
        "close(t([1.0]), t([1.0 + 1e-6], dtype=torch.float64), check_dtype=False)", "close(t([1.0]), t([1.0 + 1e-4], dtype=torch.float64), check_dtype=False)", "close(t([1.0]), t([1]), check_dtype=False)", "close(t([1], dtype=torch.uint16), t([2]), check_dtype=False)"),
    "tolerances": each("close(t([1.0]), t([1.1]), rtol=0.2, atol=0.0)", "close(t([1.0]), t([1.1]), rtol=0, atol=0)", "close(t([1.0]), t([1.1]), rtol=0.01)", "close(t([1.0]), t([1.1]), atol=0.2)", "close(1.0, 1.1, atol=0.2)", "close([1.0], [1.1], atol=0.2)", "close(t([1]), t([2]), rtol=0.0, atol=1.0)", "close(t([0.0, 2.0]), t([0.0, 0.0]), rtol=0.1, atol=0.5)"),
    "attributes": each("close(t([1.0]), t([1.0, 2.0]))", "close(t([1.0]), t([1]))", "close(torch.ones(2, 3), torch.ones(3, 2).t())", "close(torch.ones(2, 3), torch.ones(3, 2).t(), check_stride=True)", "close(t([1.0]), t(1.0))", "close(t([[1.0]]), t([1], dtype=torch.int32))"),
    "numbers": each("close(1, 1)", "close(1.0, 1)", "close(1.0, 1, check_dtype=False)", "close(1.0, 2.0)", "close(3, 0)", "close(1 + 1j, 1 + 2j)", "close(nan, nan)", "close(nan, nan, equal_nan=True)", "close(inf, inf)", "close(inf, -inf)", "close(np.float64(1.0), 1.0)", "close(np.float32(1.5), np.int64(2))", "close(True, True)", "close(True, False)", "close(np.bool_(True), False)"),
    "collections": each("close([t([1.0]), 2.0, None], [t([1.0]), 2.0, None])", "close([1.0, 2.0], [1.0])", "close((t([1.0]), t([2.0])), [t([1.0]), t([3.0])])", "close({'a': 1.0, 'b': [1, 2]}, {'b': [1, 3], 'a': 1.0})", "close({'a': 1.0}, {'b': 1.0})", "close({'a': 1.0, 'c': 2}, {'a': 1.0})",
        "close({'x': {'y': [t([1.0]), t([1, 2])]}}, {'x': {'y': [t([1.0]), t([1, 3])]}})", "close([], [])", "close([1.0, None], [1.0, 2.0])", "close(None, 1)", "close([[1.0, 2.0], 5], [[1.5, 2.5], 6])", "close({0: t([1.0]), 1: t([1])}, {1: t([2]), 0: t([1.0])})"),
    "types": each("close('a', 'a')", "close(t([1.0]), np.array([1.0]))", "close(t([1.0]), [1.0])", "close(np.array([1.0, 2.0]), np.array([1.0, 3.0]))", "close(nn.Parameter(t([1.0])), t([1.0]))", "close(nn.Parameter(t([1.0])), t([1.0]), allow_subclasses=False)", "close(t(1.0), 1.0)", "close(['a'], ['a'])", "close(object, 3)"),
    "own words": each("close(t([1.0]), t([2.0]), msg='differs')", "close([t([1.0])], [t([2.0])], msg='differs')", "close([t([1.0])], [t([2.0])], msg=lambda m: 'Head\\n' + m)", "close(t([1.0]), t([1.0, 2.0]), msg='differs')", "close(1.0, 2.0, msg=lambda m: m.upper())"),
    "older": each("import_module(torch.__name__ + '.testing').assert_allclose(t([1.0]), t([1.0 + 5e-5]))", "import_module(torch.__name__ + '.testing').assert_allclose(t([1.0]), [1.1])", "import_module(torch.__name__ + '.testing').assert_allclose(1, t([1.0]), rtol=1, atol=1)"),
}
MAKE = "torch.manual_seed(4); make = import_module(torch.__name__ + '.testing').make_tensor\n"
MADE = {
    "numbers": MAKE + each(*(f"print(make((2, 3), dtype=torch.{d}, device='cpu'))" for d in ("float32", "float64", "int64", "int8", "uint8", "bool", "complex64")), "print(make(2, 2, dtype=torch.float32, device='cpu', low=0, high=1, requires_grad=True))", "print(make(3, dtype=torch.int32, device='cpu', low=2.5, high=4))", "print(make(5, dtype=torch.int8, device='cpu', low=0, high=2, exclude_zero=True))", "print(make((2, 3), dtype=torch.float64, device='cpu', noncontiguous=True).stride())", "print(make((), dtype=torch.float64, device='cpu', noncontiguous=True).shape)", "print(make(2, dtype=torch.float64, device='cpu', low=-1e308, high=1.7e308))"),
    "refused": MAKE + each("make(2, dtype=torch.float32, device='cpu', low=2, high=1)", "make(2, dtype=torch.int64, device='cpu', low=1, high=1)", "make(2, dtype=torch.float32, device='cpu', low=float('nan'))", "make(2, dtype=torch.int8, device='cpu', low=200, high=300)", "make(2, dtype=torch.int64, device='cpu', requires_grad=True)", "make(2, dtype=torch.float32, device='cpu', noncontiguous=True, memory_format=torch.contiguous_format)"),
}
P = "prune = import_module(torch.__name__ + '.nn.utils.prune')\ndef filled(m):\n  for n, p in enumerate(m.parameters()): p.data = torch.sin(torch.arange(float(p.numel())) * 1.7 + n).view(p.shape)\n  return m\nm = filled(nn.Linear(3, 4)); torch.manual_seed(2)\n"
SHOW = "print(m.weight, m.weight_mask, [n for n, _ in m.named_parameters()], list(m.state_dict()), type(m.weight).__name__)\n"
TRAIN = "m(torch.ones(1, 3)).pow(2).sum().backward(); print(m.weight_orig.grad, m.weight.is_leaf)\nwith torch.no_grad(): m.weight_orig.sub_(1.0)\nm(torch.ones(1, 3)); print(m.weight)\n"
PRUNED = {
    name: P + f"print(prune.{call} is m)\n" + SHOW + TRAIN + "print(prune.is_pruned(m), prune.remove(m, 'weight') is m, m.weight, type(m.weight).__name__, [n for n, _ in m.named_parameters()], list(m.state_dict()), prune.is_pruned(m), len(m._forward_pre_hooks))"
    for name, call in {
        "least": "l1_unstructured(m, 'weight', 4)",
        "a part": "l1_unstructured(m, 'weight', amount=0.3)",
        "by importance": "l1_unstructured(m, 'weight', 3, importance_scores=torch.arange(12.0).view(4, 3))",
        "by chance": "random_unstructured(m, 'weight', 0.5)",
        "rows": "ln_structured(m, 'weight', 2, n=2, dim=0)",
        "columns": "ln_structured(m, 'weight', 0.4, n=float('inf'), dim=-1)",
        "rows by chance": "random_structured(m, 'weight', 2, dim=0)",
        "nothing": "identity(m, 'weight')",
        "none of them": "l1_unstructured(m, 'weight', 0)",
        "no rows": "ln_structured(m, 'weight', 0.0, 1, 0)",
        "own mask": "custom_from_mask(m, 'weight', torch.tensor([[1, 0, 1]]).expand(4, 3))",
    }.items()
} | {
    "again": P + "prune.l1_unstructured(m, 'weight', 3); prune.ln_structured(m, 'weight', 1, 2, 0)\n" + SHOW + "prune.l1_unstructured(m, 'weight', 0.5); prune.random_structured(m, 'weight', 1, -1); prune.random_unstructured(m, 'weight', 1)\n" + SHOW
    + "h, = m._forward_pre_hooks.values(); print(len(h), [type(x).__name__ for x in h], type(h[0]).__name__, type(h).__name__)\n" + TRAIN + "prune.remove(m, 'weight'); print(m.weight)",
    "two parameters": P + "prune.l1_unstructured(m, 'weight', 3); prune.l1_unstructured(m, 'bias', 1); print(list(m.state_dict()), m(torch.ones(3))); prune.remove(m, 'bias'); print(list(m.state_dict()), prune.is_pruned(m))",
    "all together": P + "m = filled(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))); prune.global_unstructured([(m[0], 'weight'), (m[2], 'weight')], pruning_method=prune.L1Unstructured, amount=7); print(m[0].weight, m[2].weight); prune.global_unstructured(((m[0], 'weight'), (m[2], 'weight')), prune.RandomUnstructured, amount=0.2); print(m[0].weight_mask, m[2].weight_mask, prune.is_pruned(m))\n"
    + "prune.global_unstructured([(m[0], 'bias'), (m[2], 'bias')], prune.L1Unstructured, importance_scores={(m[0], 'bias'): torch.tensor([0.1, 0.2, 0.3, 0.4])}, amount=3); print(m[0].bias, m[2].bias)",
    "of no module": P + "t = torch.tensor([[3.0, -1.0], [0.5, 2.0]])\n" + each("print(prune.L1Unstructured(2).prune(t))", "print(prune.LnStructured(1, 2, 0).prune(t, default_mask=torch.tensor([[1.0, 0.0], [1.0, 1.0]])))", "print(prune.L1Unstructured(0.5).prune(t, importance_scores=-t))", "prune.L1Unstructured(1).prune(t, importance_scores=t[0])", "print(prune.Identity().prune(t))"),
    "a method of one's own": P + "class Half(prune.BasePruningMethod):\n  PRUNING_TYPE = 'unstructured'\n  def compute_mask(self, t, default_mask):\n    mask = default_mask.clone(); mask.view(-1)[::2] = 0; return mask\nHalf.apply(m, 'weight'); print(m.weight_mask); prune.l1_unstructured(m, 'weight', 2); print(m.weight_mask); Half.apply(m, 'weight'); print(m.weight_mask)\n"
    + each("class Odd(Half): PRUNING_TYPE = 'odd'", "Odd.apply(m, 'weight')", "print(len(m._forward_pre_hooks))"),
    "refused": P + each("prune.l1_unstructured(m, 'weight', 1.5)", "prune.l1_unstructured(m, 'weight', -1)", "prune.l1_unstructured(m, 'weight', 13)", "prune.l1_unstructured(m, 'weight', 'a')", "prune.l1_unstructured(m, 'none', 1)", "prune.ln_structured(m, 'bias', 1, 2, 0)", "prune.ln_structured(m, 'weight', 1, 2, 2)", "prune.random_structured(m, 'weight', 5, 0)", "prune.remove(m, 'weight')",
        "prune.l1_unstructured(m, 'weight', 1, importance_scores=torch.ones(2))", "prune.custom_from_mask(m, 'weight', torch.ones(2))", "prune.global_unstructured(3, prune.L1Unstructured, amount=1)", "prune.global_unstructured([(m, 'weight')], prune.LnStructured, amount=1, n=2)", "prune.global_unstructured([(m, 'weight')], prune.L1Unstructured, importance_scores=[1], amount=1)", "prune.PruningContainer().add_pruning_method(3)",
        "print(prune.is_pruned(m), sorted(n for n, _ in m.named_parameters()), list(m._buffers))"),
}
ORTHOGONAL = "P, Q = import_module(torch.__name__ + '.nn.utils.parametrizations'), import_module(torch.__name__ + '.nn.utils.parametrize')\ndef filled(m):\n  for n, p in enumerate(m.parameters()): p.data = torch.sin(torch.arange(float(p.numel())) * 1.7 + n + 0.3).view(p.shape).to(p.dtype)\n  return m\ntorch.manual_seed(3)\n"
TURNED = {
    f"{how}, {rows} by {columns}{', without a base' if options else ''}": ORTHOGONAL + f"m = filled(nn.Linear({columns}, {rows}, dtype=torch.float64)); P.orthogonal(m, orthogonal_map={how!r}{options}); w = m.weight; print(w, torch.allclose(w @ w.mT if {rows} <= {columns} else w.mT @ w, torch.eye({min(rows, columns)}, dtype=w.dtype)), m, list(m.state_dict()))\n"
    "(m(torch.arange(float(w.shape[1]), dtype=torch.float64)) ** 3).sum().backward(); p = m.parametrizations.weight.original; print(p, p.grad)\nwith torch.no_grad(): p.add_(0.1 * torch.cos(torch.arange(float(p.numel())).view(p.shape)))\nprint(m.weight)\n"
    + each("m.weight = filled(nn.Linear(1, 1)).weight.new_ones(w.shape).double() + torch.eye(*w.shape)", "print(m.weight)", "m.weight = torch.ones(1, 2)")
    for how, sizes, options in (("matrix_exp", ((3, 3), (4, 2), (2, 3)), ""), ("cayley", ((3, 3), (4, 2), (2, 3)), ""), ("householder", ((3, 3), (4, 2), (2, 4)), ""), ("householder", ((3, 3), (4, 2), (2, 4)), ", use_trivialization=False"), (None, ((3, 3), (4, 2)), ""))
    for rows, columns in sizes
} | {
    "removed": ORTHOGONAL + "m = P.orthogonal(filled(nn.Linear(2, 4))); Q.remove_parametrizations(m, 'weight'); print(m.weight.shape, torch.allclose(m.weight.T @ m.weight, torch.eye(2), atol=1e-5), m, list(m.state_dict()))",
    "unitary": ORTHOGONAL + "m = nn.Module(); m.w = nn.Parameter(torch.sin(torch.arange(9.0) * 2).view(3, 3) + 1j * torch.cos(torch.arange(9.0)).view(3, 3))\nP.orthogonal(m, 'w'); print(torch.allclose(m.w @ m.w.mH, torch.eye(3, dtype=m.w.dtype), atol=1e-5), m.w)",
    "refused": ORTHOGONAL + "m = filled(nn.Linear(2, 3))\n" + each("P.orthogonal(m, 'none')", "P.orthogonal(m, 'bias')", "P.orthogonal(m, orthogonal_map='x')", "P.orthogonal(m, orthogonal_map='cayley', use_trivialization=False)", "c = nn.Linear(2, 3, dtype=torch.complex64); P.orthogonal(c, orthogonal_map='householder')", "print(m.weight)"),
}
DOUBLED = "Q = import_module(torch.__name__ + '.nn.utils.parametrize')\nclass Twice(nn.Module):\n  def forward(self, x): return 2 * x\n  def right_inverse(self, x): return x / 2\nclass Sum(nn.Module):\n  def forward(self, x, y): return x + y\n  def right_inverse(self, x): return x - 1, torch.ones_like(x)\nclass Odd(Twice):\n  def right_inverse(self, x): return x.double()\nclass Away(Twice):\n  def right_inverse(self, x): raise NotImplementedError\nm = nn.Linear(2, 2); m.weight.data = torch.arange(4.0).view(2, 2)\n"
PARAMETRIZED = {
    "twice over": DOUBLED + "Q.register_parametrization(m, 'weight', Twice()); print(m.weight); Q.register_parametrization(m, 'weight', Twice()); print(m.weight); m.weight = torch.ones(2, 2); print(m.weight, m.parametrizations.weight.original)\n" + each("Q.register_parametrization(m, 'weight', Odd())", "Q.register_parametrization(m, 'weight', nn.Identity()); m.weight = torch.ones(2, 2)"),
    "without an inverse": DOUBLED + each("Q.register_parametrization(m, 'weight', Away()); print(m.weight)", "m.weight = torch.ones(2, 2)", "Q.register_parametrization(m, 'weight', Away()); print(m.weight)"),
    "handed over": DOUBLED + "Q.register_parametrization(m, 'weight', Twice()); n = nn.Linear(2, 2, bias=False); print(Q.transfer_parametrizations_and_params(m, n) is n, n, n.weight, n.parametrizations.weight.original is m.parametrizations.weight.original, Q.type_before_parametrizations(n) is nn.Linear, Q.type_before_parametrizations(nn.ReLU()) is nn.ReLU)\n"
    "m = nn.Linear(2, 1); m.bias.data = torch.tensor([5.0]); Q.register_parametrization(m, 'bias', Sum()); n = nn.Linear(2, 1, bias=False); del n.bias; Q.transfer_parametrizations_and_params(m, n, 'bias'); print(n.bias, list(n.state_dict())); print(Q.transfer_parametrizations_and_params(nn.ReLU(), n) is n)",
}
GROUPS = {"compared": {name: CLOSE + text for name, text in COMPARED.items()}, "made": MADE, "pruned": PRUNED, "orthogonal": TURNED, "parametrized": PARAMETRIZED}
ALL = {f"{group}: {name}": BEGIN + text for group, texts in GROUPS.items() for name, text in texts.items()}


def found_by(torch: Any, source: str) -> Outcome:
    found = outcome(torch, source)
    return {**found, "printed": found["printed"].replace("funcgrad.torch", "torch")}


@lru_cache(maxsize=1)
def expected() -> dict[str, Outcome]:
    return json.loads(STORED.read_text())


def main() -> None:
    import torch

    STORED.write_text(json.dumps({name: found_by(torch, source) for name, source in ALL.items()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
