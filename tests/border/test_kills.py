"""`kill -9` at any moment: the output is the old or the new one, a run goes on as if nothing had been, nothing stays.

Each command is forked from a process that has imported everything, and killed after a random time: half of the kills
fall anywhere, half of them at the end, where it writes.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from exporters.artifact import read_artifact
from exporters.program_file import read_program_file, write_program
from snn2hw.compiler.certify import prove
from snn2hw.files.rasters import read_npz, write_raster
from snn2hw.fuzz.draw import Space, random_program, random_raster
from tests.border.living import marked
from tests.project.test_options import _write_network
from tests.waiting import wait_for

pytest.importorskip("torch")
pytest.importorskip("norse")

ROOT = Path(__file__).parents[2]
ZYGOTE = Path(__file__).with_name("zygote.py")
ENDED_S = 10.0
AT_THE_END = (0.7, 1.05)
"""Where half of the kills fall, as shares of the time that an undisturbed call takes."""
MOST_KILLS_OF_A_RUN = 6


@dataclass(frozen=True)
class Case:
    """A command: ``words`` write ``output``, with ``before`` what it replaces; ``folder`` is of a run to be resumed."""

    words: str
    output: str
    before: str | None = None
    folder: str | None = None

    @property
    def verb(self) -> str:
        return self.words.split()[0]


CASES = [
    Case("compile net.nir --dt 1e-3 --data two.npz -o out.nir", "out.nir", "--weight-bits 3"),
    Case("export p.nir --to c --input x.npz -o out", "out", "--samples 1"),
    Case("export p.nir --to golden --input x.npz -o out", "out", "--samples 1"),
    Case("run p.nir --input x.npz --engine reference --record spikes,u,v -o out.npz", "out.npz", "--record v"),
    Case("energy p.nir --input x.npz --engine reference -o out.json", "out.json", "--samples 1"),
    Case("verify p.nir --input x.npz --against nir,c -o out.json", "out.json", "--samples 1"),
    Case("tune net.nir --dt 1e-3 --data two.npz --epochs 6 --device cpu --runs run -o out.nir", "out.nir", None, "run"),
    Case(
        "train folder --data words --device cpu --steps 2 --epochs 3 --size seed --variants 0 --batch 8 -o run",
        "run/model.pt",
        None,
        "run",
    ),
]


def _write_files(home, verb):
    rng = np.random.default_rng(5)
    program = random_program(rng, Space(wide=False))
    write_program(program, home / "p.nir", attachments={"certificate": prove(program, 8).to_json()})
    write_raster(home / "x.npz", random_raster(rng, program, batch=3, steps=5))
    _write_network(home / "net.nir")
    write_raster(home / "two.npz", rng.integers(0, 2, (24, 6, 2)), np.arange(24) % 2)
    (home / "tmp").mkdir()
    if verb == "train":
        soundfile = pytest.importorskip("soundfile")
        for part in ("train", "test"):
            for word, hz in (("down", 500), ("up", 2000)):
                folder = home / "words" / part / word
                folder.mkdir(parents=True)
                for k in range(6):
                    sound = np.sin(2 * np.pi * hz * np.arange(2400) / 8000) + rng.normal(0, 0.1, 2400)
                    soundfile.write(folder / f"{k}.wav", 0.4 * sound, 8000)


class Killer:
    """Runs commands in a folder and kills them; ``token`` marks the environment of all that they start."""

    def __init__(self, home):
        self.home, self.token = home, secrets.token_hex(8)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(home / "tmp"), "KILLED_BY": self.token}
        environment |= {"SNN2HW_CACHE": str(home / "cache"), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        environment["TORCHINDUCTOR_CACHE_DIR"] = str(home / "cache")  # torch's own, which stays
        pipe = subprocess.PIPE
        self.zygote = subprocess.Popen(
            [sys.executable, str(ZYGOTE)], cwd=home, env=environment, stdin=pipe, stdout=pipe, text=True
        )

    def run(self, words, after_s=None):
        """Run a command, kill it after so many seconds, and return its wait status."""
        self.zygote.stdin.write(json.dumps([words, after_s]) + "\n")
        self.zygote.stdin.flush()
        return int(self.zygote.stdout.readline())

    def started(self):
        """Return the processes that live on."""
        return [pid for pid in marked(f"KILLED_BY={self.token}") if pid != self.zygote.pid]

    def left(self):
        """Return the processes that live on, what lies in the folder for temporary files, and drafts elsewhere."""
        found = (name for _, folders, files in os.walk(self.home) for name in (*folders, *files))
        drafts = [name for name in found if name.endswith((".tmp", ".old"))]  # what goes meanwhile is no fault
        return self.started(), sorted(p.name for p in (self.home / "tmp").iterdir()), drafts

    def end(self):
        self.zygote.stdin.close()
        self.zygote.wait(20)
        self.zygote.stdout.close()


def _without_seconds(value):
    """Return plain data without what differs from run to run."""
    if isinstance(value, dict):
        return {k: _without_seconds(v) for k, v in value.items() if "second" not in k}
    return [_without_seconds(v) for v in value] if isinstance(value, list) else value


def _meaning(path):
    """Return what an output says, which fails where it is not whole."""
    if path.is_dir():
        artifact = read_artifact(path)
        return artifact.digest, sorted(map(str, artifact.files)), _hashes(path)
    match path.suffix:
        case ".nir":
            found = read_program_file(path)
            return found.program.digest, json.dumps(found.attachments, sort_keys=True, default=str)
        case ".npz":
            return {name: array.tolist() for name, array in read_npz(path).items()}
        case ".pt":
            from snn2hw.train.checkpoint import read_checkpoint

            values = read_checkpoint(path)
            weights = {name: tensor.numpy().tobytes() for name, tensor in values["weights"].items()}
            return weights, values["recipe"], values["front"], values["accuracy"]
        case _:
            return _without_seconds(json.loads(path.read_text()))


def _hashes(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def _moment(rng, whole_s):
    share = rng.uniform(*AT_THE_END) if rng.integers(0, 2) else rng.uniform(0, 1)
    return float(share * whole_s)


def _named(case):
    return " ".join(case.words.split()[:4])


@pytest.fixture
def scene(request, tmp_path):
    case = request.param
    _write_files(tmp_path, case.verb)
    killer = Killer(tmp_path)
    yield case, tmp_path, killer
    killer.end()


def _kill(scene, kills):
    """Kill a command so often; return how many calls had ended by themselves, and how many outputs were new."""
    case, home, killer = scene
    words, rng = case.words.split(), np.random.default_rng(kills)
    output, old = home / case.output, None
    if case.before is not None:
        assert killer.run([*words, *case.before.split()]) == 0, (home / "log").read_text()
        old = _meaning(output)
        kept = home / "kept"
        output.rename(kept)
    assert killer.run(words) == 0, (home / "log").read_text()  # the first one imports what the others find
    whole_s = min(_seconds(killer, words, lambda: _restore(case, home, old)) for _ in range(2))
    new = _meaning(output)
    assert new != old
    ended = replaced = killed = 0
    while killed < kills:
        _restore(case, home, old)
        for _ in range(MOST_KILLS_OF_A_RUN if case.folder else 1):
            status = killer.run(words, _moment(rng, whole_s))
            killed += status == signal.SIGKILL
            ended += status == 0
            assert status in (0, signal.SIGKILL), (home / "log").read_text()
            if case.before is not None or output.exists():
                found = _meaning(output)
                assert found in (old, new)
                replaced += found == new
        if case.folder:
            assert killer.run(words) == 0, (home / "log").read_text()
            assert _meaning(output) == new
    wait_for(lambda: killer.left() == ([], [], []), ENDED_S)
    assert killer.left() == ([], [], [])
    assert killer.run(words) == 0
    assert _meaning(output) == new
    return ended, replaced


def _seconds(killer, words, before):
    """Return how long an undisturbed call takes."""
    before()
    began = time.monotonic()
    assert killer.run(words) == 0, (killer.home / "log").read_text()
    return time.monotonic() - began


def _restore(case, home, old):
    """Put back what the command replaces: the old output, or no run at all."""
    if case.folder:
        shutil.rmtree(home / case.folder, ignore_errors=True)
        (home / case.output).unlink(missing_ok=True)
        return
    output, kept = home / case.output, home / "kept"
    if _meaning(output) == old:
        return
    if kept.is_dir():
        shutil.rmtree(output)
        shutil.copytree(kept, output)
    else:
        shutil.copy(kept, output)


SHORT = [case for case in CASES if case.folder is None]
"""Without training, each kill of which takes seconds."""


@pytest.mark.parametrize("scene", SHORT, ids=_named, indirect=True)
def test_a_killed_command_leaves_the_old_output_or_the_new_one(scene):
    _kill(scene, 3)


@pytest.mark.full
@pytest.mark.parametrize("scene", CASES, ids=_named, indirect=True)
def test_a_command_killed_a_hundred_times_leaves_the_old_output_or_the_new_one(scene):
    kills = int(os.environ.get("SNN2HW_KILLS", "100"))
    ended, replaced = _kill(scene, kills)
    print(f"{scene[0].words}: {kills} kills, {ended} more came too late, {replaced} times the output was new")
