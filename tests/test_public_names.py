"""The public interface: names and parameters, and what importing it costs."""

from __future__ import annotations

import importlib
import inspect
import pydoc
import re
import subprocess
import sys

import pytest

import funcgrad as fg

PARAMETERS = {
    "grad": "fun argnums=0 has_aux=False allow_int=False",
    "value_and_grad": "fun argnums=0 has_aux=False allow_int=False",
    "vjp": "fun *primals has_aux=False",
    "jvp": "fun primals tangents has_aux=False",
    "linearize": "fun *primals",
    "linear_transpose": "fun *primals",
    "jacfwd": "fun argnums=0 has_aux=False",
    "jacrev": "fun argnums=0 has_aux=False",
    "jacobian": "fun argnums=0 has_aux=False",
    "hessian": "fun argnums=0 has_aux=False",
    "hvp": "fun primals tangents",
    "elementwise_grad": "fun argnums=0",
    "elementwise": "function derivative=None name=None",
    "vmap": "fun in_axes=0 out_axes=0",
    "jit": "fun static_argnums=() static_argnames=() donate_argnums=()",
    "stop_gradient": "x",
    "custom_vjp": "fun nondiff_argnums=()",
    "custom_vjp.defvjp": "self fwd bwd",
    "custom_jvp": "fun nondiff_argnums=()",
    "custom_jvp.defjvp": "self rule",
    "custom_jvp.defjvps": "self *rules",
    "checkpoint": "fun",
    "remat": "fun",
    "make_graph": "fun",
    "explain": "fun argnums=0",
    "eval_shape": "fun *args",
    "tree.map": "f tree *rest",
    "tree.flatten": "tree",
    "tree.unflatten": "treedef leaves",
    "tree.leaves": "tree",
    "tree.structure": "tree",
    "tree.reduce": "tree",
    "register_pytree_node": "",
    "register_dataclass": "",
    "ravel_pytree": "tree",
    "flatten_util.ravel_pytree": "tree",
    "lax.stop_gradient": "x",
    "lax.cond": "pred true_fun false_fun *operands",
    "lax.switch": "index branches *operands",
    "lax.while_loop": "cond_fun body_fun init_val",
    "lax.fori_loop": "lower upper body_fun init_val",
    "lax.scan": "f init xs length=None reverse=False unroll=1 checkpoint=None",
    "lax.associative_scan": "fn elems reverse=False axis=0",
    "lax.map": "f xs batch_size=None",
    **{f"lax.{name}": "x" for name in ("erf", "erfc", "erf_inv", "lgamma", "digamma", "logistic", "rsqrt")},
    "lax.polygamma": "m x",
    "lax.dot_general": "lhs rhs dimension_numbers precision=None preferred_element_type=None",
    "lax.dynamic_slice": "operand start_indices slice_sizes",
    "lax.dynamic_update_slice": "operand update start_indices",
    "lax.top_k": "operand k",
    "lax.conv_general_dilated": "lhs rhs window_strides padding lhs_dilation=None rhs_dilation=None "
    "dimension_numbers=None feature_group_count=1 batch_group_count=1",
    "lax.reduce_window": "operand init_value computation window_dimensions window_strides padding",
    "lax.linalg.triangular_solve": "a b left_side=False lower=False transpose_a=False conjugate_a=False",
    **{f"ops.segment_{what}": "data segment_ids num_segments=None mode=None" for what in ("sum", "prod", "max", "min")},
    "random.key": "seed",
    "random.split": "key num=2",
    "random.normal": "key shape=()",
    "random.uniform": "key shape=() minval=0.0 maxval=1.0",
    "random.choice": "key a shape=() replace=True p=None axis=0",
    "random.gamma": "key a shape=None",
    "tree_util.tree_map": "f tree *rest",
    "tree_util.keystr": "keys simple=False separator=''",
    "test_util.check_grads": "fun args order modes=('fwd','rev') atol rtol eps",
    "nn.softmax": "",
    "nn.log_softmax": "",
    "nn.logsumexp": "",
    "nn.one_hot": "",
    "nn.dot_product_attention": "query key value bias=None mask=None scale=None is_causal=False",
    "nn.initializers.glorot_normal": "in_axis=-2 out_axis=-1 batch_axis=()",
    "numpy.at": "",
    "numpy.linalg.solve": "",
}
"""Names below `funcgrad`, each with parameters it must have; `a=1` also says the default, `*a` the kind."""
CALLABLES = ["grad", "jacfwd", "jacrev", "hessian", "vmap", "jit", "checkpoint", "make_graph", "explain"]


