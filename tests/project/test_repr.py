"""What Python and a notebook print of a value fits a screen, whatever the value holds, and is text alone."""

from dataclasses import replace

import numpy as np
import pytest

import snn2hw as sw
from sim.summary import Summary
from snn2hw.chips.target import get_target
from snn2hw.compiler.certify import prove

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def program():
    """A hundred populations in a row, made from something whose name is a script."""
    names = [f"p{i}" for i in range(100)]
    reads = ["input", *names]
    eye = sw.Dense(np.eye(40, dtype=int) * 9)
    populations = [
        sw.Population(n, (40,), (sw.Connection(r, eye),), vth=1) for n, r in zip(names, reads[:-1], strict=True)
    ]
    return sw.Program(sw.Input((40,)), tuple(populations), record={"origin": f"{HOSTILE} {'long ' * 60}"})


@pytest.fixture(scope="module")
def raster():
    return np.ones((2, 5, 40), np.uint8)


@pytest.fixture(scope="module")
def values(program, raster, tmp_path_factory):
    """One of each kind that people look at."""
    report = sw.energy(program, raster, engine="reference")
    return {
        "Program": program,
        "Trace": sw.run(program, raster, record=("spikes", "u", "v")),
        "Verdict": sw.verify(program, raster, against=()),
        "EnergyReport": report,
        "Certificate": prove(program, 5),
        "Artifact": sw.export(program, to="nir", folder=tmp_path_factory.mktemp("made") / "nir"),
        "Target": get_target("loihi1"),
    }


KINDS = ("Program", "Trace", "Verdict", "EnergyReport", "Certificate", "Artifact", "Target")


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_fits_a_screen_and_says_what_it_is(values, kind):
    lines = repr(values[kind]).splitlines()
    assert lines[0].startswith(kind)
    assert 2 < len(lines) < 25
    assert max(map(len, lines)) < 100


@pytest.mark.parametrize("kind", KINDS)
def test_a_notebook_is_given_a_table_without_what_a_name_could_smuggle_in(values, kind):
    html = values[kind]._repr_html_()
    assert html.startswith(f"<div>{kind}")
    assert html.count("<table>") == 1
    assert "<script" not in html


def test_a_source_and_ranges_fit_a_screen():
    nir = pytest.importorskip("nir")
    from snn2hw.compiler.compile import prepare
    from snn2hw.network.registers import machine_of

    ones = np.ones(8)
    layers = {f"fc{i}": nir.Linear(np.eye(8)) for i in range(30)}
    cells = {f"lif{i}": nir.LIF(ones * 1e-2, ones, ones * 0, ones * 0.1) for i in range(30)}
    nodes = [node for pair in zip(layers.items(), cells.items(), strict=True) for node in pair]
    chain = {"input": nir.Input({"input": np.array([8])}), **dict(nodes), "output": nir.Output({"output": [8]})}
    graph = nir.NIRGraph(chain, list(zip(list(chain), list(chain)[1:], strict=False)))
    source = sw.from_nir(graph, dt=1e-3, dialect="norse")
    ranges = prepare(machine_of(source), get_target("loihi1"), np.ones((2, 4, 8), np.uint8)).ranges
    for value in (source, ranges):
        lines = repr(value).splitlines()
        assert len(lines) < 25
        assert max(map(len, lines)) < 100
        assert "more" in lines[-1]


def test_what_matters_stands_in_the_text(values, program):
    text = repr(program)
    assert program.digest[:12] in text
    assert "100 populations, 4,000 neurons, 160,000 weights" in text
    assert "2 samples of 5 steps" in repr(values["Trace"])
    assert "recorded: spikes, u, v" in repr(values["Trace"])
    assert "all equal" in repr(values["Verdict"])
    renamed = replace(values["Target"], title="A\x1b[31m chip")
    assert "\x1b" not in repr(renamed)
    assert "\x1b" not in renamed._repr_html_()


def test_a_summary_without_rows_is_its_title_and_facts():
    assert Summary("a", ["b"]).text == "a\n  b"
    assert Summary("a & b").html == "<div>a &amp; b</div>"
