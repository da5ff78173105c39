"""One writer in a folder: a second is refused, a dead one is succeeded."""

import os
import signal
import subprocess
import sys

import pytest

from sim.errors import InputError
from snn2hw.files.lock import LOCK, locked, refuse_locked

HOLDER = """
import sys, time
from pathlib import Path
from snn2hw.files.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.wait()
    child.stdout.close()


def test_a_second_writer_is_refused_with_the_folder_and_the_process(tmp_path, holder):
    with pytest.raises(InputError) as caught, locked(tmp_path):
        pass
    assert str(caught.value).startswith(f"{tmp_path}: process {holder.pid} is writing to this folder  fix: wait")
    with pytest.raises(InputError):
        refuse_locked(tmp_path)
    assert (tmp_path / LOCK).exists()


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert (tmp_path / LOCK).exists()
    with locked(tmp_path):
        assert (tmp_path / LOCK).read_text() == str(os.getpid())
    assert not (tmp_path / LOCK).exists()


def test_nothing_is_left_after_the_block_also_when_it_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path), pytest.raises(InputError), locked(tmp_path):
        pass


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path):
    (tmp_path / LOCK).symlink_to(tmp_path / "precious")
    with pytest.raises(InputError, match="cannot be written"), locked(tmp_path):
        pass
    assert not (tmp_path / "precious").exists()


CONTENDER = """
import sys, time
from pathlib import Path
from sim.errors import InputError
from snn2hw.files.lock import locked
folder, end, held = Path(sys.argv[1]), time.monotonic() + 1.5, 0
while time.monotonic() < end:
    try:
        with locked(folder):
            inside = folder / "inside"
            inside.touch(exist_ok=False)
            inside.unlink()
            held += 1
    except InputError:
        pass
print(held)
"""


def test_no_two_are_ever_inside_at_once(tmp_path):
    command = [sys.executable, "-c", CONTENDER, str(tmp_path)]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for child in children:
        out, err = child.communicate(timeout=60)
        assert (err, child.returncode) == ("", 0)
        assert int(out) > 10