def find(path: str) -> object:
    *module, name = path.split(".")
    owner: object = fg
    for step in module:
        try:
            owner = getattr(owner, step)
        except AttributeError:
            owner = importlib.import_module(f"{owner.__name__}.{step}")
    return getattr(owner, name)


@pytest.mark.parametrize("path", PARAMETERS)
def test_name_and_parameters(path):
    found = inspect.signature(find(path)).parameters
    for wanted in PARAMETERS[path].split():
        name, _, default = wanted.lstrip("*").partition("=")
        assert name in found, f"{path} has no parameter {name}"
        if wanted.startswith("*"):
            assert found[name].kind is inspect.Parameter.VAR_POSITIONAL
        if default:
            assert repr(found[name].default).replace(" ", "").replace('"', "'") == default


@pytest.mark.parametrize("path", PARAMETERS)
def test_documented(path):
    doc = inspect.getdoc(find(path))
    assert doc and len(doc) > 20


def test_order_of_parameters():
    for path in ("grad", "vjp", "jvp", "vmap", "jit", "hvp", "test_util.check_grads"):
        wanted = [w.lstrip("*").partition("=")[0] for w in PARAMETERS[path].split()]
        assert list(inspect.signature(find(path)).parameters)[: len(wanted)] == wanted


@pytest.mark.parametrize("name", CALLABLES)
def test_transforms_give_callables(name):
    assert callable(find(name)(lambda x: x))


@pytest.mark.parametrize("wrap", [fg.jit, fg.grad, fg.vmap, fg.checkpoint, fg.custom_vjp, fg.custom_jvp])
def test_what_is_returned_has_the_functions_signature(wrap):
    """Also for the libraries that ask `getfullargspec`, which takes an object with `__get__` for a function of C."""
    found = wrap(lambda x, y=2.0: x)
    assert str(inspect.signature(found)) == "(x, y=2.0)"
    assert inspect.getfullargspec(found).args == ["x", "y"]


def test_modules_are_attributes():
    """In the order of the layers, so that none is there because a later one has imported it."""
    names = ["tree", "tree_util", "random", "numpy", "flatten_util", "lax", "nn", "scipy", "kernels", "test_util"]
    names.append("torch")
    code = [f"assert fg.{name}.__name__ == 'funcgrad.{name}'" for name in names]
    code = ["import funcgrad as fg", *code, "assert not hasattr(fg, 'absent')"]
    subprocess.run([sys.executable, "-c", "\n".join(code)], check=True)


def test_aliases():
    assert fg.jacobian is fg.jacrev
    assert fg.remat is fg.checkpoint


def test_classes_and_settings():
    for path in (
        "Graph",
        "errors.EscapedTracerError",
        "errors.TracerConversionError",
        "errors.NotDifferentiableError",
    ):
        assert inspect.isclass(find(path))
    assert isinstance(fg.config.jit, bool)
    assert isinstance(fg.__version__, str)


def test_compiled_functions():
    import numpy as np

    f = fg.jit(lambda x: np.sin(x) * 2.0)
    program = f.lower(1.0)
    assert isinstance(program.text, str) and isinstance(program.graph, fg.Graph)
    assert isinstance(program.kernels, int) and isinstance(program.compile_seconds, float)
    assert program.from_cache in (True, False)
    f(1.0)
    assert f.cache_size() == 1
    f.clear_cache()
    assert f.cache_size() == 0


