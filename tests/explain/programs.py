"""Programs over the rows of the catalogue of causes, as a user writes them.

Each defines `fun`; the line that a report must name ends in `# <-`, further ones in `# <-2`. `X` is [1.5, 2.5, 3.5].
`right` is the gradient once the report's code is put in place of what it underlines: "numeric" for what central
differences say of the new function, else an expression; None where the report gives prose only.
"""

from __future__ import annotations

from dataclasses import dataclass

PRELUDE = """\
import functools, json, math, pickle
import numpy as np
import scipy.linalg, scipy.ndimage, scipy.sparse
import funcgrad as fg
import funcgrad.numpy as fnp
import funcgrad.scipy.linalg
from funcgrad import lax, nn, random
X = np.array([1.5, 2.5, 3.5])
TABLE = np.array([5.0, 6.5, 7.0, 9.0, 12.0])
KEY = random.key(0)
"""


@dataclass(frozen=True)
class Program:
    name: str
    rows: tuple[int | str, ...]
    text: str
    status: str
    args: str = "(X,)"
    argnums: int = 0
    op: str = ""
    """The name of the first cut."""
    says: tuple[str, ...] = ()
    right: str | None = None
    leaf: int = 0


PROGRAMS: list[Program] = []


def program(name: str, rows: tuple, status: str, text: str, **rest) -> None:
    PROGRAMS.append(Program(name, rows, text.lstrip("\n"), status, **rest))


# A. Never asked to be differentiated

program(
    "an integer",
    (5,),
    "not_differentiable",
    """
def fun(n):
    return n * 2.0
""",
    args="(3,)",
    says=("int64", "3.0"),
)
program(
    "an array of integers",
    (5,),
    "not_differentiable",
    """
def fun(n):
    return np.sum(n * 2.0)
""",
    args="(np.arange(3),)",
    says=("int64", "x.astype(float)"),
)
program(
    "another argument",
    (6,),
    "unused",
    """
def fun(x, y):
    return y ** 2
""",
    args="(1.0, 2.0)",
    says=("argument 1 `y`", "argnums"),
)
program(
    "an entry that is not used",
    (79, 6),
    "unused",
    """
def fun(p):
    return p['w'] * 2.0
""",
    args="({'b': 1.0, 'w': 2.0},)",
    says=("p['w']",),
)
program(
    "a global",
    (7,),
    "unused",
    """
W = np.ones(3)
def loss():
    return np.sum(W * 2)  # <-
def fun(w):
    return loss()
""",
    args="(W,)",
    says=("`W`", "same array"),
)
program(
    "a closure",
    (7,),
    "unused",
    """
W = np.ones(3)
def make(v):
    def inner(w):
        return np.sum(v * 2)  # <-
    return inner
fun = make(W)
""",
    args="(W,)",
    says=("`v`", "same array"),
)
program(
    "a default",
    (7,),
    "unused",
    """
W = np.ones(3)
def fun(w, v=W):
    return np.sum(v * 2)  # <-
""",
    args="(W,)",
    says=("`v`", "same array"),
)
program(
    "an attribute of self",
    (7,),
    "unused",
    """
W = np.ones(3)
class Model:
    def __init__(self):
        self.w = W
    def loss(self):
        return np.sum(self.w * 2)  # <-
model = Model()
def fun(w):
    return model.loss()
""",
    args="(W,)",
    says=("`self.w`", "same array"),
)
program(
    "a method's own attribute",
    (7,),
    "unused",
    """
W = np.ones(3)
class Model:
    w = None
    def loss(self, w):
        return np.sum(self.w * 2)  # <-
model = Model()
model.w = W
fun = model.loss
""",
    args="(W,)",
    says=("`self.w`", "same array"),
)
program(
    "in containers",
    (7,),
    "unused",
    """
W = np.ones(3)
LAYERS = [{'w': W}]
def fun(w):
    return np.sum(LAYERS[0]['w'])  # <-
""",
    args="(W,)",
    says=("`LAYERS[0]['w']`", "same array"),
)
program(
    "a partial",
    (7,),
    "unused",
    """
W = np.ones(3)
def loss(v, w):
    return np.sum(v * 2)  # <-
fun = functools.partial(loss, W)
""",
    args="(W,)",
    says=("`v`", "same array"),
)
program(
    "leaves of other types",
    (9,),
    "not_differentiable",
    """
def fun(p):
    return p['w'] * p['n']
""",
    args="({'n': 3, 'w': 1.0},)",
    says=("int64",),
)
program(
    "a string",
    (9,),
    "not_differentiable",
    """
def fun(p):
    return p['w'] * 2
""",
    args="({'how': 'adam', 'w': 1.0},)",
    says=("str", "not a number"),
)


