"""The forms of a report: text of any width, colours, HTML, the graph."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from html import unescape

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.transforms.explain.drawing import Arrow, Box, Drawing, Layout
from funcgrad.transforms.explain.page import STYLE
from funcgrad.transforms.explain.text import columns as columns_of
from funcgrad.transforms.explain.text import wrapped
from tests.explain.test_rows import run

ESCAPES = re.compile(r"\x1b\[\d+m")
X = np.array([0.0, 1.0, 4.0])
PROGRAM = """\
def fun(params, x):
    hidden = nn.relu(x @ params["weights of the first layer"] - 20.0) + np.round(params["offset"]) * 3.0
    return np.mean(np.where(hidden > 0, hidden, 0.0) + np.sqrt(params["scale"]) + fg.stop_gradient(params["scale"]))
"""


@pytest.fixture(scope="module")
def report():
    params = {"weights of the first layer": np.ones((3, 2)), "offset": np.array(0.5), "scale": np.array(0.0)}
    return fg.explain(run(PROGRAM, "faces")["fun"])(params, np.ones((4, 3)))


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    def of(columns, **environment):
        for name in ("NO_COLOR", "TERM"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"COLUMNS": str(columns), "LINES": "24", **environment}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.stdout", Terminal())

    return of


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_text_of_any_width(report, width):
    lines = report.to_text(width=width).splitlines()
    assert max(map(len, lines)) <= width
    carets = [i for i, text in enumerate(lines) if re.fullmatch(r" +\^[ ^]*", text)]
    assert carets
    for i in carets:
        marked = lines[i - 1][lines[i].index("^") : len(lines[i])]
        assert re.match(r"\.{0,3}[\w\[]", marked), (lines[i - 1], lines[i])


def test_a_terminal_is_used_to_its_width_and_in_colour(report, terminal):
    for columns in (60, 81, 120):
        terminal(columns)
        text = str(report)
        assert "\x1b[31m" in text and "\x1b[0m" in text
        plain = ESCAPES.sub("", text)
        assert plain == report.to_text(width=columns - 1, colour=False)
    terminal(500)
    assert max(map(len, ESCAPES.sub("", str(report)).splitlines())) <= 120


def test_no_colour_where_it_is_not_wanted(report, terminal):
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        terminal(81, **environment)
        assert "\x1b" not in str(report)


def test_a_pipe_has_neither(report, monkeypatch):
    monkeypatch.setattr("sys.stdout", io.StringIO())
    monkeypatch.setenv("COLUMNS", "60")
    assert str(report) == report.to_text(width=79, colour=False)
    monkeypatch.setattr("sys.stdout", None)
    assert str(report) == report.to_text(width=79, colour=False)


def test_a_notebook_has_html_in_light_and_dark(report):
    html = report._repr_html_()
    assert "prefers-color-scheme:dark" in html and "monospace" in html and "white-space:pre" in html
    assert '<span class="caret">' in html and '<span class="bad">cut</span>' in html
    assert "script" not in html
    text = re.sub(r"<[^>]*>", "", re.search(r"<pre>(.*)</pre>", html, re.DOTALL).group(1))
    assert text.replace("&quot;", '"').replace("&#x27;", "'").replace("&gt;", ">") == report.to_text(79, False)
    light, dark = (set(re.findall(r"(--fg-\w+):", part)) for part in STYLE.split("@media"))
    assert light == dark != set()


def test_a_page_of_its_own(report):
    page = report.to_html()
    assert page.startswith("<!DOCTYPE html>") and page.count("<svg") == 1 and "charset" in page


def test_the_svg_marks_cuts_and_choices(report):
    svg = ET.fromstring(report.drawing.to_svg())
    kinds = [e.get("class") for e in svg.iter() if e.tag.endswith("path")]
    assert {"cut", "chooses"} <= set(kinds)
    labels = ["".join(e.itertext()) for e in svg.iter() if e.tag.endswith("text")]
    assert {"params['offset']", "stop_gradient", "relu", "output"} <= set(labels)
    dot = report.to_dot()
    assert "style=dashed" in dot and "style=dotted" in dot


def test_boxes_of_a_drawing_do_not_overlap_and_arrows_pass_none():
    boxes = [Box(str(i), "", "op") for i in range(9)]
    arrows = [Arrow(0, 1), Arrow(1, 2), Arrow(0, 2, "cut"), Arrow(0, 3), Arrow(3, 8), Arrow(2, 4), Arrow(1, 8)]
    layout = Layout(len(boxes), arrows)
    corners = [layout.corner(i) for i in range(9)]
    for i, (x, y) in enumerate(corners):
        assert 0 <= x and x + 230 <= layout.width and y + 44 <= layout.height
        assert all(v != y or abs(u - x) >= 230 for u, v in corners[i + 1 :])
    for arrow in arrows:
        for x, y in layout.points(arrow)[1:-1]:
            assert not any(u <= x <= u + 230 and v <= y <= v + 44 for u, v in corners), arrow


def test_nothing_to_draw():
    assert Drawing((), ()).to_svg() == ""
    assert fg.explain(lambda x: 3.0)(X)._repr_html_()


# a table of parameters, and text of any script

WIDE = """\
import funcgrad.torch as torch
from funcgrad.torch import nn
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.self_attention_output_projection = nn.Linear(3, 4)
        self.head = nn.Linear(4, 1)
        nn.init.constant_(self.self_attention_output_projection.bias, -50.0)
    def forward(self, 入力):
        隠れ層 = torch.relu(self.self_attention_output_projection(入力)) * 1.0 + 0.0 * len("とても長いコメント" * 40)
        return self.head(隠れ層)
