"""The tables of docs/sources.md and docs/dialects.md, cell by cell against what happens."""

from collections.abc import Callable
from pathlib import Path

import nir
import numpy as np
import pytest

from sim.program import Conv, Dense
from snn2hw.compiler.compile import compile
from snn2hw.network.float_reference import float_reference
from snn2hw.network.to_nir import write_nir
from snn2hw.network.view import lower
from snn2hw.sources.from_nir import from_nir
from snn2hw.sources.from_nir.dialects import DIALECTS
from snn2hw.sources.shapes import NEURON_FIELDS
from tests.network.test_to_nir import NORSE_READS, OUTCOMES
from tests.sources.nir_nets import DT, cases, chain, cuba, full, lif, rasters, source

DOCS = Path(__file__).parents[2] / "docs"


def table(page: str, first: str) -> dict[str, list[str]]:
    """Return the rows of the table whose header starts with ``first``."""
    lines = (DOCS / page).read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first} |"))
    rows = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        rows[name] = cells
    return rows


RNG = np.random.default_rng(0)
IMAGE = (2, 4, 4)
NETS: dict[str, tuple[Callable[[], tuple], tuple[int, ...]]] = {
    "Linear": (lambda: (nir.Linear(RNG.normal(size=(3, 4))), lif(3)), (4,)),
    "Affine": (lambda: (nir.Affine(RNG.normal(size=(3, 4)), np.ones(3)), lif(3)), (4,)),
    "Scale": (lambda: (nir.Scale(np.full(4, 2.0)), nir.Linear(RNG.normal(size=(3, 4))), lif(3)), (4,)),
    "Conv1d": (lambda: (nir.Conv1d(5, RNG.normal(size=(3, 2, 3)), 1, 1, 1, 1, np.ones(3)), lif((3, 5))), (2, 5)),
    "Conv2d": (lambda: (nir.Conv2d((4, 4), RNG.normal(size=(3, 2, 3, 3)), 1, 1, 1, 1, np.ones(3)), lif(3)), IMAGE),
    "SumPool2d": (lambda: (nir.SumPool2d(*np.array([[2, 2], [2, 2], [0, 0]])), lif(2)), IMAGE),
    "AvgPool2d": (lambda: (nir.AvgPool2d(*np.array([[2, 2], [2, 2], [0, 0]])), lif(2)), IMAGE),
    "Flatten": (lambda: (nir.Flatten(None, 0, -1), nir.Linear(RNG.normal(size=(3, 32))), lif(3)), IMAGE),
    "Delay": (lambda: (nir.Delay(np.full(4, 2 * DT)), nir.Linear(RNG.normal(size=(3, 4))), lif(3)), (4,)),
    "Threshold": (lambda: (nir.Linear(RNG.normal(size=(3, 4))), nir.Threshold(np.full(3, 0.2))), (4,)),
    "I": (lambda: (nir.Linear(RNG.normal(size=(3, 4))), nir.I(np.full(3, 100.0))), (4,)),
    "IF": (lambda: (nir.Linear(RNG.normal(size=(3, 4))), nir.IF(*full(3, 1000.0, 1.0, 0.0))), (4,)),
    "LI": (lambda: (nir.Linear(RNG.normal(size=(3, 4))), nir.LI(*full(3, 0.01, 1.0, 0.0))), (4,)),
    "LIF": (lambda: (nir.Linear(RNG.normal(size=(3, 4))), lif(3)), (4,)),
    "CubaLI": (
        lambda: (nir.Linear(RNG.normal(size=(3, 4))), nir.CubaLI(*full(3, 0.005, 0.01, 1, 0), w_in=full(3, 5)[0])),
        (4,),
    ),
    "CubaLIF": (lambda: (nir.Linear(RNG.normal(size=(3, 4))), cuba(3)), (4,)),
}
"""For every primitive a small network that holds it."""

PRIMITIVES = table("sources.md", "primitive")


def network(kind):
    make, shape = NETS[kind]
    return source(chain(*make(), shape=shape))


def test_every_primitive_has_a_row():
    assert set(PRIMITIVES) == set(NETS)
    assert len(NETS) == 16