# C. Cut on purpose

program(
    "stop_gradient",
    (29, 23),
    "cut",
    """
def fun(x):
    y = lax.stop_gradient(x)  # <-
    return np.sum(y * y)
""",
    op="stop_gradient",
    says=("asked for", "2 paths"),
    right="2 * X",
)
program(
    "stop_gradient on one of two",
    (24, 29),
    "partly_cut",
    """
def fun(x):
    return np.sum(x * 2 + fg.stop_gradient(x ** 2))  # <-
""",
    op="stop_gradient",
    says=("1 of its 2 paths", "misses"),
    right="2 + 2 * X",
)
program(
    "cuts in series",
    (23, 49),
    "cut",
    """
def fun(x):
    y = fg.stop_gradient(x)  # <-
    return np.sum(np.floor(y))  # <-2
""",
    op="stop_gradient",
    says=("again by `floor`",),
)


# D. Left the library

program(
    "float(x[0])",
    (33, 34),
    "cut",
    """
def fun(x):
    y = float(x[0])  # <-
    return y * 2.0
""",
    says=("left as a Python",),
    right="numeric",
)
program(
    "x[0].item()",
    (33, 34),
    "cut",
    """
def fun(x):
    y = x[0].item()  # <-
    return y * 2.0
""",
    says=("left as a Python",),
    right="numeric",
)
program(
    "np.sum(x).item()",
    (33, 34),
    "cut",
    """
def fun(x):
    y = np.sum(x).item()  # <-
    return y * 2.0
""",
    says=("left as a Python",),
    right="numeric",
)
program(
    "complex(x[0]).real",
    (33, 34),
    "cut",
    """
def fun(x):
    y = complex(x[0]).real  # <-
    return y * 2.0
""",
    says=("left as a Python",),
)
program(
    "back as an array",
    (33,),
    "partly_cut",
    """
def fun(x):
    y = np.array(float(x[0]))  # <-
    return np.sum(x * y)
""",
    op="float",
    says=("1 of its 2 paths",),
)
program(
    "int",
    (33, 49),
    "cut",
    """
def fun(x):
    return int(x[0]) * 2.0  # <-
""",
    op="int",
    right="np.array([2.0, 0, 0])",
)
program(
    "round",
    (33, 49),
    "cut",
    """
def fun(x):
    return round(x[0]) * 2.0  # <-
""",
    op="round",
    right="np.array([2.0, 0, 0])",
)
program(
    "math.sin",
    (36,),
    "cut",
    """
def fun(x):
    return math.sin(x[0]) * 2.0  # <-
""",
    op="math.sin",
    says=("np.",),
    right="numeric",
)
program(
    "math.log",
    (36,),
    "cut",
    """
def fun(x):
    return math.log(x[0]) * 2.0  # <-
""",
    op="math.log",
    says=("np.",),
    right="numeric",
)
program(
    "math.exp",
    (36,),
    "cut",
    """
def fun(x):
    return math.exp(x[0]) * 2.0  # <-
""",
    op="math.exp",
    says=("np.",),
    right="numeric",
)
program(
    "math.sqrt",
    (36,),
    "cut",
    """
def fun(x):
    return math.sqrt(x[0]) * 2.0  # <-
""",
    op="math.sqrt",
    says=("np.",),
    right="numeric",
)
program(
    "math.fabs",
    (36,),
    "cut",
    """
def fun(x):
    return math.fabs(x[0]) * 2.0  # <-
""",
    op="math.fabs",
    says=("np.",),
    right="numeric",
)
program(
    "math.atan",
    (36,),
    "cut",
    """
def fun(x):
    return math.atan(x[0]) * 2.0  # <-
""",
    op="math.atan",
    says=("np.",),
    right="numeric",
)
program(
    "math's own name",
    (36,),
    "cut",
    """
from math import log as ln
def fun(x):
    return ln(x[0])  # <-
""",
    op="math.log",
    right="numeric",
)
program(
    "tolist",
    (37,),
    "cut",
    """
def fun(x):
    return sum(x.tolist())  # <-
""",
    op="tolist",
    right="numeric",
)
program(
    "json",
    (37,),
    "cut",
    """
def fun(x):
    return np.sum(np.array(json.loads(json.dumps(x.tolist()))))  # <-
""",
    op="tolist",
)
program(
    "pickle",
    (37,),
    "cut",
    """
def fun(x):
    return np.sum(pickle.loads(pickle.dumps(x)))  # <-
""",
    says=("pickled",),
)
program(
    "an array of values",
    (39, 41),
    "cut",
    """
def fun(x):
    return np.sum(np.array([x[0], x[1]]) ** 2)  # <-
""",
    op="array",
    says=("Both of its 2 paths",),
    right="numeric",
)
program(
    "asarray",
    (35, 41),
    "cut",
    """
def fun(x):
    return np.sum(np.asarray(x) ** 2)  # <-
""",
    op="asarray",
    right="numeric",
)
program(
    "a store",
    (42,),
    "cut",
    """
def fun(x):
    b = np.zeros(3)
    b[0] = x[0] ** 2  # <-
    return b.sum()
""",
    op="setitem",
    says=("plain array",),
    right="numeric",
)
program(
    "stores in a loop",
    (42,),
    "cut",
    """
def fun(x):
    b = np.zeros(3)
    for i in range(3):
        b[i] = x[i] ** 2  # <-
    return b.sum()
""",
    op="setitem",
    right="numeric",
)
program(
    "adding to an array",
    (42,),
    "cut",
    """
def fun(x):
    b = np.zeros(3)
    b += x ** 2  # <-
    return b.sum()
""",
    op="setitem",
    right="numeric",
)
program(
    "out=",
    (75, 42),
    "cut",
    """
def fun(x):
    b = np.zeros(3)
    y = np.multiply(x, x, out=b)  # <-
    return y.sum()
""",
    op="np.multiply(out=)",
    right="numeric",
)
program(
    "out= as a statement",
    (75, 42),
    "cut",
    """
def fun(x):
    b = np.zeros(3)
    np.dot(np.eye(3), x, out=b)  # <-
    return np.sum(b ** 2)
""",
    op="np.dot(out=)",
    right="numeric",
)
program(
    "out= into a row",
    (75, 42),
    "cut",
    """
def fun(x):
    b = np.zeros((2, 3))
    np.multiply(x, x, out=b[1])  # <-
    return b.sum()
""",
    op="np.multiply(out=)",
    right="numeric",
)
program(
    "printed",
    (33, 34),
    "refused",
    """
def fun(x):
    y = np.sum(x ** 2)
    shown = float(y)  # <-
    print(shown)
    return y
""",
    says=("only printed", "may lose"),
    right="2 * X",
)
program(
    "a history of losses",
    (33, 34),
    "refused",
    """
HISTORY = []
def fun(x):
    y = np.sum(x ** 2)
    HISTORY.append(y.item())  # <-
    return y
""",
    says=("If the output is made of it", "fg.stop_gradient(y)"),
)
program(
    "a history in an array",
    (42,),
    "refused",
    """
HISTORY = np.zeros(3)
def fun(x):
    y = np.sum(x ** 2)
    HISTORY[0] = y  # <-
    return y
""",
    says=("If the output is made of it",),
)
program(
    "a number in an index",
    (33,),
    "refused",
    """
def tap(value, shown):
    return value
def fun(x):
    y = np.sum(x ** 2)
    i = int(x[0])  # <-
    return y * TABLE[i]
""",
    says=("If the output is made of it",),
)
program(
    "a number that an object keeps",
    (33,),
    "refused",
    """
def tap(value, shown):
    return value
def fun(x):
    y = np.sum(x ** 2)
    tap.last = float(y)  # <-
    return y
""",
    says=("If the output is made of it",),
)
program(
    "a number that is compared",
    (33,),
    "refused",
    """
def tap(value, shown):
    return value
def fun(x):
    y = np.sum(x ** 2)
    large = float(y) > 3.0  # <-
    return np.where(large, y, x[0])
""",
    says=("If the output is made of it",),
)
program(
    "a number given to it before",
    (33,),
    "refused",
    """
def tap(value, shown):
    return value
def fun(x):
    y = np.sum(x ** 2)
    s = float(y)  # <-
    z = tap(y, s)
    return z
""",
    says=("If the output is made of it",),
)
program(
    "a number given to a function of the user's",
    (33,),
    "refused",
    """
def tap(value, shown):
    return value
def fun(x):
    y = np.sum(x ** 2)
    return tap(y, float(y))  # <-
""",
    says=("If the output is made of it",),
)
program(
    "how often a loop runs",
    (33, 81),
    "refused",
    """
def fun(x):
    y = np.sum(x ** 2)
    for _ in range(int(x[0])):  # <-
        y = y * 2.0
    return y
""",
    says=("without the conversion",),
)
program(
    "text of a list",
    (37, 44),
    "cut",
    """
def fun(x):
    return np.sum(json.loads(json.dumps(x.tolist())))  # <-
""",
    op="tolist",
    says=("Instead: the value as it is, without the conversion",),
)
program(
    "a loop that goes on until a number is small",
    (33, 81),
    "refused",
    """
def fun(x):
    y = np.sum(x ** 2)
    while float(y) > 1.0:  # <-
        y = y / 2.0
    return y
""",
    says=("If the output is made of it",),
)
program(
    "a number that a helper brings back",
    (33, 24),
    "partly_cut",
    """
def penalty(w):
    size = 0.0
    for v in w:
        size += 0.1 * float(v) ** 2  # <-
    return size
def fun(x):
    extra = penalty(x)
    total = np.sum(x ** 2)
    return total + extra
""",
    op="float",
    says=("misses",),
)
program(
    "scipy's solve",
    (43,),
    "cut",
    """
def fun(x):
    return np.sum(scipy.linalg.solve(np.eye(3) * x[0], x))  # <-
""",
    op="scipy.linalg.solve",
    says=("Both of its 2 paths",),
    right="numeric",
)
program(
    "scipy's filter",
    (43, 52),
    "cut",
    """
def fun(x):
    return np.sum(scipy.ndimage.median_filter(x, 3))  # <-
""",
    op="scipy.ndimage.median_filter",
    says=("custom_vjp",),
)
program(
    "isinstance",
    (44,),
    "flows",
    """
def fun(x):
    if isinstance(x, np.ndarray):
        return np.sum(x) * 2
    return 0.0 * np.sum(x)
""",
)
program(
    "formatting",
    (44,),
    "cut",
    """
def fun(x):
    return float(f'{x[0]:.3f}')  # <-
""",
    op="format",
    says=("text",),
)
program(
    "a callback",
    (45,),
    "refused",
    """
def fun(x):
    return np.sum(fg.pure_callback(np.sin, X, x))  # <-
""",
    says=("pure_callback", "custom_jvp"),
)


