"""Training programs in which nothing is wrong: no report accuses them."""

from __future__ import annotations

import copy

import pytest

import funcgrad.torch as torch
from funcgrad.torch import nn
from funcgrad.torch.distributions import Categorical, Normal
from funcgrad.torch.utils.checkpoint import checkpoint

F = nn.functional
PROGRAMS = []


def program(fun):
    PROGRAMS.append(fun)
    return fun


def net(inner=3, outer=2, act=nn.Tanh):
    return nn.Sequential(nn.Linear(inner, 8), act(), nn.Linear(8, outer))


def data():
    return torch.randn(16, 3), torch.randn(16, 2), torch.randint(0, 2, (16,))


@program
def regression():
    m, (x, y, _) = net(), data()
    loss = F.mse_loss(m(x), y)
    loss.backward()
    return loss, m


@program
def a_loop_with_logging():
    m, (x, _, c), log = net(), data(), []
    opt = torch.optim.Adam(m.parameters())
    for _ in range(3):
        opt.zero_grad()
        out = m(x)
        loss = F.cross_entropy(out, c)
        loss.backward()
        opt.step()
        log.append((loss.item(), (out.argmax(1) == c).float().mean().item(), f"{loss:.3f}"))
    return loss, m


@program
def clipped_gradients():
    m, (x, _, _) = net(), data()
    loss = m(x).pow(2).mean()
    loss.backward()
    nn.utils.clip_grad_norm_(m.parameters(), 1e-3)
    return loss, m


@program
def evaluation_in_between():
    m, (x, _, _) = net(), data()
    opt = torch.optim.SGD(m.parameters(), lr=0.1)
    for _ in range(2):
        opt.zero_grad()
        loss = m(x).pow(2).mean()
        loss.backward()
        opt.step()
        with torch.no_grad():
            m(x).mean().item()
    return loss, m


@program
def relu_by_hand():
    m, (x, _, _) = net(act=nn.Identity), data()
    h = m(x)
    loss = (h * (h > 0)).sum()
    loss.backward()
    return loss, m


@program
def chosen_by_where():
    m, (x, _, _) = net(), data()
    h = m(x)
    loss = torch.where(h > 0, h, 0.1 * h).sum()
    loss.backward()
    return loss, m


@program
def chosen_by_a_mask():
    m, (x, _, _) = net(), data()
    h = m(x)
    loss = (h[h > 0] ** 2).sum() + (h**2).mean()
    loss.backward()
    return loss, m


@program
def values_of_topk():
    m, (x, _, _) = net(), data()
    loss = m(x).topk(1, dim=1).values.sum()
    loss.backward()
    return loss, m


@program
def gathered_by_argmax():
    m, (x, _, _) = net(), data()
    h = m(x)
    loss = h.gather(1, h.argmax(1, keepdim=True)).sum()
    loss.backward()
    return loss, m


@program
def ranked():
    m, (x, _, _) = net(), data()
    h = m(x)[:, 0]
    loss = (h[h.argsort()] * torch.arange(16.0)).sum()
    loss.backward()
    return loss, m


@program
def normalised_by_a_count():
    m, (x, _, _) = net(), data()
    h = m(x)
    kept = (h > 0).float()
    loss = (h * kept).sum() / kept.sum()
    loss.backward()
    return loss, m


@program
def batch_norm_and_dropout():
    x = data()[0]
    m = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))
    loss = m(x).pow(2).mean()
    loss.backward()
    return loss, m


@program
def q_learning():
    m, (x, y, c) = net(), data()
    old = copy.deepcopy(m)
    opt = torch.optim.SGD(m.parameters(), lr=0.1)
    with torch.no_grad():
        target = y[:, 0] + 0.9 * old(x).max(1).values
    loss = F.smooth_l1_loss(m(x).gather(1, c[:, None])[:, 0], target)
    opt.zero_grad()
    loss.backward()
    opt.step()
    return loss, m


@program
def a_running_mean_of_weights():
    m, (x, _, _) = net(), data()
    mean = copy.deepcopy(m)
    opt = torch.optim.SGD(m.parameters(), lr=0.1)
    for _ in range(2):
        opt.zero_grad()
        loss = m(x).pow(2).mean()
        loss.backward()
        opt.step()
        with torch.no_grad():
            for a, b in zip(mean.parameters(), m.parameters()):
                a.mul_(0.9).add_(b, alpha=0.1)
    return loss, m