@pytest.mark.parametrize("kind", NETS)
def test_read_and_exported(kind, tmp_path):
    read, _, _, exported = PRIMITIVES[kind]
    s = network(kind)
    nir.write(tmp_path / "theirs.nir", s.graph)
    write_nir(s, tmp_path / "ours.nir")
    nir.read(tmp_path / "ours.nir")
    x = rasters(np.random.default_rng(1), s.input_shape)
    expected = float_reference(s, x).output
    for said, again in (
        (read, from_nir(tmp_path / "theirs.nir", dt=DT)),
        (exported, from_nir(tmp_path / "ours.nir")),
    ):
        assert said == "yes"
        assert any(type(node).__name__ == kind for node in again.nodes.values())
        np.testing.assert_array_equal(float_reference(again, x).output, expected)


@pytest.mark.parametrize("kind", NETS)
def test_lowered(kind):
    said = PRIMITIVES[kind][1]
    kinds = [type(node).__name__ for node in lower(network(kind)).nodes.values()]
    if said in ("folded", "nothing"):
        assert kind not in kinds
        assert sorted(kinds) == ["Input", "LIF", "Linear", "Output"]
    else:
        assert said in kinds


@pytest.mark.parametrize("kind", NETS)
def test_compiled(kind):
    said = PRIMITIVES[kind][2]
    program = compile(network(kind), "fixed", weight_bits=16, steps=20)
    (population,) = program.populations
    connections = population.inputs
    match said:
        case "Dense" | "Conv":
            assert isinstance(connections[0].wiring, Dense if said == "Dense" else Conv)
        case "nothing":
            assert len(connections) == 1
            assert program.input.shape == IMAGE
        case "lag":
            assert [c.lag for c in connections] == [2]
        case "neuron" | "readout":
            assert population.fires == (said == "neuron")
            assert kind in NEURON_FIELDS
        case _:
            raise AssertionError(said)


def test_every_dialect_has_a_row_and_its_cells_are_the_rules():
    rows = table("dialects.md", "dialect")
    assert list(rows) == list(DIALECTS)
    times = {"spike": "at the spike", "before_decay": "before the next decay", "after_decay": "after the next decay"}
    for name, row in DIALECTS.items():
        rules = row.semantics
        betrays = row.written_dt.__name__ != "unknown"
        dt = "1 step" if row.dt == 1 else "1e-4" if row.dt else "from r" if betrays else "-"
        assert rows[name] == [
            dt,
            row.scheme,
            row.reset,
            rules.fires_at,
            rules.spikes_per_step,
            times[rules.reset_at],
            rules.spike_read.replace("_", " the "),
        ]


def test_the_frameworks_table_says_who_reads_whom():
    rows = {name.split()[0].lower(): cells for name, cells in table("sources.md", "framework").items()}
    for framework, outcomes in OUTCOMES.items():
        equal = sum(row["outcome"] == "equal" for row in outcomes.values())
        assert rows[framework][:2] == ["yes", f"{equal} of {len(outcomes)}"], framework
        assert any(case.startswith(f"{framework}/") for case in cases())
    assert rows["norse"][:2] == ["yes", f"{len(NORSE_READS) + 1} of 8"]  # and average pools, once lowered
    assert rows["nirtorch"][1] == "yes"


def test_the_number_of_habits_is_the_one_in_the_docs():
    from tests.sources.norse_habits import HABITS

    assert f"{len(HABITS)} further networks are written as people write them" in (DOCS / "norse.md").read_text()


def test_the_number_of_recordings_is_the_one_in_the_docs():
    text = " ".join((DOCS / "dialects.md").read_text().split())
    for framework, name in (
        ("snntorch", "of snnTorch"),
        ("spikingjelly", "of SpikingJelly"),
        ("sinabs", "of Sinabs"),
        ("rockpool", "of Rockpool"),
        ("spyx", "of Spyx"),
    ):
        count = sum(case.startswith(f"{framework}/") for case in cases())
        assert f"{count} networks {name}" in text or f"{count} {name}" in text