net = nn.Sequential(nn.Sequential(Block()))
net.重み = nn.Parameter(torch.ones(2))
net(torch.ones(2, 3)).sum().backward()
"""


@pytest.fixture(scope="module")
def table():
    return run(WIDE, "wide")["net"].explain_grads()


@pytest.mark.parametrize("width", [40, 60, 79, 120])
def test_a_table_fits_any_width(table, width):
    lines = table.to_text(width=width, colour=False).splitlines()
    assert max(map(columns_of, lines)) <= width
    head = next(line for line in lines if line.startswith("parameter"))
    assert head.split() == ["parameter", "shape", "status", "cause"]
    for status in ("unused", "zero", "flows"):
        rows = [line for line in lines if re.search(rf"\)  +{status}", line)]
        assert rows and all(columns_of(line[: line.index(status)]) == head.index("status") for line in rows)
    text = "".join(line.strip() for line in lines)
    assert "0.0.self_attention_output_projection.weight" in text and "`relu`" in text


def test_a_table_in_colour_and_as_html_is_the_same_table(table):
    plain = table.to_text(width=79, colour=False)
    assert ESCAPES.sub("", table.to_text(width=79, colour=True)) == plain
    html = re.search(r"<pre>(.*)</pre>", table._repr_html_(), re.DOTALL).group(1)
    assert unescape(re.sub(r"<[^>]*>", "", html)) == plain


@pytest.mark.parametrize("width", [40, 60, 79, 120])
def test_carets_stand_below_wide_letters(table, width):
    lines = table.to_text(width=width, colour=False).splitlines()
    (at,) = [i for i, line in enumerate(lines) if "^" in line and "relu" in lines[i - 1]]
    before, marks = lines[at - 1], lines[at]
    letters = [c for c in before for _ in range(columns_of(c))]
    marked = "".join(c for c, mark in zip(letters, marks, strict=False) if mark == "^")
    assert marked.startswith("torch.relu(")


def test_words_are_kept_whole():
    text = "a word_that_is_long and module.another_word_that_is_longer_than_a_line here"
    lines = wrapped(text, 24, "  ")
    assert max(map(columns_of, lines)) <= 24
    assert lines[0] == "  a word_that_is_long" and lines[2].strip().startswith("another_word_")
    assert lines[1] == "  and module."
    assert wrapped("温度" * 10, 9, "") == ["温度温度"] * 5
    assert wrapped("", 9, "  ") == ["  "]


def test_the_svg_of_a_tensor_shows_its_cuts():
    names = run(
        "import funcgrad.torch as torch\n"
        "u, v = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)\n"
        "loss = (u.detach() * 2.0 + u * v).sum()\n"
        "constant = (u.detach() * 2.0).sum()\n",
        "cuts",
    )
    for name, operations in (("loss", {"mul", "add", "sum"}), ("constant", set())):
        drawing = names[name].explain_grad().drawing
        boxes = {box.label: (i, box) for i, box in enumerate(drawing.boxes)}
        cut, box = boxes["detach"]
        assert box.kind == "left" and box.detail.endswith("u.detach()")
        assert {arrow.kind for arrow in drawing.arrows if arrow.source == cut} == {"cut"}
        assert [drawing.boxes[arrow.source].kind for arrow in drawing.arrows if arrow.target == cut] == ["leaf"]
        assert operations < set(boxes)


def test_arrows_of_a_loop_go_back_beside_the_boxes():
    drawing = Drawing([Box(str(i), "", "op") for i in range(4)], [Arrow(0, 1), Arrow(1, 2), Arrow(2, 3), Arrow(2, 0)])
    layout = Layout(4, drawing.arrows)
    right = max(layout.corner(i)[0] for i in range(4)) + 230
    (lane,) = re.findall(r"H(\d+)Q", layout.back(Arrow(2, 0)))
    assert right < int(lane) + 8 < layout.width
    assert ET.fromstring(drawing.to_svg()).get("width") == str(layout.width)