def modules_after(code: str) -> set[str]:
    """The top-level modules that a fresh process has imported after running `code`."""
    script = f"import sys\n{code}\nprint(*{{m.split('.')[0] for m in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


HEAVY = {"numba", "llvmlite", "scipy", "torch", "jax", "jaxlib", "autograd", "pandas", "matplotlib"}


def test_imports_nothing_heavy():
    """Neither the package, nor its submodules, nor derivatives that nobody compiles."""
    code = (
        "import funcgrad as fg, numpy as np, funcgrad.numpy, funcgrad.lax, funcgrad.nn, funcgrad.test_util\n"
        "fg.random.key(0)\n"
        "fg.grad(lambda x: np.sum(np.sin(x) ** 2))(np.ones(10))\n"
        "fg.vmap(fg.hessian(lambda x: np.sum(x ** 3)))(np.ones((2, 3)))\n"
    )
    assert not modules_after(code) & HEAVY


def test_imports_few_modules():
    """Counted, not timed: each further module costs a part of a millisecond."""
    count = "print(len(sys.modules))"
    run = lambda code: int(
        subprocess.run(
            [sys.executable, "-c", f"import sys\n{code}\n{count}"], capture_output=True, text=True, check=True
        ).stdout
    )
    assert run("import funcgrad") <= 2 * run("import numpy")


def test_numpy_is_not_changed_by_the_import():
    code = (
        "import numpy as np\n"
        "before = {n: id(getattr(np, n)) for n in dir(np) if n[0] != '_'}\n"
        "import funcgrad\n"
        "assert before == {n: id(getattr(np, n)) for n in dir(np) if n[0] != '_'}\n"
    )
    assert "numpy" in modules_after(code)


MODULES = [
    "ad_checkpoint", "debug", "errors", "flatten_util", "lax", "lax.linalg", "nn", "nn.initializers", "numpy",
    "numpy.fft", "numpy.linalg", "ops", "random", "scipy", "scipy.integrate", "scipy.interpolate", "scipy.linalg",
    "scipy.ndimage", "scipy.optimize", "scipy.signal", "scipy.sparse", "scipy.sparse.linalg", "scipy.special",
    "scipy.stats", "test_util", "transforms.policies", "tree", "tree_util", "kernels",
    *(f"torch.{name}" for name in (
        "accelerator", "amp", "autograd", "autograd.forward_ad", "autograd.function", "autograd.functional",
        "autograd.graph", "backends", "compiler", "cpu", "cpu.amp", "cuda", "cuda.amp", "distributions",
        "distributions.constraints", "distributions.transforms", "fft", "func", "linalg", "nn", "nn.attention",
        "nn.functional", "nn.init", "nn.modules", "nn.parameter", "nn.utils", "nn.utils.parametrizations",
        "nn.utils.parametrize", "nn.utils.prune", "nn.utils.rnn", "nn.utils.stateless", "optim", "optim.lr_scheduler",
        "optim.swa_utils", "random", "signal", "signal.windows", "special", "testing", "utils",
        "utils.checkpoint", "utils.data",
    )),
]  # fmt: skip
PACKAGES = {
    "numpy": ["fft", "linalg"],
    "lax": ["linalg"],
    "nn": ["initializers"],
    "scipy.sparse": ["linalg"],
    "torch.autograd": ["forward_ad", "function", "functional", "grad_mode", "graph"],
    "torch.backends": ["cuda", "cudnn", "mps"],
    "torch.cpu": ["amp"],
    "torch.cuda": ["amp"],
    "torch.distributions": ["constraints", "transforms"],
    "torch.nn": ["attention", "functional", "init", "modules", "parallel", "parameter", "utils"],
    "torch.nn.utils": ["parametrizations", "parametrize", "prune", "rnn", "stateless"],
    "torch.optim": ["lr_scheduler", "swa_utils"],
    "torch.signal": ["windows"],
    "torch.utils": ["checkpoint", "data", "dlpack", "hooks"],
}