# E. The operation carries no derivative

program(
    "a function of NumPy's without a rule",
    (52,),
    "cut",
    """
def fun(x):
    return np.sum(np.lib.stride_tricks.sliding_window_view(x, 2))  # <-
""",
    op="sliding_window_view",
)
program(
    "floor",
    (49,),
    "cut",
    """
def fun(x):
    return np.sum(np.floor(x))  # <-
""",
    op="floor",
    says=("steps",),
    right="np.ones(3)",
)
program(
    "ceil",
    (49,),
    "cut",
    """
def fun(x):
    return np.sum(np.ceil(x))  # <-
""",
    op="ceil",
    says=("steps",),
    right="np.ones(3)",
)
program(
    "trunc",
    (49,),
    "cut",
    """
def fun(x):
    return np.sum(np.trunc(x))  # <-
""",
    op="trunc",
    says=("steps",),
    right="np.ones(3)",
)
program(
    "rint",
    (49,),
    "cut",
    """
def fun(x):
    return np.sum(np.rint(x))  # <-
""",
    op="rint",
    says=("steps",),
    right="np.ones(3)",
)
program(
    "round",
    (49,),
    "cut",
    """
def fun(x):
    return np.sum(np.round(x))  # <-
""",
    op="round",
    says=("steps",),
    right="np.ones(3)",
)
program(
    "fix",
    (49,),
    "cut",
    """
def fun(x):
    return np.sum(np.fix(x))  # <-
""",
    op="fix",
    says=("steps",),
    right="np.ones(3)",
)
program(
    "astype",
    (46,),
    "cut",
    """
def fun(x):
    return np.sum(x.astype(int) * 1.0)  # <-
""",
    op="astype",
    says=("int64",),
    right="np.ones(3)",
)
program(
    "sign",
    (49,),
    "cut",
    """
def fun(x):
    return np.sum(np.sign(x) * X)  # <-
""",
    op="sign",
    right="numeric",
)
program(
    "//",
    (49,),
    "cut",
    """
def fun(x):
    return np.sum(x // 2.0)  # <-
""",
    op="floor_divide",
    right="np.ones(3) / 2",
)
program(
    "argmax",
    (47,),
    "cut",
    """
def fun(x):
    return np.argmax(x) * 1.0  # <-
""",
    op="argmax",
    right="numeric",
)
program(
    "x.argmin()",
    (47,),
    "cut",
    """
def fun(x):
    return x.argmin() * 1.0  # <-
""",
    op="argmin",
    right="numeric",
)
program(
    "argsort",
    (47,),
    "cut",
    """
def fun(x):
    return np.sum(np.argsort(x) * X)  # <-
""",
    op="argsort",
    right="numeric",
)
program(
    "searchsorted",
    (47,),
    "cut",
    """
def fun(x):
    return np.sum(np.searchsorted(TABLE, x * 3) ** 2.0)  # <-
""",
    op="searchsorted",
    right="numeric",
)
program(
    "accuracy by >",
    (48,),
    "cut",
    """
def fun(x):
    return np.mean(x > 2.4)  # <-
""",
    op="greater",
    says=("True or False",),
    right="numeric",
)
program(
    "accuracy by >=",
    (48,),
    "cut",
    """
def fun(x):
    return np.mean(x >= 2.4)  # <-
""",
    op="greater_equal",
    says=("True or False",),
    right="numeric",
)
program(
    "accuracy by <",
    (48,),
    "cut",
    """
def fun(x):
    return np.mean(x < 2.4)  # <-
""",
    op="less",
    says=("True or False",),
    right="numeric",
)
program(
    "accuracy by <=",
    (48,),
    "cut",
    """
def fun(x):
    return np.mean(x <= 2.4)  # <-
""",
    op="less_equal",
    says=("True or False",),
    right="numeric",
)
program(
    "accuracy by ==",
    (48,),
    "cut",
    """
def fun(x):
    return np.mean(x == 2.4)  # <-
""",
    op="equal",
    says=("True or False",),
    right="numeric",
)
program(
    "the quotient of two",
    (46, 47),
    "cut",
    """
def fun(x):
    return np.sum(divmod(x, 2.0)[0])  # <-
""",
    says=("`divmod`",),
)
program(
    "a band",
    (46, 47),
    "cut",
    """
def fun(x):
    return np.sum((x > 2) & (x < 3)) * 1.0  # <-
""",
    says=("`bitwise_and`",),
)
program(
    "counted, from before",
    (46, 47),
    "cut",
    """
def fun(x):
    i = x.astype(int)  # <-
    return np.sum(nn.one_hot(i, 5)) + np.sum(i)
""",
    says=("`one_hot`",),
)
program(
    "counted",
    (46, 47),
    "cut",
    """
def fun(x):
    return np.sum(np.bincount(x.astype(int)) ** 2.0)  # <-
""",
    says=("`bincount`",),
)
program(
    "a metric beside a loss",
    (48, 24),
    "partly_cut",
    """
def fun(x):
    return np.mean((x - 2) ** 2) + np.mean(x > 2)  # <-
""",
    op="greater",
    says=("1 of its 2 paths",),
    right="numeric",
)
program(
    "an index from data",
    (50,),
    "cut",
    """
def fun(x):
    return np.sum(TABLE[x.astype(int)])  # <-
""",
    op="astype",
    says=("only an index",),
    right="numeric",
)
program(
    "an index from data, two lines",
    (50,),
    "cut",
    """
def fun(x):
    i = np.floor(x).astype(int)  # <-
    return np.sum(TABLE[i])
""",
    op="floor",
    says=("only an index", "np.interp"),
)
program(
    "a draw of NumPy's",
    (51,),
    "cut",
    """
def fun(m):
    rng = np.random.default_rng(0)
    return np.sum(rng.normal(m, 2.0, 3) ** 2)  # <-
""",
    args="(1.5,)",
    op="rng.normal",
    says=("draw",),
    right="numeric",
)
program(
    "a uniform draw",
    (51,),
    "cut",
    """
def fun(m):
    rng = np.random.default_rng(0)
    return np.sum(rng.uniform(0.0, m, size=3) ** 2)  # <-
""",
    args="(1.5,)",
    op="rng.uniform",
    right="numeric",
)
program(
    "random.bernoulli",
    (51,),
    "cut",
    """
def fun(x):
    return np.sum(random.bernoulli(KEY, x / 4) * 1.0)  # <-
""",
    op="bernoulli",
    says=("draw", "probability"),
)
program(
    "random.categorical",
    (51,),
    "cut",
    """
def fun(x):
    return np.sum(random.categorical(KEY, x) * 1.0)  # <-
""",
    op="categorical",
    says=("draw", "probability"),
)
program(
    "random.poisson",
    (51,),
    "cut",
    """
def fun(x):
    return np.sum(random.poisson(KEY, x) * 1.0)  # <-
""",
    op="poisson",
    says=("draw", "probability"),
)
program(
    "histogram",
    (52,),
    "cut",
    """
def fun(x):
    return np.sum(np.histogram(x)[0] * 1.0)  # <-
""",
    op="histogram",
    says=("The only path", "bumps"),
)
program(
    "an integer output",
    (53,),
    "cut",
    """
def fun(x):
    return np.argmax(x)  # <-
""",
    op="argmax",
    says=("int64",),
)


