"""Functions of elements, in torch."""

from math import inf, nan

from tests.torch.samples import Sample

NUMBERS = ([0.3, -0.7, 1.6], [0.5, 2.5, -1.25])
LINE = ([0.3, -0.7, 1.6, 0.5, 2.5, -3.25, 1e-9, -20.0],)
ENDS = ([0.0, -0.0, 1.0, -1.0, inf, -inf, nan],)
NONE = ([],)
ONE = (0.75,)
TABLE = ([[0.3, -0.7, 1.6], [1.0, 2.0, 0.25]], [[0.5, 2.5, -1.25]], [[0.25], [1.5]])
THREE = ([0.3, -0.7, 1.6], [0.5, 2.5, -1.25], [0.2, 0.6, 1.0])
INTEGERS = ([-2, 0, 3],)
TWO_INTEGERS = ([12, -18, 0, 7, 0], [18, 12, 5, -7, 0])
COMPLEXES = ([0.5 + 1j, -1.5 + 0.25j, 2 - 1j],)
AT_ZERO = ([0j, 3 + 4j],)
UNEQUAL = ([0.3, 0.7], [0.1, 0.2, 0.3])
FEW = ("float64",)
WHOLE = ("int64",)
COMPLEX = ("complex128", "complex64")


def whole(*expressions):
    return [Sample(e, (INTEGERS,), dtypes=WHOLE) for e in expressions]