@pytest.mark.parametrize("path", MODULES)
def test_dir_shows_public_names_only(path):
    """What tab completion and `help` offer: no file of the package, and nothing that it imports for itself."""
    module = importlib.import_module(f"funcgrad.{path}")
    shown = [name for name in dir(module) if not (name.startswith("__") and name.endswith("__"))]
    assert sorted(shown) == sorted({n for n in module.__all__ if not n.startswith("__")}) and shown
    for name in shown:
        value = getattr(module, name)
        if path == "scipy":
            continue
        assert inspect.ismodule(value) == (name in PACKAGES.get(path, ["checkpoint_policies"])), name
        assert getattr(value, "__module__", None) not in ("typing", "collections.abc", "functools"), name


@pytest.mark.parametrize("path", ["", "numpy", "torch", "lax", "nn"])
def test_help_describes_public_names_only(path):
    """PACKAGE CONTENTS are the files of the folder, which pydoc lists of every package."""
    module = importlib.import_module(f"funcgrad.{path}".rstrip("."))
    text = pydoc.plain(pydoc.TextDoc().docmodule(module))
    functions = text[text.index("\nFUNCTIONS\n") : text.index("\nFILE\n")].split("\nDATA\n")[0]
    described = set(re.findall(r"^    (\w+)(?: = \w+)?\(", functions, re.MULTILINE))
    assert len(described) > 10 and described <= set(dir(module))


def test_dir_of_torch():
    """It has its packages, which `from funcgrad.torch import *` does not take."""
    shown = set(dir(fg.torch))
    assert {"tensor", "relu", "Tensor", "float32", "nn", "optim", "linalg", "vmap", "__version__"} <= shown
    assert {name for name in shown if name[0] == "_"} == {"__version__"}
    assert not [name for name in fg.torch.__all__ if inspect.ismodule(getattr(fg.torch, name))]


def test_dir_of_the_package():
    shown = set(dir(fg))
    assert {"grad", "jit", "numpy", "ops", "torch", "scipy", "tree", "errors", "__version__"} <= shown
    assert not shown & {"core", "compile", "transforms", "ModuleType"}
    assert {name for name in shown if name[0] == "_"} == {"__version__"}
    assert not [name for name in fg.__all__ if inspect.ismodule(getattr(fg, name))]


@pytest.mark.parametrize(
    ("module", "name", "words"),
    [
        ("", "graad", "There is grad"),
        ("", "tree_map", "use fg.tree.map"),
        ("", "block_until_ready", "arrays are NumPy's"),
        ("", "hessian_vector_product", "use fg.hvp"),
        ("numpy", "apend", "There is append"),
        ("numpy", "busday_count", "numpy.busday_count takes plain arrays only"),
        ("lax", "foriloop", "There is fori_loop"),
        ("nn", "softmx", "There is softmax"),
        ("random", "normall", "There is normal"),
        ("tree", "mapp", "There is map"),
        ("scipy.special", "gamaln", "There is gammaln"),
        ("torch", "zerros", "There is zeros"),
        ("torch.nn", "Lineer", "There is Linear"),
        ("torch.optim", "Addam", "There is Adam"),
        ("torch.optim", "SparseAdam", "use Adam"),
        ("torch.func", "gradd", "There is grad"),
        ("torch.utils.data", "DataLoder", "There is DataLoader"),
        ("torch.distributions", "Norml", "There is Normal"),
        ("torch.linalg", "solv", "There is solve"),
        ("scipy.special", "jn_zeros", "scipy.special.jn_zeros takes plain arrays only"),
    ],
)
def test_names_that_do_not_exist(module, name, words):
    owner = importlib.import_module(f"funcgrad.{module}".rstrip("."))
    with pytest.raises(AttributeError, match=words):
        getattr(owner, name)


def test_version_of_the_command():
    done = subprocess.run([sys.executable, "-m", "funcgrad", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"funcgrad {fg.__version__}\n"