# F. Zero, or dropped

program(
    "a dead relu",
    (54,),
    "zero",
    """
def fun(x):
    return np.sum(nn.relu(-x))  # <-
""",
    says=("`relu`", "flat part"),
    right="numeric",
)
program(
    "a dead maximum",
    (54,),
    "zero",
    """
def fun(x):
    return np.sum(np.maximum(-x, 0.0))  # <-
""",
    says=("`maximum`", "flat part"),
    right="numeric",
)
program(
    "clip",
    (54,),
    "zero",
    """
def fun(x):
    return np.sum(np.clip(x, 10.0, 20.0))  # <-
""",
    says=("`clip`", "flat part"),
    right="numeric",
)
program(
    "a saturated sigmoid",
    (54,),
    "zero",
    """
def fun(x):
    return np.sum(nn.sigmoid(x * 1000))  # <-
""",
    says=("`sigmoid`", "saturated"),
)
program(
    "softmax adds up",
    (55,),
    "cancels",
    """
def fun(x):
    return np.sum(nn.softmax(x))  # <-
""",
    says=("`softmax`", "add up to one"),
)
program(
    "a centred sum",
    (55,),
    "cancels",
    """
def fun(x):
    return np.sum(x - np.mean(x))
""",
    says=("cancel",),
)
program(
    "a factor of a centred sum",
    (55,),
    "cancels",
    """
def fun(s):
    return np.sum((X - np.mean(X)) * s)  # <-
""",
    args="(2.0,)",
    says=("cancel",),
)
program(
    "times zero",
    (56,),
    "zero",
    """
def fun(x):
    return np.sum(x * 0.0)  # <-
""",
    says=("`multiply`", "factor is zero"),
)
program(
    "the branch not taken",
    (56,),
    "zero",
    """
def fun(x):
    return np.sum(np.where(x > 9, x, 0.0))  # <-
""",
    says=("`where`", "branch not taken"),
)
program(
    "an update thrown away",
    (57,),
    "unused",
    """
def fun(x):
    b = fnp.zeros(3)
    fnp.at(b)[0].set(x[0] ** 2)  # <-
    return b.sum()
""",
    says=("at[].set", "not used for the output"),
    right="numeric",
)
program(
    "an update thrown away, JAX's form",
    (57,),
    "unused",
    """
def fun(x):
    b = fnp.zeros(3) + 0 * fnp.at(x)[0].get()
    b.at[1:].add(x[1:])
    return 3.0
""",
    says=("at[].add", "not used for the output"),
)
program(
    "a rule that gives None",
    (59,),
    "refused",
    """
@fg.custom_vjp
def scaled(x):
    return x * 2
scaled.defvjp(lambda x: (x * 2, None), lambda r, c: (None,))
def fun(x):
    return np.sum(scaled(x))
""",
    says=("scaled", "None"),
)
program(
    "independent",
    (60,),
    "unused",
    """
def fun(x):
    return 3.0
""",
    says=("No operation",),
)
program(
    "nothing returned",
    (60,),
    "unused",
    """
def fun(x):
    np.sum(x)  # <-
""",
    says=("forget to return",),
)
program(
    "a derivative that is constant",
    (57, 60),
    "unused",
    """
def fun(x):
    return np.sum(fg.grad(lambda v: np.sum(v * 2.0))(x))  # <-
""",
    says=("no more than the derivative",),
)
program(
    "computed and not used",
    (57, 60),
    "unused",
    """
def fun(x):
    y = np.sin(x)  # <-
    return 3.0
""",
    says=("`sin`", "not used for the output"),
)


