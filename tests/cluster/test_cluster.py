"""A cluster of processes gives what one process gives, byte for byte, whoever dies on the way."""

import json
import os
import signal
import socket
import threading
import time

import numpy as np
import pytest

pytest.importorskip("distributed", reason="Dask is not installed: pip install snn2hw[distributed]")

from exporters.program_file import write_program
from sim.errors import InputError, ToolError
from sim.program import Connection, Dense, Input, Population, Program
from snn2hw.cluster.client import connected
from snn2hw.cluster.local import LocalCluster
from snn2hw.commands import main
from snn2hw.files.rasters import write_raster
from tests.programs import Space, random_program, random_raster
from tests.project.test_options import _write_network

SAMPLES = 23


@pytest.fixture(scope="module")
def cluster():
    with LocalCluster(2) as running:
        yield running


@pytest.fixture
def home(tmp_path, monkeypatch):
    rng = np.random.default_rng(11)
    program = random_program(rng, Space(wide=False))
    write_program(program, tmp_path / "p.nir")
    raster = random_raster(rng, program, batch=SAMPLES, steps=6)
    write_raster(tmp_path / "x.npz", raster, rng.integers(0, program.output.size, SAMPLES))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _outputs(home, capsys, name, *more):
    """Return what run, energy and verify say and write, without times."""
    run, priced, verdict = f"{name}.npz", f"{name}-energy.json", f"{name}-verdict.json"
    said = []
    for words in (
        ["run", "p.nir", "--input", "x.npz", "--record", "spikes,u,v", "--allow-wrap", "-o", run],
        ["energy", "p.nir", "--input", "x.npz", "-o", priced],
        ["verify", "p.nir", "--input", "x.npz", "--against", "fast", "-o", verdict],
    ):
        said.append(main([*words, *more]))
        out = capsys.readouterr().out
        said.append(out.replace(name, "NAME") if words[0] != "verify" else "")
    found = json.loads((home / verdict).read_text())
    for row in found["rows"]:
        row.pop("seconds")
    return said, (home / run).read_bytes(), (home / priced).read_bytes(), found


def test_files_of_a_cluster_are_those_of_one_process(cluster, home, capsys):
    alone = _outputs(home, capsys, "alone")
    assert alone[0][::2] == [0, 0, 0]
    assert _outputs(home, capsys, "there", "--scheduler", cluster.address, "--chunk", "5") == alone


@pytest.mark.full
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_files_are_the_same_for_any_number_of_workers(home, capsys, workers):
    alone = _outputs(home, capsys, "alone")
    with LocalCluster(workers) as running:
        for chunk in (1, 3, 7, 23, 100):
            assert _outputs(home, capsys, "there", "--scheduler", running.address, "--chunk", str(chunk)) == alone


def test_the_work_of_a_killed_worker_is_done_once_by_another(home, capsys):
    assert main(["run", "p.nir", "--input", "x.npz", "--allow-wrap", "--json"]) == 0
    alone = json.loads(capsys.readouterr().out)
    with LocalCluster(2) as running:
        killed, over = [], threading.Event()

        def kill():
            while not over.wait(0.3):
                running.tend()
                if len(killed) < 2:
                    killed.append(running.pids[0])
                    os.kill(running.pids[0], signal.SIGKILL)

        thread = threading.Thread(target=kill)
        thread.start()
        try:
            words = ["run", "p.nir", "--input", "x.npz", "--allow-wrap", "--json", "--chunk", "1"]
            while len(killed) < 2:
                assert main([*words, "--scheduler", running.address]) == 0
                assert json.loads(capsys.readouterr().out) == alone
        finally:
            over.set()
            thread.join()
        deadline = time.monotonic() + 60
        while running.replaced < 2 and time.monotonic() < deadline:
            running.tend()
            time.sleep(0.1)
        assert running.replaced == 2


