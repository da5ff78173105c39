"""benchmarks/speed.py on a small network: its fields, its peers missing or broken, and what it writes."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import speed
from timing import contestants, networks, parts, quick, report
from timing.add_peak import add_peak
from timing.contestants import PEERS, Peer, best, compete
from timing.memory import peak_memory
from timing.ours import measure
from timing.task_file import write_task

from sim.engines import run

FIELDS = ("samples_per_s", "add_peak_fraction", "vs_norse_best_batch", "vs_lava_best")


@pytest.fixture(scope="module")
def tiny() -> networks.Net:
    return networks.tiny_net()


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Return a maker of peers that do what a text of Python does."""
    monkeypatch.setattr(contestants, "SCRIPTS", tmp_path)

    def make(text: str) -> Peer:
        (tmp_path / "made_peer.py").write_text(text)
        return Peer("made", "Made")

    return make


@pytest.mark.parametrize("net", [networks.reference_net, networks.small_net])
def test_hidden_layers_fire_at_the_stated_rates(net: Any) -> None:
    program = net().program
    raster = networks.inputs(program, 8)
    assert 0.11 < raster.mean() < 0.13
    assert len({sample.tobytes() for sample in raster}) == 8
    for name, spikes in run(program, raster, engine="fast").spikes.items():
        assert name == "readout" or 0.06 < spikes.mean() < 0.07


def test_a_folded_pool_is_the_convolution_and_the_pool(tiny: networks.Net) -> None:
    torch = pytest.importorskip("torch")
    raster = networks.inputs(tiny.program, 2)
    layer, population = tiny.layers[0], tiny.program.populations[0]
    image = torch.from_numpy(raster[0]).double()
    pooled = torch.nn.functional.avg_pool2d(
        torch.nn.functional.conv2d(image, torch.from_numpy(layer.weight).double()), 2, divisor_override=1
    )
    folded = torch.from_numpy(population.inputs[0].wiring.weight.astype(np.int64)).double()
    assert torch.equal(pooled, torch.nn.functional.conv2d(image, folded, stride=2))


def test_adds_are_the_synops_when_no_weight_is_zero(tiny: networks.Net) -> None:
    first, *others = tiny.program.populations
    wired = [
        replace(p, inputs=tuple(replace(c, wiring=_without_zeros(c.wiring)) for c in p.inputs))
        for p in (first, *others)
    ]
    program = replace(tiny.program, populations=tuple(wired))
    raster = networks.inputs(program, 3)
    counts = run(program, raster).counts.synops
    assert networks.adds(program, raster) == sum(int(n.sum()) for n in counts.values()) / 3


def _without_zeros(wiring: Any) -> Any:
    return replace(wiring, weight=np.where(wiring.weight == 0, 1, wiring.weight))


def test_quick_writes_every_field(tiny: networks.Net) -> None:
    said = quick.measure(lambda: replace(tiny, name="reference"), norse=0.2, lava=0.2, own=0.1)
    found = said["reference_net"]
    assert found["distinct_inputs"] >= 64
    assert found["threads"] == 1
    for name in FIELDS:
        if found[name] is None:
            assert found["reasons"][name.split("_")[1]]
        else:
            assert found[name] > 0
    assert json.loads(json.dumps(said)) == said


def test_peers_that_are_missing_are_null_with_a_reason(tiny: networks.Net, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contestants, "python_of", lambda peer: Path("nowhere/bin/python"))
    found = quick.measure(lambda: tiny, norse=0.1, lava=0.1, own=0.1)["tiny_net"]
    assert found["samples_per_s"] > 0
    assert found["vs_norse_best_batch"] is None
    assert found["vs_lava_best"] is None
    assert 'pip install "snn2hw[test]"' in found["reasons"]["norse"]
    assert "snn2hw install-lava" in found["reasons"]["lava"]


def test_a_peer_that_fails_keeps_the_rows_it_has_said(peer: Any, tmp_path: Path) -> None:
    said = compete(
        peer('print(\'[{"form": "a", "seconds_per_sample": 2}]\'); raise SystemExit(\'no more\')'), tmp_path, 1
    )
    assert said == {"rows": [{"form": "a", "seconds_per_sample": 2}], "reason": "no more"}
    assert best(said, "a") == said["rows"][0]
    assert best(said, "b") is None


def test_a_peer_that_says_nonsense_measured_nothing(peer: Any, tmp_path: Path) -> None:
    assert compete(peer("print('hello')"), tmp_path, 1) == {"rows": [], "reason": "it measured nothing"}


def test_a_peer_that_hangs_is_stopped(peer: Any, tmp_path: Path) -> None:
    said = compete(peer("import time; time.sleep(60)"), tmp_path, 1, limit=0.5)
    assert said == {"rows": [], "reason": "stopped after 0.5 s"}


@pytest.mark.full
def test_norse_runs_the_same_network(tiny: networks.Net, tmp_path: Path) -> None:
    pytest.importorskip("norse")
    raster = networks.inputs(tiny.program, 4)
    write_task(tmp_path / "task.npz", tiny, raster)
    said = compete(PEERS["norse"], tmp_path / "task.npz", 3, limit=60, batches=(1, 4))
    assert said["reason"] is None
    assert {(row["form"], row["batch"]) for row in said["rows"]} == {
        (f, b) for f in ("trained", "folded") for b in (1, 4)
    }
    rate = run(tiny.program, raster).spikes["hidden1"].mean()
    assert all(abs(row["rates"][0] - rate) < 0.002 for row in said["rows"])


def test_add_peak_is_above_what_the_engine_reaches(tiny: networks.Net) -> None:
    assert measure(tiny.program, networks.inputs(tiny.program, 64), 0.1)["adds_per_s"] < add_peak(0.1)


def test_memory_of_a_process_of_its_own() -> None:
    assert 20e6 < peak_memory(1, 2) < 1e9


@pytest.mark.full
def test_parts_are_added_to_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: networks.Net) -> None:
    monkeypatch.setitem(parts.NETS, "small", lambda: tiny)
    monkeypatch.setattr(parts, "SECONDS", 0.05)
    earlier = {"schema": quick.SCHEMA, "parts": {"threads": _threads()}}
    (tmp_path / "speed.json").write_text(json.dumps(earlier))
    monkeypatch.setattr(sys, "argv", ["speed.py", "-o", str(tmp_path), "--only", "small"])
    assert speed.main() == 0
    written = json.loads((tmp_path / "speed.json").read_text())
    assert list(written["parts"]) == ["threads", "small"]
    assert "2 threads over a batch of 256: 1.90x one" in (tmp_path / "speed.md").read_text()
    assert (tmp_path / "speed.png").read_bytes().startswith(b"\x89PNG")


def _threads() -> dict[str, Any]:
    return {"found": [{"threads": 1, "speedup": 1.0}, {"threads": 2, "speedup": 1.9}]}


def test_a_peer_without_rows_is_a_line_with_its_reason() -> None:
    found = {net: {"rows": [], "reason": "it is too old"} for net in ("reference", "small")}
    assert "| Norse 1.1 LIFCell, LIF | not measured: it is too old |" in report.table({"norse": {"found": found}})


@pytest.mark.full
def test_quick_ends_in_time(tmp_path: Path) -> None:
    command = [sys.executable, speed.__file__, "--quick", "--json", str(tmp_path / "speed.json")]
    subprocess.run(command, check=True, timeout=50)
    found = json.loads((tmp_path / "speed.json").read_text())["reference_net"]
    assert all(found[name] is None or found[name] > 0 for name in FIELDS)