# G. NaN or infinite

program(
    "where after sqrt",
    (61,),
    "nan",
    """
def fun(x):
    return np.sum(np.where(x > 0, np.sqrt(x), 0.0))  # <-
""",
    args="(np.array([0.0, 1.0, 4.0]),)",
    says=("`sqrt`", "element 0", "`where`"),
    right="np.array([0.0, 0.5, 0.25])",
)
program(
    "where after log, other branch, other line",
    (61,),
    "nan",
    """
def fun(x):
    y = np.log(x)  # <-
    return np.sum(np.where(x <= 0, 0.0, y))  # <-2
""",
    args="(np.array([0.0, 1.0, 4.0]),)",
    says=("`log`", "element 0"),
    right="np.array([0.0, 1.0, 0.25])",
)
program(
    "a quotient",
    (61,),
    "nan",
    """
def fun(x):
    return np.sum(np.where(x == 0, 1.0, np.sin(x) / x))  # <-
""",
    args="(np.array([0.0, 1.0, 4.0]),)",
    says=("`divide`", "element 0"),
    right="np.array([0.0, np.cos(1) - np.sin(1), np.cos(4) / 4 - np.sin(4) / 16])",
)
program(
    "a mask",
    (66,),
    "nan",
    """
def fun(x):
    return np.sum(np.sqrt(x) * (x > 0))  # <-
""",
    args="(np.array([0.0, 1.0, 4.0]),)",
    says=("`sqrt`",),
    right="np.array([0.0, 0.5, 0.25])",
)
program(
    "a late filter",
    (66,),
    "nan",
    """
def fun(x):
    return np.sum((x ** 0.5)[x > 0])  # <-
""",
    args="(np.array([0.0, 1.0, 4.0]),)",
    says=("`power`", "`getitem`"),
    right="np.array([0.0, 0.5, 0.25])",
)
program(
    "a late filter of a call",
    (66,),
    "nan",
    """
def fun(x):
    return np.sum(np.sqrt(x)[x > 0])  # <-
""",
    args="(np.array([0.0, 1.0, 4.0]),)",
    says=("`sqrt`",),
    right="np.array([0.0, 0.5, 0.25])",
)
program(
    "norm of zeros",
    (62,),
    "nan",
    """
def fun(x):
    return np.linalg.norm(x)  # <-
""",
    args="(np.zeros(2),)",
    says=("`norm`",),
    right="np.zeros(2)",
)
program(
    "sqrt of a sum of squares",
    (62,),
    "nan",
    """
def fun(x):
    return np.sqrt(np.sum(x ** 2))  # <-
""",
    args="(np.zeros(2),)",
    says=("`sqrt`",),
    right="np.zeros(2)",
)
program(
    "sqrt at zero",
    (62,),
    "inf",
    """
def fun(x):
    return np.sum(np.sqrt(x))  # <-
""",
    args="(np.array([0.0, 1.0, 4.0]),)",
    says=("`sqrt`", "element 0"),
    right="np.array([0.5e6, 0.5, 0.25])",
)
program(
    "a power at zero",
    (63,),
    "inf",
    """
def fun(x):
    return np.sum(x ** 0.5)  # <-
""",
    args="(np.array([0.0, 1.0, 4.0]),)",
    says=("`power`", "element 0"),
    right="np.array([0.5e6, 0.5, 0.25])",
)
program(
    "equal eigenvalues",
    (64,),
    "nan",
    """
def fun(a):
    return np.sum(np.linalg.eigh(a)[1])  # <-
""",
    args="(np.eye(2),)",
    says=("`eigh`", "eigenvalues 0 and 1"),
)
program(
    "equal singular values",
    (64,),
    "nan",
    """
def fun(a):
    return np.sum(np.linalg.svd(a)[0])  # <-
""",
    args="(np.eye(2),)",
    says=("`svd`", "singular values 0 and 1"),
)
program(
    "std of equal values",
    (65,),
    "nan",
    """
def fun(x):
    return np.std(x)  # <-
""",
    args="(np.ones(3),)",
    says=("`std`",),
    right="np.zeros(3)",
)
program(
    "an entropy",
    (61, 66),
    "nan",
    """
def fun(p):
    return -np.sum(np.where(p > 0, p * np.log(p), 0.0))  # <-
""",
    args="(np.array([0.0, 0.25, 0.75]),)",
    says=("`log`", "not finite"),
    right="np.array([0.0, -1 - np.log(0.25), -1 - np.log(0.75)])",
)
program(
    "a ratio that is masked",
    (61, 66),
    "nan",
    """
def fun(p):
    q = p * (1.0 / p)  # <-
    return np.sum(np.where(p > 0, q * p, 0.0))
""",
    args="(np.array([0.0, 0.25, 0.75]),)",
    says=("not finite",),
    right="np.array([0.0, 1.0, 1.0])",
)
program(
    "arctan2 at zero",
    (65,),
    "nan",
    """
def fun(x):
    return np.arctan2(x, 0.0)  # <-
""",
    args="(0.0,)",
    says=("`arctan2`", "not determined"),
)
program(
    "a value that is NaN",
    (65, 61),
    "nan",
    """
def fun(x):
    y = np.sqrt(x - 2)  # <-
    return np.sum(y * 2)
""",
    says=("because the value is", "`sqrt`"),
)
program(
    "a value that is NaN, with a gradient",
    (65,),
    "flows",
    """
def fun(x):
    y = np.log(x - 2)  # <-
    return np.sum(y * 2)
""",
    says=("The value is NaN", "`log`"),
)
program(
    "a value that overflows",
    (65,),
    "inf",
    """
def fun(x):
    return np.sum(np.exp(x * 1000))  # <-
""",
    says=("infinite", "`exp`"),
)


# I. The end of the function

program(
    "not a scalar",
    (76,),
    "flows",
    """
def fun(x):
    return x ** 2
""",
    says=("(3,)", "its sum"),
)
program(
    "rows and columns",
    (77,),
    "flows",
    """
def fun(w):
    return np.mean((np.ones((3, 1)) * w - X) ** 2)  # <-
""",
    args="(2.0,)",
    says=("may pair", "(n, n)"),
)
program(
    "complex",
    (78,),
    "flows",
    """
def fun(x):
    return np.sum(x) * 1j
""",
    says=("complex", "conjugate"),
)
program(
    "only a branch",
    (81,),
    "cut",
    """
def fun(x):
    if x[0] > 1:  # <-
        return 1.0
    return 2.0
""",
    op="greater",
    says=("which branch",),
)
program(
    "said that it prints",
    (0,),
    "cut",
    """
def fun(x):
    print('running')
    return float(x[0])  # <-
""",
    says=("run 2 times", "print"),
)
program(
    "flows",
    (0,),
    "flows",
    """
def fun(x):
    return np.sum(np.sin(x) * x)
""",
    says=("2 paths",),
)