def test_a_divergence_there_is_the_divergence_here(cluster, home, capsys, monkeypatch):
    """A refusal of an executor, and its sample, survive the way back."""
    wraps = Population("p", (1,), (Connection("input", Dense([[200]]), exponent=7),), du=0, fires=False)
    write_program(Program(Input((1,)), (wraps,)), home / "w.nir")
    raster = np.zeros((6, 9, 1), np.uint8)
    raster[4] = 1
    write_raster(home / "w.npz", raster)
    words = ["run", "w.nir", "--input", "w.npz", "--chunk", "2"]
    assert main(words) == 1
    alone = capsys.readouterr().err
    assert "sample 4" in alone
    assert main([*words, "--scheduler", cluster.address]) == 1
    assert capsys.readouterr().err == alone


def test_an_executor_of_ones_own_is_not_sent(cluster, home, capsys):
    words = ["verify", "p.nir", "--input", "x.npz", "--scheduler", cluster.address]
    assert main([*words, "--against", "mine:run"]) == 2
    assert "workers import nothing of yours" in capsys.readouterr().err
    (home / "c").mkdir()
    assert main([*words, "--artifact", "c=c"]) == 2
    assert "--artifact with --scheduler" in capsys.readouterr().err


def test_a_module_of_the_working_folder_is_never_imported_by_a_worker(cluster, home, capsys):
    """Neither a name that the project imports nor one that a command names."""
    for name in ("sim", "tabulate", "mine"):
        (home / f"{name}.py").write_text("import pathlib; pathlib.Path(__file__).with_suffix('.seen').touch()")
    (home / "study.toml").write_text(
        'schema = "snn2hw.study/1"\nrun.commands = ["check mine:model {how}"]\nmeasure.n = "check.n"\n'
        'settings.how = { plain = [], named = ["--target", "loihi1"] }\n'
    )
    assert main(["sweep", "study.toml", "-o", "swept", "--scheduler", cluster.address, "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert all("no module 'mine'" in row["error"] for row in rows)
    assert list(home.rglob("*.seen")) == []


def test_a_program_tuned_there_is_the_program_tuned_here(cluster, home, capsys):
    pytest.importorskip("torch")
    _write_network(home / "net.nir")
    write_raster(home / "two.npz", np.random.default_rng(0).integers(0, 2, (8, 4, 2)), np.arange(8) % 2)
    words = ["tune", "net.nir", "--dt", "1e-3", "--data", "two.npz", "--epochs", "2", "--test", "two.npz"]
    said = []
    for name, more in (("here.nir", []), ("there.nir", ["--scheduler", cluster.address])):
        assert main([*words, "-o", name, "--json", *more]) == 0
        said.append(json.loads(capsys.readouterr().out))
        assert said[-1].pop("wrote") == [name]
        for row in said[-1]["epochs"]:
            row.pop("seconds", None)
    assert said[0] == said[1]
    assert (home / "here.nir").read_bytes() == (home / "there.nir").read_bytes()


def test_a_scheduler_without_workers_is_refused_in_bounded_time(monkeypatch, cluster):
    from snn2hw.cluster import client

    monkeypatch.setattr(client, "WORKERS_WITHIN_S", 0.5)
    with LocalCluster(0) as empty, pytest.raises(InputError, match="has no workers"), connected(empty.address):
        pass


def test_a_cluster_whose_scheduler_is_dead_ends():
    with LocalCluster(0) as running:
        running.tend()
        os.kill(running.scheduler_pid, signal.SIGKILL)
        time.sleep(1)
        with pytest.raises(ToolError, match="the scheduler has ended"):
            running.tend()


def test_a_port_that_is_no_scheduler_is_refused_in_bounded_time(monkeypatch):
    from snn2hw.cluster import address as addresses

    monkeypatch.setattr(addresses, "ANSWERS_S", 1.0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(InputError, match="does not answer as a Dask scheduler"), connected(address):
            pass
        assert time.monotonic() - began < 30