SAMPLES = [
    Sample("torch.sinc(x)", (([0.3, -0.7, 1.6],), ([0.0, 1.0, -2.0],)), exact=True, why="PyTorch divides 0 by 0"),
    Sample("torch.logaddexp2(x, y)", (NUMBERS,)),
    Sample("torch.float_power(x, y)", (([0.3, 0.7, 1.6], [0.5, 2.5, -1.25]),)),
    Sample("torch.float_power(x, 2.5)", (([0.3, 0.7, 1.6],),)),
    Sample("torch.float_power(2, x)", (NUMBERS[:1], NONE)),
    Sample("x.float_power(torch.tensor([2, 3, 1]))", (NUMBERS[:1],)),
    Sample("torch.round(x, decimals=1)", (([0.35, -0.75, 1.64],),)),
    Sample("torch.round(x, decimals=-1)", (([35.0, -75.0, 164.0],),)),
    Sample("torch.rsub(x, y, alpha=2)", (NUMBERS,)),
    Sample("x * x.absolute()", (LINE, ([0.0, -0.0, 1.0, -1.0],))),
    # three operands
    Sample("torch.lerp(x, y, 0.25)", (NUMBERS, TABLE[:2], (0.5, [1.0, 2.0]), ([], []))),
    Sample("torch.lerp(x, y, 0.75)", (NUMBERS, ([1.0, inf], [3.0, 2.0]))),
    Sample("x.lerp(y, z)", (THREE, TABLE, ([1.0, 2.0], [3.0, 4.0], [0.0, 1.0]))),
    Sample("torch.lerp(x, end=y, weight=z)", ((*UNEQUAL, 0.5),), dtypes=FEW),
    Sample("torch.lerp(x, y.float(), 0.5)", (NUMBERS,), dtypes=FEW),
    Sample("torch.lerp(x, y, torch.tensor(1))", (NUMBERS,), dtypes=FEW),
    Sample("torch.lerp(x, x, 0.5)", (COMPLEXES,), dtypes=COMPLEX),
    Sample("(x + 0).lerp_(y, 0.5)", (NUMBERS,)),
    Sample("torch.addcmul(x, y, z)", (THREE, TABLE, ([], [], []))),
    Sample("torch.addcmul(x, y, z, value=0.5)", (THREE,)),
    Sample("(x * 1).addcmul_(y, z, value=2)", (THREE,)),
    Sample("torch.addcmul(x, y, x)", (UNEQUAL,), dtypes=FEW),
    Sample("torch.addcdiv(x, y, z)", (THREE, TABLE, ([1.0, 2.0], [1.0, 0.0], [0.0, 2.0])),
           exact=True, why="PyTorch multiplies 0 by inf"),
    Sample("torch.addcdiv(x, y, z, value=-0.5)", (THREE,)),
    Sample("(x * 1).addcdiv_(y, z, value=2)", (THREE,)),
    *whole("torch.addcmul(x, x, x, value=2)", "torch.addcdiv(x, x, x)", "torch.lerp(x, x, 1)"),
    *whole("torch.addcmul(x, x, 2)", "torch.addcmul(x > 1, x > 1, x > 1)"),
    # steps and signs
    Sample("torch.sgn(x.detach())", (LINE, ENDS)),
    Sample("torch.autograd.grad(torch.sgn(x).sum(), x)[0] + 0", (LINE, ENDS)),
    Sample("x.sgn()", (COMPLEXES, AT_ZERO), dtypes=COMPLEX, exact=True, why="PyTorch divides by 0"),
    Sample("torch.heaviside(x.detach(), y.detach())", (([-1.0, 0.0, 2.0, -0.0], [0.5]),)),
    Sample("torch.heaviside(x, y).sum().backward()", (NUMBERS,), dtypes=FEW),
    Sample("torch.heaviside(x, y.float())", (NUMBERS,), dtypes=FEW),
    Sample("torch.heaviside(x, 1.0)", (NUMBERS,), dtypes=FEW),
    *whole("torch.heaviside(x, x)", "torch.sgn(x) + 0", "torch.nan_to_num(x) + 0", "torch.round(x)", "torch.floor(x)"),
    Sample("torch.nan_to_num(x)", (LINE, ENDS, NONE, ONE)),
    Sample("torch.nan_to_num(x, nan=1.5, posinf=2.0, neginf=-3.0)", (ENDS,)),
    Sample("(x * 1).nan_to_num_(0.5)", (ENDS,)),
    Sample("x.detach().nan_to_num()", (([complex(nan, inf), 1 - 2j],),), dtypes=COMPLEX),
    Sample("torch.nan_to_num(x + 0)", (COMPLEXES,), dtypes=("complex128",)),
    # parts of numbers
    Sample("torch.frexp(x)", (LINE, ENDS, NONE, ([8.0, 0.0, -0.1],), ONE)),
    Sample("x.frexp().exponent", (LINE,)),
    Sample("torch.frexp(x).mantissa", (LINE,)),
    *whole("torch.frexp(x)[0]"),
    Sample("torch.ldexp(x, torch.tensor([2, 3, 1]))", (NUMBERS[:1],)),
    Sample("torch.ldexp(x.detach(), torch.tensor([2, -3, 1]))", (NUMBERS[:1],)),
    Sample("torch.ldexp(x, y)", (NUMBERS, TABLE[:2])),
    Sample("torch.ldexp(x.detach(), torch.tensor(200))", (NUMBERS[:1],)),
    Sample("torch.ldexp(x, 2)", (NUMBERS[:1],), dtypes=FEW),
    *whole("torch.ldexp(x, x)", "(1.5 * x).ldexp_(x)"),
    Sample("torch.nextafter(x, y)", (NUMBERS, ([0.0, 1.0, 2.0], [1.0, 1.0, nan]))),
    Sample("torch.gcd(x, y)", (TWO_INTEGERS, ([], []), ([[4], [6]], [8, 9])), dtypes=WHOLE),
    Sample("torch.lcm(x, y)", (TWO_INTEGERS, (4, [6, 8])), dtypes=WHOLE),
    Sample("torch.gcd(x, y) + torch.gcd_(x, y)", (TWO_INTEGERS,), dtypes=WHOLE),
    Sample("x.lcm_(y)", (TWO_INTEGERS,), dtypes=WHOLE),
    Sample("torch.gcd(x, x)", (NUMBERS[:1],), dtypes=FEW),
    Sample("torch.lcm(x, 2)", (INTEGERS,), dtypes=WHOLE),
    Sample("torch.nextafter(x, 1.0)", (NUMBERS[:1],), dtypes=FEW),
    Sample("x.clamp_min(0.5)", (LINE, ([0.5, inf, nan],))),
    Sample("torch.clamp_max(x, y)", (NUMBERS,)),
    Sample("x.clamp_min(min=y)", (NUMBERS,)),
    Sample("torch.clamp_max(x, 0.5)", (LINE, ([0.5, inf, nan],))),
    Sample("2 * torch.positive(x)", (LINE,)),
    # complex numbers
    Sample("torch.angle(x)", (LINE, ENDS)),
    Sample("x.angle()", (COMPLEXES, AT_ZERO), dtypes=COMPLEX, exact=True, why="PyTorch divides by 0"),
    Sample("torch.conj(x) * x", (COMPLEXES,), dtypes=COMPLEX),
    Sample("torch.conj(x + 0)", (COMPLEXES,), dtypes=COMPLEX),
    Sample("torch.conj_physical(x)", (COMPLEXES,), dtypes=COMPLEX),
    Sample("torch.conj_physical(x * 2)", (NUMBERS[:1],)),
    Sample("torch.real(x)", (COMPLEXES,), dtypes=COMPLEX),
    Sample("torch.imag(x)", (COMPLEXES,), dtypes=COMPLEX),
    Sample("(lambda a: (a.real.mul_(2.0), a)[1])(x * 1)", (COMPLEXES,), dtypes=COMPLEX),
    Sample("(lambda a: (a.imag[1].fill_(3.0), a)[1])(x * 1)", (COMPLEXES,), dtypes=COMPLEX),
    Sample("(lambda a: (torch.view_as_real(a)[1:].add_(1.0), a)[1])(x * 1)", (COMPLEXES,), dtypes=COMPLEX),
    Sample("(lambda a: (a.real.fill_(inf), a)[1])(x.detach() * 1)", (COMPLEXES,), dtypes=COMPLEX),
    Sample("(lambda a: (torch.view_as_complex(a).mul_(1j), a)[1])(x * 1)", (([[0.5, 1.0], [-1.0, 2.0]],),)),
    Sample("(lambda a: (torch.view_as_complex(a)[0].mul_(2), a)[1])(x * 1)", (([[0.5, 1.0], [-1.0, 2.0]],),)),
    Sample("torch.imag(x * 1)", (NUMBERS[:1],), dtypes=FEW),
    Sample("torch.view_as_real(x)", (COMPLEXES, AT_ZERO), dtypes=COMPLEX),
    Sample("torch.view_as_real(x * 1)", (NUMBERS[:1],), dtypes=FEW),
    Sample("torch.view_as_complex(x)", (([[0.5, 1.0], [-1.0, 2.0]],), ([0.5, 2.0],))),
    Sample("torch.view_as_complex(x * 1)", (NUMBERS[:1],), dtypes=FEW),
    *whole("torch.view_as_complex(x)+0", "torch.angle(x)+0", "torch.conj(x)", "torch.real(x)+0",
           "torch.conj_physical(x)+0"),
    Sample("torch.complex(x, y)", (NUMBERS, TABLE[:2], ([], []), (1.0, 2.0),
                              ([1.0, inf, 2.0, nan], [inf, 2.0, nan, -inf]))),
    Sample("torch.polar(x, y)", (([0.3, 0.7, 1.6], [0.5, 2.5, -1.25]), ([[0.3], [0.7]], [0.5, -2.0]))),
    Sample("torch.complex(x, y.float())", (NUMBERS,), dtypes=FEW),
    Sample("torch.polar(x, y.long())", (NUMBERS,), dtypes=FEW),
    Sample("torch.complex(x, 1.0)", (NUMBERS[:1],), dtypes=FEW),
    # comparison
    *whole("torch.bitwise_left_shift(x, 2)", "torch.bitwise_right_shift(x, 1)", "x.bitwise_left_shift(x.abs())"),
    Sample("torch.bitwise_left_shift(x, 2)*1", (NUMBERS[:1],), dtypes=FEW),
    Sample("torch.isposinf(x)", (ENDS,)),
    Sample("torch.isneginf(x)", (ENDS,)),
    Sample("torch.signbit(x)", (ENDS,)),
    Sample("torch.isreal(x)", (ENDS, ([1j, 1 + 0j],)), dtypes=("complex128",)),
    Sample("torch.isposinf(x + 0)", (COMPLEXES,), dtypes=("complex128",)),
    Sample("torch.signbit(x + 0)", (COMPLEXES,), dtypes=("complex128",)),
    Sample("torch.isclose(x, y)", (([1.0, inf, nan, 1.0, -inf], [1.0 + 1e-9, inf, nan, 1.1, inf]),)),
    Sample("torch.isclose(x, y, rtol=0.2, atol=0.0, equal_nan=True)", (([1.0, nan, 2.0], [1.1, nan, 3.0]),)),
    Sample("torch.isclose(x, y.float())", (NUMBERS,), dtypes=FEW),
    Sample("torch.isclose(x, y, rtol=-1.0)", (NUMBERS,), dtypes=FEW),
    Sample("torch.isclose(x, y, atol=-1.0)", (NUMBERS,), dtypes=FEW),
    Sample("torch.allclose(x, y)", (NUMBERS, (NUMBERS[0], NUMBERS[0]), UNEQUAL)),
    *whole("torch.isclose(x, x + 1)", "torch.allclose(x, x)", "torch.isclose(x, x, atol=1.5)"),
    # out=
    *(
        Sample(f"torch.{call}, out=torch.zeros(3, dtype=x.dtype))", (([0.3, 0.7, 1.6], [0.5, 2.5, -1.25]),), dtypes=FEW)
        for call in ("add(x.detach(), y.detach(), alpha=2", "pow(x.detach(), 2", "lerp(x.detach(), y.detach(), 0.5",
                     "add(x, y", "nan_to_num(x.detach()", "xlogy(x.detach(), y.detach().abs()", "erf(x.detach()",
                     "special.i1(x.detach()", "floor(x.detach()", "maximum(x.detach(), y.detach()",
                     "where(x.detach() > 0.5, x.detach(), y.detach()", "div(x.detach(), 2, rounding_mode='floor'",
                     "cumsum(x.detach(), 0", "nextafter(x.detach(), y.detach()", "absolute(y.detach()")
    ),
    Sample("torch.isposinf(x, out=torch.zeros(7, dtype=torch.bool))", (ENDS,), dtypes=FEW),
    Sample("torch.cummax(x.detach(), 0, out=(torch.zeros(3, dtype=x.dtype), torch.zeros(3, dtype=torch.int64)))",
           (NUMBERS[:1],)),
    # torch.name_ beside the method
    Sample("torch.sin_(x * 1)", (NUMBERS[:1],)),
    Sample("torch.square_(x * 1)", (NUMBERS[:1],)),
    Sample("torch.relu_(x.detach() * 1)", (NUMBERS[:1],)),
    Sample("torch.sigmoid_(x * 1)", (NUMBERS[:1],)),
    Sample("torch.clamp_(x * 1, 0.0, 1.0)", (NUMBERS[:1],)),
    Sample("torch.round_(x * 1, decimals=1)", (NUMBERS[:1],)),
    Sample("torch.exp_(x)", (NUMBERS[:1],), dtypes=FEW),
    Sample("(x * 1).maximum_(y)", (NUMBERS,), dtypes=FEW),
]  # fmt: skip