@program
def truncated_in_time():
    x = data()[0]
    m, h = nn.RNNCell(3, 4), torch.zeros(16, 4)
    opt = torch.optim.SGD(m.parameters(), lr=0.1)
    for _ in range(3):
        h = m(x, h.detach())
        loss = h.pow(2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
    return loss, m


@program
def a_discriminator():
    generator, m, (x, y, _) = net(), net(2, 1), data()
    loss = F.softplus(m(generator(x).detach())).mean() + F.softplus(-m(y)).mean()
    loss.backward()
    return loss, m


@program
def a_gradient_penalty():
    m, (_, y, _) = net(2, 1), data()
    x = y.clone().requires_grad_()
    (g,) = torch.autograd.grad(m(x).sum(), x, create_graph=True)
    loss = ((g.norm(dim=1) - 1) ** 2).mean() + m(x).mean()
    loss.backward()
    return loss, m


@program
def descent_by_hand():
    w, (x, y, _) = torch.zeros(3, requires_grad=True), data()
    for _ in range(3):
        w.grad = None
        loss = ((x @ w - y[:, 0]) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
    return loss, w


@program
def descent_through_data():
    w, (x, y, _) = torch.zeros(3, requires_grad=True), data()
    for _ in range(3):
        w.grad = None
        loss = ((x @ w - y[:, 0]) ** 2).mean()
        loss.backward()
        w.data -= 0.1 * w.grad.data
    return loss, w


@program
def tied_weights():
    a, b = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
    b.weight = a.weight
    loss = b(torch.tanh(a(data()[0]))).pow(2).mean()
    loss.backward()
    return loss, nn.Sequential(a, b)


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return grad * (s + x * s * (1 - s))


@program
def a_rule_of_ones_own():
    m = net(act=nn.Identity)
    loss = Swish.apply(m(data()[0])).sum()
    loss.backward()
    return loss, m


@program
def hooks_that_look():
    m, seen = net(), []
    m[0].weight.register_hook(lambda g: seen.append(g.norm().item()))
    loss = m(data()[0]).pow(2).mean()
    loss.backward()
    return loss, m


@program
def embeddings():
    m = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 2))
    loss = F.cross_entropy(m(torch.randint(0, 5, (16,))), data()[2])
    loss.backward()
    return loss, m


@program
def masked_attention():
    m, x = nn.MultiheadAttention(4, 2, batch_first=True), torch.randn(2, 5, 4)
    out, _ = m(x, x, x, attn_mask=torch.triu(torch.ones(5, 5), 1).bool())
    loss = out.pow(2).sum()
    loss.backward()
    return loss, m


@program
def a_reparametrised_draw():
    m = nn.ParameterDict({"mean": nn.Parameter(torch.zeros(2)), "scale": nn.Parameter(torch.zeros(2))})
    loss = ((Normal(m["mean"], m["scale"].exp()).rsample() - 1) ** 2).sum()
    loss.backward()
    return loss, m


@program
def the_score_of_a_draw():
    m, (x, y, _) = net(), data()
    policy = Categorical(logits=m(x))
    loss = -(policy.log_prob(policy.sample()) * y[:, 0]).mean()
    loss.backward()
    return loss, m


@program
def checkpointed():
    m = net()
    loss = checkpoint(m, data()[0], use_reentrant=False).pow(2).mean()
    loss.backward()
    return loss, m


@program
def scaled_by_its_own_number():
    m = net()
    loss = m(data()[0]).pow(2).mean()
    loss = loss * (1 / loss.item())
    loss.backward()
    return loss, m


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("fun", PROGRAMS, ids=lambda f: f.__name__)
def test_a_healthy_program_is_not_accused(fun):
    torch.manual_seed(0)
    loss, trained = fun()
    of_leaves = trained.explain_grads() if isinstance(trained, nn.Module) else trained.explain_grad()
    _, *behind = loss.explain_grad().leaves
    connected = [leaf for leaf in behind if leaf.status != "cut"]  # what a target was computed from is cut off
    assert {leaf.status for leaf in (*of_leaves.leaves, *connected)} == {"flows"}, f"{of_leaves}\n{loss.explain_grad()}"
    assert not of_leaves.notes


def test_a_right_zero():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = ((x - torch.tensor([1.0, 2.0])) ** 2).sum()
    (leaf,) = torch.explain(loss).leaves
    assert leaf.status == "zero" and not leaf.fixes and "Instead" not in leaf.message
