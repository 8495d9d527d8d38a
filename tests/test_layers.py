"""A file imports only from its own layer and those below: read from the imports themselves."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import funcgrad
from tests.groups import together

ROOT = Path(funcgrad.__file__).parent
LAYERS = [
    ["errors", "names", "config"],
    ["core.provenance"],
    ["core.frames", "core.warned"],
    ["core.entrance"],
    ["tree"],
    ["tree_util"],
    ["core.reading"],
    ["core.arrays"],
    ["core.avals"],
    ["core.arrivals"],
    ["core.recent", "core.forks"],
    ["core.memory"],
    ["core.constants"],
    ["core.trace"],
    ["core.tape"],
    ["core.linear"],
    ["core.graph", "core"],
    ["core.staging"],
    ["core.remedies"],
    ["ops.direct", "ops.shortcuts", "ops.large"],
    ["ops.reductions"],
    ["ops.families"],
    ["ops.broadcasting"],
    ["ops.families.elementwise"],
    ["ops.elementwise"],
    ["ops"],
    ["transforms"],
    ["debug"],
    ["ad_checkpoint"],
    ["compile"],
    ["numpy"],
    ["flatten_util"],
    ["lax"],
    ["from_numba"],
    ["random"],
    ["nn"],
    ["scipy"],
    ["kernels", "test_util"],
    ["pymanopt"],
    ["torch"],
    ["tour", "command", "__main__", "cache"],
]
"""From the bottom; a name stands for a module or for all of a package that is not named more closely."""
FILES = sorted(ROOT.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(path: Path) -> str:
    return module_name(path).split(".")[0] or "funcgrad"


def layer(name: str) -> int:
    """The layer that the closest entry gives."""
    found = [
        (len(entry), depth)
        for depth, entries in enumerate(LAYERS)
        for entry in entries
        if name == entry or name.startswith(entry + ".")
    ]
    assert found, f"funcgrad.{name} is in no layer: add it to LAYERS"
    return max(found)[1]


@cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


def imported(path: Path) -> list[tuple[int, str]]:
    """Modules of funcgrad that a file imports anywhere in it, with the line."""
    return imported_by(nodes(path), path)


def imported_by(nodes: Iterable[ast.AST], path: Path) -> list[tuple[int, str]]:
    found = []
    for node in nodes:
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.append((node.lineno, inner if is_module(inner) else node.module))
    return [(line, name.removeprefix("funcgrad").lstrip(".")) for line, name in found if is_ours(name)]


def is_ours(name: str) -> bool:
    return name == "funcgrad" or name.startswith("funcgrad.")


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split(".")[1:])
    return is_ours(name) and (path.with_suffix(".py").exists() or path.is_dir())


@together("path", [p for p in FILES if module_name(p)], package_of)
def test_imports_go_down(path):
    name = module_name(path)
    mine = layer(name)
    upward = [
        f"line {line}: {other or 'funcgrad itself'}"
        for line, other in imported(path)
        if not (other == "" and name.startswith(("tour", "__main__")))
        and (other == "" or layer(other) > mine)
    ]
    assert not upward, f"funcgrad.{name} (layer {LAYERS[mine][0]}) imports from above: {upward}"


def run_time_imports(path: Path) -> set[str]:
    """What a file imports when it runs, in functions too: not for annotations only."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    return {name for _, name in imported_by(ast.walk(tree), path)} - {module_name(path)}


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The modules that import each other, directly or through others."""
    reached: dict[str, set[str]] = {}
    for start in graph:
        found: set[str] = set()
        waiting = [start]
        while waiting:
            new = graph.get(waiting.pop(), set()) - found
            found |= new
            waiting += new
        reached[start] = found
    rings = {frozenset(b for b in reached[a] if a in reached.get(b, ())) for a in graph if a in reached[a]}
    return sorted(map(sorted, rings))


def test_no_module_imports_itself_through_others():
    """Not in functions either: what two files share stands in a third. In functions stands what is long to import."""
    assert circles({module_name(p): run_time_imports(p) for p in FILES if module_name(p)}) == []


@together("path", [p for p in FILES if module_name(p)], package_of)
def test_an_import_in_a_function_says_what_it_spares(path):
    lines = path.read_text().split("\n")
    functions = [node for node in nodes(path) if isinstance(node, ast.FunctionDef)]
    inner = {(node.lineno, name) for f in functions for node in ast.walk(f) for _, name in imported_by([node], path)}
    silent = [(line, name) for line, name in sorted(inner) if "#" not in lines[line - 2] + lines[line - 1]]
    assert not silent, f"funcgrad.{module_name(path)}: no reason beside {silent}"


def test_a_circle_is_seen():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}
    assert circles(graph) == [["b", "c"]]


def test_every_layer_exists():
    """So that a renamed folder does not leave its rule behind."""
    for entries in LAYERS:
        for entry in entries:
            if entry != "__main__":
                assert is_module(f"funcgrad.{entry}"), entry


def test_the_floor_of_operations_stands_alone():
    """Derivatives of both orders of every primitive in `ops/`, in a process where nothing above it can be imported."""
    done = subprocess.run([sys.executable, "-m", "tests.floor"], capture_output=True, text=True, cwd=ROOT.parent)
    assert not done.returncode, done.stderr
    count, *above = done.stdout.split()
    assert int(count) > 400 and not above


def roots(path: Path) -> set[str]:
    """The top-level packages that a file imports."""
    found = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_who_knows_llvmlite_and_numba():
    """numba only where its users come from: nobody else may import these files but on their behalf."""
    of_numba = ["compile.numba_function", "kernels"]
    assert [module_name(p) for p in FILES if "numba" in roots(p)] == of_numba
    assert [module_name(p) for p in FILES if "llvmlite" in roots(p)] == ["compile.binding", *of_numba]


@together("path", FILES, package_of)
def test_no_foreign_packages(path):
    """Run-time dependencies are NumPy and numba; scipy is an extra, and a backend of pymanopt needs pymanopt."""
    foreign = roots(path) - set(sys.stdlib_module_names) - {"funcgrad", "numpy", "numba", "llvmlite"}
    borrowing = module_name(path) == "ops.special" or module_name(path).startswith("scipy.")
    assert foreign <= ({"scipy"} if borrowing else {"pymanopt"} if module_name(path) == "pymanopt" else set())


INNER = {
    "torch._ops.values": {
        "ops.broadcasting",
        "ops.by_value",
        "ops.contract",
        "ops.elementwise",
        "ops.index",
        "ops.normalise",
        "ops.products",
        "ops.reduce",
        "ops.special",
        "ops.structure",
    },
    "torch.nn._recorded": {"core.tape"},  # what a recorded value is, for the shorter way to record one
    "torch.nn.functional.recurrent": {"core.staging"},  # whether a loop is written down: then it is a scan
}


@together("path", [p for p in FILES if module_name(p).startswith(("torch._ops", "torch.nn"))], package_of)
def test_the_shim_has_no_rules_of_its_own(path):
    """Its operations are made of public functions over values: derivatives, shapes and dtypes are theirs.

    `ops.subscript` is indexing itself, which has no public name; `values` has them without checks; the `kinks` are
    where PyTorch's derivatives differ.
    """
    used = {name for _, name in imported(path) if name.startswith(("ops", "core", "transforms"))}
    allowed = {"ops.subscript", "core.trace", "core.provenance", "core.frames", "core.entrance", "core.warned"}
    allowed.add("transforms.fused")  # which makes one entry of what others compute
    assert used - INNER.get(module_name(path), set()) <= allowed, used


def test_the_rule_sees_an_upward_import(tmp_path):
    """The test itself: an import from above, wherever in a file it stands, is seen."""
    file = tmp_path / "below.py"
    file.write_text("def f():\n    from funcgrad.transforms.api import grad\n    import funcgrad.torch\n")
    assert imported(file) == [(2, "transforms.api"), (3, "torch")]
    assert layer("transforms.api") > layer("core.tape") and layer("ops.linalg") > layer("ops.families")
