"""Random numbers, each after the same seed."""

from tests.torch.samples._lists import listed, together

X = ([[0.3, 0.25, 0.75], [0.5, 0.9, 0.1]], [1, 0])
DRAWN = listed(X, """
    torch.rand(3); torch.rand(3, dtype=torch.float64); torch.randn(5); torch.randn(3, dtype=torch.float64);
    torch.randn(40, dtype=torch.float64); torch.rand_like(x); torch.randn_like(x, dtype=torch.float64);
    torch.randint(10, (5,)); torch.randint(-3, 7, (4,), dtype=torch.int32); torch.randint(2**40, (3,));
    torch.randint(5, 5, (2,)); torch.randint(0, 300, (2,), dtype=torch.uint8);
    torch.randint(3, 8, (2, 2), dtype=torch.float64); torch.randint(high=10, size=(3,)); torch.randint_like(x, 10);
    torch.randint_like(y, 3, 9); torch.randint_like(x, 5, dtype=torch.int64); torch.randperm(9);
    torch.randperm(4, dtype=torch.int32); torch.randperm(0); torch.randperm(-1); torch.bernoulli(x);
    torch.bernoulli(x + 3); torch.bernoulli(x.detach().float()); torch.bernoulli(y); x.detach().bernoulli(0.3);
    torch.empty(7).bernoulli_(0.3); torch.empty(7).bernoulli_(1.5);
    torch.empty(2, 3, dtype=torch.int64).bernoulli_(x.detach()); (x * 2).bernoulli_(0.5); torch.multinomial(x, 2);
    torch.multinomial(x, 4, True); torch.multinomial(x, 4); torch.multinomial(x - 1, 1); torch.multinomial(x * 0, 1);
    torch.multinomial(x[0], 1); torch.multinomial(x[0], 1, True); torch.multinomial(x, 0); torch.multinomial(y, 1);
    torch.multinomial(x[None], 1); torch.multinomial(x - 1, 3, True); torch.multinomial(x * 0, 3, True);
    torch.multinomial(x / 0, 3, True); torch.multinomial(x[0], 3); torch.normal(x, 2.0); torch.normal(0.5, x);
    torch.normal(x, x); torch.normal(x, x[0]); torch.normal(1.0, 2.0, (3,));
    torch.normal(0.0, 1.0, size=(20,), dtype=torch.float64); torch.normal(x, -x); torch.normal(x, -1.0);
    torch.normal(x, x[:, :2]); torch.normal(2.0, 0.5, (17,), dtype=torch.float64);
    torch.poisson(torch.tensor([0.3, 4.0, 0.0], dtype=x.dtype, requires_grad=True));
    torch.poisson(torch.tensor([20.0, 150.0, 10.0], dtype=x.dtype)); torch.poisson(-x); torch.poisson(y);
    torch.empty(4).uniform_(); torch.empty(4).uniform_(-2, 3); torch.empty(4).uniform_(3, 1);
    torch.empty(4, dtype=torch.float64).uniform_(-1, 1); torch.empty(4, dtype=torch.int64).uniform_();
    torch.empty(4).normal_(); torch.empty(4).normal_(1, 2); torch.empty(18, dtype=torch.float64).normal_(1, 2);
    torch.empty(4).normal_(0, -1); (x * 2).normal_(); x.normal_(); (x * 2).uniform_(); torch.empty(4).exponential_();
    torch.empty(4).exponential_(2.5); torch.empty(4).exponential_(-1);
    torch.empty(4, dtype=torch.float64).exponential_(); torch.empty(4, dtype=torch.int64).exponential_();
    torch.empty(4).cauchy_(); torch.empty(4, dtype=torch.float64).cauchy_(1, 2); torch.empty(4).cauchy_(0, -1);
    torch.empty(4).geometric_(0.3); torch.empty(4, dtype=torch.int64).geometric_(0.3); torch.empty(4).geometric_(1.5);
    torch.empty(4).log_normal_(); torch.empty(5, dtype=torch.float64).log_normal_(0, 0.5);
    torch.empty(4).log_normal_(0, -1); torch.empty(4).random_(); torch.empty(4, dtype=torch.float64).random_();
    torch.empty(4, dtype=torch.int64).random_(); torch.empty(4, dtype=torch.int32).random_();
    torch.empty(4, dtype=torch.uint8).random_(); torch.empty(9, dtype=torch.bool).random_();
    torch.empty(4).random_(10); torch.empty(4).random_(-5, 5); torch.empty(4).random_(5, 5);
    torch.empty(4, dtype=torch.int8).random_(200); torch.empty(4, dtype=torch.int64).random_(0, 2**40);
    (torch.randn(3), torch.empty(3).log_normal_(), torch.randn(2, dtype=torch.float64));
    torch.rand_like(x.t()); torch.randn_like(x[:, :2].t()); torch.randint_like(torch.ones(3, 2, 4).transpose(0, 1), 9);
    torch.randn_like(torch.ones(3, 2, 4).permute(2, 0, 1)); torch.empty(4, 5).t().uniform_();
    torch.empty(4, 5).t().normal_(1, 2); torch.empty(4, 10)[:, ::2].normal_(); torch.empty(20, 2)[:, 1].normal_();
    torch.empty(4, 5).t().exponential_(); torch.empty(4, 5).t().bernoulli_(0.3); torch.empty(4, 5).t().random_(9);
    torch.empty(3, 2).t().bernoulli_(x.detach()); torch.empty(4, 5).t().clone().uniform_();
    torch.zeros_like(torch.empty(4, 5).t()).uniform_(); torch.multinomial(x[:, :2].t(), 2);
    torch.multinomial(x[0].expand(4, 3), 2); torch.empty_like(torch.empty(5).expand(4, 5)).normal_();
    torch.nn.functional.dropout(torch.ones(3, 2, 4).transpose(0, 1)); torch.Generator().initial_seed();
    torch.nn.functional.alpha_dropout(x.t(), 0.5, True); torch.nn.functional.gumbel_softmax(torch.ones(4, 3).t());
    torch.nn.functional.dropout(x[:, None].expand(2, 4, 3));
    torch.empty_like(x.t(), memory_format=torch.contiguous_format).stride();
    x.detach().t().clone(memory_format=torch.contiguous_format).stride();
    (x.t().clone().stride(), torch.full_like(x.t(), 2.0).stride());
    (torch.rand(2), torch.get_rng_state()[:40], torch.get_rng_state()[-40:], torch.get_rng_state().long().sum());
    (torch.randn(1), torch.get_rng_state()[:40], torch.get_rng_state()[-40:], torch.get_rng_state().long().sum());
    torch.get_rng_state()[:40];
    (torch.rand(700)[:1], torch.get_rng_state()[:40], torch.get_rng_state()[-40:], torch.get_rng_state().long().sum());
    torch.set_rng_state(x); torch.set_rng_state(torch.zeros(3, dtype=torch.uint8)); torch.initial_seed();
    [torch.set_rng_state(state) or torch.randn(3) for state in [torch.get_rng_state()] * 2];
    torch.rand(3, generator=torch.Generator().manual_seed(3)); torch.Generator().manual_seed(-1).initial_seed();
    torch.Generator().manual_seed(3).get_state()[-1000:].long().sum();
    [g.set_state(torch.get_rng_state()) and torch.rand(2, generator=g) for g in [torch.Generator()]];
    torch.rand(2, requires_grad=True); torch.rand(2, out=torch.zeros(2)); torch.randn(4, device='cpu');
    torch.rand(4, dtype=torch.float16); torch.randn(20, dtype=torch.float16); torch.randn(37, dtype=torch.float16);
    torch.rand(2, dtype=torch.complex64); torch.randn(2, dtype=torch.complex128); torch.randn(2, dtype=torch.int64);
    torch.rand(2, dtype=torch.int64); torch.randn(20, dtype=torch.complex64); torch.seed() == torch.initial_seed();
    torch.binomial(torch.tensor([5.0, 100.0, 3.0, 0.0, 40.0]), torch.tensor([0.3, 0.4, 0.9, 0.5, 1.0]));
    torch.binomial(torch.full((20,), 60.0), torch.linspace(0, 1, 20));
    torch.binomial(torch.ones(2), torch.ones(2).double()); torch.poisson(torch.linspace(9, 60, 30));
    torch.binomial(torch.full((20,), 3000.0), torch.linspace(0, 1, 20))
""")  # fmt: skip
SAMPLES = [
    s._replace(expression=f"[torch.manual_seed(5), {s.expression}][1]") for s in together(DRAWN)
]
