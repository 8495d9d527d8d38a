"""`python -m funcgrad explain script.py`: what a user of the command sees."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from funcgrad.command import main

TRAIN = """\
import sys
import numpy as np
import funcgrad as fg

def loss(params, x):
    hidden = fg.nn.relu(x @ params["w"] - 10.0)
    return np.mean((hidden @ params["v"] + np.round(params["b"]) - 1.0) ** 2), hidden

params = {"b": np.array(0.3), "v": np.ones(2), "w": np.ones((3, 2))}
step = fg.jit(fg.value_and_grad(loss, has_aux=True))
for _ in range(3):
    (value, _), gradient = step(params, np.ones((4, 3)))
print("the script says", value, sys.argv[1:])
print(fg.grad(lambda x: x ** 2)(3.0))
"""
SHIM = """\
import funcgrad.torch as torch
x = torch.tensor([1.0, 2.0], requires_grad=True)
y = x.detach()
loss = (y * y).sum()
loss.backward()
"""


@pytest.fixture
def script(tmp_path):
    def write(text):
        path = tmp_path / "train.py"
        path.write_text(text)
        return str(path)

    return write


def test_the_gradients_of_a_script(script, capsys):
    assert main([script(TRAIN), "--", "--epochs", "3"]) == 0
    out = capsys.readouterr().out
    assert "the script says 1.0 ['--epochs', '3']" in out
    assert out.count("Gradient of") == 1, "each call of grad once, and only where something is amiss"
    assert re.search(r"Gradient of `loss`, called at\s+\S*train\.py:12:\s+1\s+cut,\s+2\s+zero", out)
    assert re.search(r"`round` at\s+\S*train\.py:7", out) and re.search(r"`relu` at\s+\S*train\.py:6", out)


def test_one_argument(script, capsys):
    assert main([script(TRAIN), "--var", "w"]) == 0
    out = capsys.readouterr().out
    assert "params['w']: zero" in out and "params['b']" not in out
    assert main([script(TRAIN), "--var", "nobody"]) == 1
    assert "no gradient of `nobody`" in capsys.readouterr().err


def test_all_and_nothing(script, capsys):
    fine = script("import funcgrad as fg\nprint(fg.grad(lambda x: x ** 2)(3.0))\n")
    assert main([fine]) == 0
    assert "1 call of grad, and every gradient flows" in capsys.readouterr().out
    assert main([fine, "--all"]) == 0
    assert "argument 0 `x`: flows" in capsys.readouterr().out


def test_a_page(script, tmp_path, capsys):
    page = tmp_path / "report.html"
    main([script(TRAIN), "--html", str(page)])
    html = page.read_text()
    assert html.startswith("<!DOCTYPE html>") and "<svg" in html and "train.py:7" in html


def test_a_script_that_raises_is_explained_all_the_same(script, capsys):
    text = "import funcgrad as fg\ndef f(x):\n    print('once')\n    return float(x) * 2\nfg.grad(f)(1.5)\n"
    assert main([script(text)]) == 1
    out, err = capsys.readouterr()
    assert "TracerConversionError" in err and "command.py" not in err
    assert re.search(r"`float` at\s+\S*train\.py:4", out)
    assert out.count("once") == 1, "what the explanation runs again is not shown again"


def test_tensors(script, capsys):
    assert main([script(SHIM)]) == 1
    out, err = capsys.readouterr()
    assert "element 0 of tensors does not require grad" in err
    assert "`x`: cut" in out and re.search(r"`detach` at\s+\S*train\.py:3", out)
    main([script(SHIM), "--var", "loss"])
    assert "`loss`: cut" in capsys.readouterr().out


def test_the_exit_status_is_the_scripts(script, capsys):
    assert main([script("raise SystemExit(3)\n")]) == 3


def test_the_command_itself(script):
    done = subprocess.run(
        [sys.executable, "-m", "funcgrad", "explain", script(TRAIN), "--var", "b"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "params['b']: cut" in done.stdout


def test_no_such_script(capsys):
    with pytest.raises(SystemExit):
        main(["nowhere.py"])
    assert "there is no file nowhere.py" in capsys.readouterr().err
