"""What is written is there, whole, where it was asked for; a failure at any byte leaves what was there before."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import sim.draft_guard
import sim.files
from exporters.artifact import read_artifact
from exporters.program_file import read_program, write_program
from exporters.to_nir import export
from sim.errors import InputError
from sim.files import atomic_write, check_output, recover_folder, swap_folders, write_bytes
from snn2hw.files.rasters import read_raster, write_raster
from tests.border.living import marked
from tests.border.test_streams import _program
from tests.waiting import wait_for

ROOT = Path(__file__).parents[2]
WRITE = """
import sys
import numpy as np
from exporters.program_file import write_program
from exporters.to_golden import export as golden
from exporters.to_nir import export
from sim.errors import InputError
from snn2hw.files.rasters import write_raster
from tests.border.test_streams import _program
made = {
    "program": lambda: write_program(_program(), sys.argv[2]),
    "raster": lambda: write_raster(sys.argv[2], np.random.default_rng(0).integers(0, 255, (9, 50, 60))),
    "nir": lambda: export(_program(), sys.argv[2]),
    "golden": lambda: golden(_program(), sys.argv[2]),
}
try:
    made[sys.argv[1]]()
except InputError as error:
    sys.exit(f"refused: {error}")
"""


@pytest.mark.parametrize("what", ["program", "raster", "nir", "golden"])
@pytest.mark.parametrize("blocks", [0, 1, 4, 16])
def test_a_full_disk_is_one_error_and_nothing_is_left(tmp_path, what, blocks):
    """A limit on the size of files ends a write as a full disk does: in the middle."""
    command = f"ulimit -f {blocks}; exec {sys.executable} -c '{WRITE}' {what} out"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("COVERAGE_PROCESS_CONFIG", None)  # what coverage writes at the end finds the disk full as well
    with (tmp_path.parent / f"{what}{blocks}.log").open("w+") as log:
        read, write = os.pipe()
        done = subprocess.run(["sh", "-c", command], cwd=tmp_path, stdout=log, stderr=write, env=environment)
        os.close(write)
        with os.fdopen(read) as said:
            text = said.read()
    assert done.returncode == 1, text
    assert text.startswith("refused: out")
    assert "cannot be written (File too large)" in text
    assert text.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_followed_and_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    for target in (tmp_path / "real" / "p.nir", tmp_path / "real" / "new.nir"):
        link = tmp_path / target.name
        link.symlink_to(target)
        write_program(_program(), link)
        assert link.is_symlink()
        assert read_program(target).digest == _program().digest
    assert {p.name for p in (tmp_path / "real").iterdir()} == {"p.nir", "new.nir"}


def test_what_is_no_plain_file_is_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "null").symlink_to(os.devnull)
    (tmp_path / "folder").mkdir()
    for name, message in {"pipe": "not a plain file", "null": "device", "loop": "link", "folder": "folder"}.items():
        with pytest.raises(InputError, match=message):
            write_raster(tmp_path / name, np.ones((1, 1, 1), int))
    assert (tmp_path / "pipe").is_fifo()
    assert Path(os.devnull).is_char_device()
    with pytest.raises(InputError, match="device"):
        check_output(os.devnull)


def test_the_mode_of_a_file_stays_when_it_is_written_anew(tmp_path):
    path = tmp_path / "x.npz"
    write_raster(path, np.ones((1, 1, 1), int))
    path.chmod(0o600)
    write_raster(path, np.zeros((1, 1, 1), int))
    assert path.stat().st_mode & 0o777 == 0o600


@contextmanager
def _writer(folder, before=""):
    """Start a process that is in the middle of writing x.npz; yield it and its draft."""
    code = f"import sys, time\nimport sim.draft_guard\n{before}\nfrom sim.files import atomic_write\n"
    code += "with atomic_write('x.npz') as draft:\n    print(draft, flush=True)\n    time.sleep(60)\n"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as writer:
        yield writer, Path(writer.stdout.readline().strip())


def test_what_a_killed_writer_left_is_cleared_away_and_a_living_ones_is_not(tmp_path):
    with _writer(tmp_path, "sim.draft_guard.SHELL = '/no/shell'") as (writer, draft):
        write_raster(tmp_path / "x.npz", np.ones((1, 1, 1), int))
        assert draft.exists()
        writer.kill()
    assert draft.exists()
    write_raster(tmp_path / "x.npz", np.ones((1, 1, 1), int))
    assert [p.name for p in tmp_path.iterdir()] == ["x.npz"]


def test_the_draft_of_a_killed_writer_goes_without_another_call(tmp_path):
    with _writer(tmp_path) as (writer, draft):
        assert draft.exists()
        writer.kill()
    assert wait_for(lambda: not draft.exists(), 10)
    assert list(tmp_path.iterdir()) == []


def test_a_scratch_folder_goes_with_its_owner_and_its_guard_with_it(tmp_path):
    code = "import os, time\nfrom pathlib import Path\nimport sim.draft_guard\nfrom sim.files import scratch_folder\n"
    code += "with scratch_folder('a b-', Path.cwd()) as folder:\n    (folder / 'c').write_text('d')\n"
    code += "    print(os.getpid(), flush=True)\n    time.sleep(60)\n"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GUARDED": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=environment, stdout=subprocess.PIPE) as owner:
        owner.stdout.readline()
        assert [p.name[:4] for p in tmp_path.iterdir()] == ["a b-"]
        assert len(marked(f"GUARDED={tmp_path}")) == 2
        owner.kill()
    assert wait_for(lambda: not list(tmp_path.iterdir()) and not marked(f"GUARDED={tmp_path}"), 10)


def _folder(path, text):
    path.mkdir()
    (path / "a").write_text(text)
    return path


@pytest.mark.parametrize("in_one_step", [True, False])
def test_a_folder_takes_the_place_of_another(tmp_path, monkeypatch, in_one_step):
    if not in_one_step:
        monkeypatch.setattr(sim.files, "_exchanged", lambda one, other: False)
    old, new = _folder(tmp_path / "x", "old"), _folder(tmp_path / ".x.12345678.tmp", "new")
    swap_folders(new, old)
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x" / "a").read_text() == "new"


def test_linux_exchanges_folders_in_one_step(tmp_path):
    if sys.platform != "linux":
        pytest.skip("other systems need two steps")
    one, other = _folder(tmp_path / "one", "1"), _folder(tmp_path / "other", "2")
    assert sim.files._exchanged(one, other)
    assert ((one / "a").read_text(), (other / "a").read_text()) == ("2", "1")


def test_a_folder_between_two_names_comes_back_with_the_next_call(tmp_path):
    export(_program(), tmp_path / "nir")
    (tmp_path / "nir").rename(tmp_path / ".nir.12345678.old")
    _folder(tmp_path / ".nir.12345678.tmp", "half")
    recover_folder(tmp_path / "nir")
    assert read_artifact(tmp_path / "nir").digest == _program().digest
    assert [p.name for p in tmp_path.iterdir()] == ["nir"]


def test_an_export_killed_at_any_time_leaves_a_whole_folder(tmp_path):
    export(_program(), tmp_path / "nir")
    code = (
        "from exporters.to_nir import export\nfrom tests.border.test_streams import _program\nprint('on', flush=True)\n"
    )
    code += "while True: export(_program(), 'nir')\n"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    rng = np.random.default_rng(0)
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", code], cwd=tmp_path, env=environment, stdout=subprocess.PIPE
        ) as writer:
            writer.stdout.readline()
            time.sleep(float(rng.uniform(0, 0.2)))
            writer.send_signal(signal.SIGKILL)
        assert read_artifact(tmp_path / "nir").digest == _program().digest
    export(_program(), tmp_path / "nir")
    assert [p.name for p in tmp_path.iterdir()] == ["nir"]


def _half(path):
    with atomic_write(path) as draft:
        draft.write_bytes(b"half")
        raise RuntimeError("no")


def test_a_writer_that_fails_leaves_what_was_there(tmp_path):
    write_bytes(tmp_path / "x", b"old")
    with pytest.raises(RuntimeError, match="no"):
        _half(tmp_path / "x")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("x", b"old")]


def test_a_raster_is_read_back_as_it_was_written(tmp_path):
    spikes = np.random.default_rng(0).integers(0, 9, (2, 3, 4))
    write_raster(tmp_path / "x.npz", spikes, np.array([1, 2]), "mean")
    found = read_raster(tmp_path / "x.npz", (4,))
    assert np.array_equal(found.spikes, spikes)
    assert found.decoder == "mean"


@pytest.mark.parametrize("shell", ["none", "not executable", "no program"])
def test_without_a_shell_files_are_written_all_the_same(tmp_path, monkeypatch, shell):
    path = tmp_path / "shell"
    if shell != "none":
        path.write_bytes(b"\0no program")
        path.chmod(0o755 if shell == "no program" else 0o644)
    monkeypatch.setattr("sim.draft_guard.SHELL", str(path))
    monkeypatch.setattr("sim.draft_guard._pipes", {})
    with atomic_write(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
    assert (tmp_path / "a.txt").read_text() == "whole"
    assert list(sim.draft_guard._pipes.values()) == [None]
