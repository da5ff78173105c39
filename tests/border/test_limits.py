"""The layer under every reader, writer and worker, at its limits: what it says there, and that nothing is left open."""

import errno
import io
import os
import pickle
import stat
import tempfile
import time
from pathlib import Path

import pytest

import sim.border
import sim.files
from sim import auto
from sim.border import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_VALUES,
    network_limit,
    open_plain,
    parse_json,
    parse_toml,
    read_bytes,
    reason_of,
    unpacked_limit,
)
from sim.cures import install, one_of
from sim.errors import FileError, InputError, UnsupportedError
from sim.fast.readiness import LOOP_S, Missing, _signatures, compile_loops
from sim.fields import Fields
from sim.files import (
    atomic_write,
    check_folder,
    check_output,
    make_folder,
    recover_folder,
    scratch_folder,
    swap_folders,
    write_bytes,
)
from sim.summary import Summary
from sim.worker_process import Task, WorkerProcess


def _raise(error):
    def raises(*_, **__):
        raise error

    return raises


@pytest.mark.parametrize("error", [OSError("no such name"), ValueError("unrecognized"), AttributeError("sysconf")])
def test_a_system_that_does_not_tell_its_memory_has_the_limit_of_all(monkeypatch, error):
    monkeypatch.delenv("SNN2HW_MAX_BYTES", raising=False)
    monkeypatch.setattr(os, "sysconf", _raise(error))
    assert unpacked_limit() == MAX_BYTES


@pytest.mark.parametrize(("pages", "limit"), [(-1, MAX_BYTES), (0, MAX_BYTES), (10, 20480), (1 << 40, MAX_BYTES)])
def test_arrays_take_half_of_the_memory_at_most(monkeypatch, pages, limit):
    monkeypatch.delenv("SNN2HW_MAX_BYTES", raising=False)
    monkeypatch.setattr(os, "sysconf", lambda name: 4096 if name == "SC_PAGE_SIZE" else pages)
    assert unpacked_limit() == limit


@pytest.mark.parametrize(
    ("said", "limit"), [("1", 1), ("4k", 4096), (" 2M ", 2 << 20), ("3G", 3 << 30), ("1T", 1 << 40)]
)
def test_the_environment_says_how_much_memory_there_is(monkeypatch, said, limit):
    monkeypatch.setenv("SNN2HW_MAX_BYTES", said)
    assert unpacked_limit() == network_limit(7) == limit


@pytest.mark.parametrize("said", ["0", "-1", "4 G", "G", "1e9", "4GB"])
def test_the_environment_is_refused_where_it_says_no_number_of_bytes(monkeypatch, said):
    monkeypatch.setenv("SNN2HW_MAX_BYTES", said)
    with pytest.raises(InputError, match=f"SNN2HW_MAX_BYTES is {said!r}  fix: write a number of bytes"):
        unpacked_limit()


def test_a_file_that_cannot_be_opened_is_named_with_its_reason(tmp_path, monkeypatch):
    (tmp_path / "x").write_text("1")
    monkeypatch.setattr(os, "open", _raise(PermissionError(errno.EACCES, "Permission denied")))
    with pytest.raises(FileError, match=r"x: cannot be read \(Permission denied\)  fix: look"):
        open_plain(tmp_path / "x", "look")


def test_a_file_that_became_a_device_after_it_was_looked_at_is_closed_again(tmp_path, monkeypatch):
    (tmp_path / "x").write_text("1")
    opened = []
    real = os.fdopen
    monkeypatch.setattr(os, "fdopen", lambda *given: opened.append(real(*given)) or opened[-1])
    monkeypatch.setattr(os, "fstat", lambda _: os.stat_result((stat.S_IFCHR, *[0] * 9)))
    with pytest.raises(FileError, match="x: is a device, which is not a plain file"):
        open_plain(tmp_path / "x")
    assert opened[0].closed


def test_a_file_is_read_up_to_its_limit(tmp_path):
    (tmp_path / "x").write_bytes(b"12345")
    assert read_bytes(tmp_path / "x", 5, "cut it") == b"12345"
    with pytest.raises(FileError, match="x: has 5 bytes, at most 4 are read  fix: cut it"):
        read_bytes(tmp_path / "x", 4, "cut it")


class _Handle(io.BytesIO):
    """A file that is open, with a number that is asked for its size."""

    def __init__(self, data, path):
        super().__init__(data)
        self._file = path.open("rb")

    def fileno(self):
        return self._file.fileno()

    def close(self):
        self._file.close()
        super().close()


def test_a_file_that_grows_or_fails_while_it_is_read_is_refused(tmp_path, monkeypatch):
    (tmp_path / "x").write_bytes(b"123")
    monkeypatch.setattr(sim.border, "open_plain", lambda *_: _Handle(b"1234", tmp_path / "x"))
    with pytest.raises(FileError, match="x: grows while it is read"):
        read_bytes(tmp_path / "x", 9, "wait")
    broken = _Handle(b"", tmp_path / "x")
    broken.read = _raise(OSError(errno.EIO, "Input/output error"))
    monkeypatch.setattr(sim.border, "open_plain", lambda *_: broken)
    with pytest.raises(FileError, match=r"x: cannot be read \(Input/output error\)  fix: wait"):
        read_bytes(tmp_path / "x", 9, "wait")


def test_plain_data_have_so_many_levels_and_values_and_no_more():
    deep = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    parse_json(deep, "x", "")
    with pytest.raises(FileError, match=f"x is not JSON|more than {MAX_DEPTH} levels of lists and tables"):
        parse_json(f"[{deep}]", "x", "")
    dotted = ".".join("a" * (MAX_DEPTH + 1))
    with pytest.raises(FileError, match=f"more than {MAX_DEPTH} levels of lists and tables"):
        parse_toml(f"{dotted} = 1", "x", "")
    parse_json(f"[{'0,' * (MAX_VALUES - 1)}0]", "x", "")
    with pytest.raises(FileError, match=f"more than {MAX_VALUES} values"):
        parse_json(f"[{'0,' * MAX_VALUES}0]", "x", "")


@pytest.mark.parametrize("number", [2**128 - 1, 1 - 2**128])
def test_a_number_has_at_most_128_bits(number):
    assert parse_json(f'{{"a": [{number}]}}', "x", "") == {"a": [number]}
    with pytest.raises(FileError, match="a number of more than 128 bits"):
        parse_json(f'{{"a": [{number + (1 if number > 0 else -1)}]}}', "x", "")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(2, "No such file"), "No such file"),
        (OSError("bare"), "bare"),
        (MemoryError(), "more memory than there is"),
        (RecursionError("deep"), "nested too deeply"),
        (KeyError("name"), "\"'name'\" is missing"),
        (KeyError(), "KeyError"),
        (ValueError("a\n b"), "a b"),
        (ValueError(), "ValueError"),
        (ValueError("x" * 400), "x" * 300),
    ],
)
def test_a_reason_is_one_short_line(error, reason):
    assert reason_of(error) == reason


@pytest.mark.parametrize(
    ("take", "value", "wanted"),
    [
        (lambda f: f.integer("a", 0, 9), True, "a is True, not an integer in 0..9"),
        (lambda f: f.integer("a", 0, 9), 10, "a is 10, not an integer in 0..9"),
        (lambda f: f.integer("a", 0, 9), -1, "a is -1, not an integer in 0..9"),
        (lambda f: f.number("a", 0, 9), "1", "a is '1', not a number in 0..9"),
        (lambda f: f.number("a", 0, 9), float("nan"), "a is nan, not a number in 0..9"),
        (lambda f: f.numbers("a", 0, 9, 2), [], r"a is \[\], not a list of 1 to 2 numbers"),
        (lambda f: f.numbers("a", 0, 9, 2), [1, 2, 3], "not a list of 1 to 2 numbers"),
        (lambda f: f.numbers("a", 0, 9, 2), [1, 10], r"not a list of numbers in 0\.\.9"),
        (lambda f: f.texts("a", 2), "ab", "a is 'ab', not a list of texts"),
        (lambda f: f.texts("a", 2), ["x", 1], "not a list of texts"),
        (lambda f: f.texts("a", 2), ["x", "x"], "not a list of 1 to 2 different texts"),
        (lambda f: f.texts("a", 2), [], "not a list of 1 to 2 different texts"),
        (lambda f: f.texts("a", 2), ["x", "y", "z"], "not a list of 1 to 2 different texts"),
        (lambda f: f.text("a"), 1, "a is 1, not a text"),
        (lambda f: f.text("a", ("p", "q")), "r", "a is 'r', not one of p, q"),
        (lambda f: f.text("a"), ["long"] * 50, r"a is \['long', .*\.\.\., not a text"),
        (lambda f: f.take("b"), 1, "b is missing"),
        (lambda f: f.end(), 1, "unknown: a"),
    ],
)
def test_a_field_is_refused_by_what_it_is_and_what_is_wanted(take, value, wanted):
    with pytest.raises(FileError, match=f"file: .*{wanted}.*fix: look"):
        take(Fields("file", {"a": value}, "look"))


def test_fields_at_their_ends_are_taken():
    fields = Fields("file", {"i": 9, "n": 0, "s": (0, 9), "t": ["x", "y"], "w": "q"}, "", {"d": 1, "i": 2})
    assert (fields.integer("i", 0, 9), fields.number("n", 0, 9), fields.numbers("s", 0, 9, 2)) == (9, 0.0, (0.0, 9.0))
    assert (fields.texts("t", 2), fields.text("w", ("p", "q")), fields.integer("d", 1, 1)) == (("x", "y"), "q", 1)
    fields.end()
    with pytest.raises(FileError, match=r"file: is \[1\], not a table of fields"):
        Fields("file", [1], "")


@pytest.mark.parametrize(
    ("check", "name", "message"),
    [
        (check_output, "a\0b", "cannot be a file"),
        (check_output, "x" * 256, "cannot be a file"),
        (check_output, "none/x", "none: no such folder  fix: make it first, or write elsewhere"),
        (check_folder, "plain", "plain: exists and is not a folder  fix: name a folder"),
        (check_folder, "a\0b", "cannot be a folder"),
        (check_folder, "x" * 256, "cannot be a folder"),
        (check_folder, "plain/below", r"below: cannot be a folder \(.*plain is none\)  fix: write elsewhere"),
    ],
)
def test_a_name_that_cannot_be_written_is_refused_before_the_work(tmp_path, check, name, message):
    (tmp_path / "plain").write_text("")
    with pytest.raises(InputError, match=message):
        check(tmp_path / name)


def test_a_folder_that_is_not_writable_is_said_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    for check in (check_output, check_folder):
        with pytest.raises(InputError, match="is not writable  fix: write elsewhere"):
            check(tmp_path / "x")


def test_a_folder_that_the_system_does_not_make_is_an_error_with_its_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "mkdir", _raise(OSError(errno.EROFS, "Read-only file system")))
    with pytest.raises(InputError, match=r"new: cannot be a folder \(Read-only file system\)  fix: write elsewhere"):
        make_folder(tmp_path / "new")


def test_a_disk_without_room_is_found_out_before_the_first_byte(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "posix_fallocate", _raise(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(InputError, match=r"x: cannot be written \(No space left on device\)  fix: write elsewhere"):
        write_bytes(tmp_path / "x", b"data")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_that_cannot_reserve_is_written_to_all_the_same(tmp_path, monkeypatch, code):
    monkeypatch.setattr(os, "posix_fallocate", _raise(OSError(code, "no")))
    write_bytes(tmp_path / "x", b"data")
    assert (tmp_path / "x").read_bytes() == b"data"


def test_a_system_that_knows_no_reserving_is_written_to_all_the_same(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate")
    write_bytes(tmp_path / "x", b"data")
    assert (tmp_path / "x").read_bytes() == b"data"


def test_a_folder_that_cannot_be_moved_in_leaves_the_old_one(tmp_path, monkeypatch):
    """The second of two steps fails: the first is taken back."""
    old, draft = tmp_path / "x", tmp_path / ".x.12345678.tmp"
    old.mkdir()
    (old / "a").write_text("old")
    monkeypatch.setattr(sim.files, "_exchanged", lambda one, other: False)
    with pytest.raises(FileNotFoundError):
        swap_folders(draft, old)
    assert (old / "a").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("error", [OSError("no library"), AttributeError("renameat2")])
def test_a_system_without_an_exchange_says_so(tmp_path, monkeypatch, error):
    monkeypatch.setattr(sim.files.ctypes, "CDLL", _raise(error))
    assert not sim.files._exchanged(tmp_path, tmp_path)
    monkeypatch.setattr(sim.files.sys, "platform", "darwin")
    assert not sim.files._exchanged(tmp_path, tmp_path)


def test_what_a_living_call_works_on_is_not_recovered(tmp_path):
    old = tmp_path / ".x.12345678.old"
    old.mkdir()
    with atomic_write(tmp_path / "x"):
        recover_folder(tmp_path / "x")
        assert old.exists()
    recover_folder(tmp_path / "x")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_a_scratch_folder_that_a_killed_process_left_goes_with_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "mine-old").mkdir()
    (tmp_path / "mine-file").write_text("")
    with scratch_folder("mine-") as first, scratch_folder("mine-") as second:
        assert {p.name for p in tmp_path.iterdir()} == {"mine-file", first.name, second.name}
    assert [p.name for p in tmp_path.iterdir()] == ["mine-file"]


def test_without_locks_nobody_s_draft_is_taken_for_a_remnant(tmp_path, monkeypatch):
    monkeypatch.setattr(sim.files, "fcntl", None)
    (tmp_path / ".x.12345678.tmp").write_text("half")
    write_bytes(tmp_path / "x", b"new")
    assert {p.name for p in tmp_path.iterdir()} == {"x", ".x.12345678.tmp"}


def test_a_draft_that_cannot_be_opened_is_no_remnant(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "open", _raise(PermissionError(errno.EACCES, "Permission denied")))
    assert not sim.files._is_left(tmp_path)


def test_an_error_comes_back_from_a_worker_with_its_cure():
    error = pickle.loads(pickle.dumps(UnsupportedError("what", "cure")))
    assert (type(error), error.what, error.fix, str(error)) == (UnsupportedError, "what", "cure", "what  fix: cure")


def test_a_package_that_is_missing_is_installed_by_its_extra_or_by_its_name():
    assert install("onnxruntime.backend") == 'pip install "snn2hw[onnx]"'
    assert install("brian2") == "pip install brian2"
    assert one_of("onxx", ["onnx", "c"]) == "one of onnx, c (did you mean 'onnx'?)"


def test_a_summary_without_a_header_or_with_more_rows_than_a_screen():
    assert Summary("t", rows=[("a", "1"), ("bb", "22")]).text.splitlines() == ["t", "  a   1", "  bb  22"]
    assert Summary("t", ["f"]).text == "t\n  f"
    long = Summary("t", header=("n",), rows=[(str(i),) for i in range(99)])
    assert long.text.splitlines()[-1].endswith("more")
    assert "and 75 more" in long.html


def test_loops_are_compiled_one_after_the_other_and_told(monkeypatch):
    done, told = [], []
    monkeypatch.setattr("sim.fast.readiness.address", done.append)
    wanted = Missing(True, ("one", "two"))
    compile_loops(wanted, told.append)
    assert (done, told) == (["one", "two"], [0, 1])
    assert (wanted.kernels, wanted.seconds) == (3, 15 + 2 * LOOP_S)
    assert Missing(False, ()).seconds == 0


def test_a_numba_whose_cache_cannot_be_read_has_what_is_loaded():
    class Kernel:
        overloads = {("int64",): "code"}  # noqa: RUF012 - as Numba has it

    assert _signatures(Kernel()) == {("int64",)}


@pytest.mark.parametrize("screen", [True, False])
def test_who_watches_is_told_what_is_waited_for(monkeypatch, screen):
    said = io.StringIO()
    said.isatty = lambda: screen
    monkeypatch.setattr(auto.sys, "stderr", said)
    monkeypatch.setattr("sim.fast.readiness.missing", lambda *_: Missing(True, ("a", "b")))
    monkeypatch.setattr("sim.fast.readiness.address", lambda _: 0)
    monkeypatch.setattr(auto, "seconds_of_reference", lambda *_: 1e6)
    assert auto.chosen_engine(_program(), (1, 1), ()) == "fast"
    assert said.getvalue().startswith("engine 'fast': compiling 3 kernels for this machine, once (about 18 s)")
    assert said.getvalue().endswith("doctor --warm\n" + "\r  0 of 3\r  1 of 3\r  2 of 3\n" * screen)
    monkeypatch.setattr(auto.sys, "stderr", None)
    assert auto._say("nobody hears it") is None


def _program():
    from tests.border.test_streams import _program

    return _program()


def _worker(tmp_path, code):
    (tmp_path / "worker.py").write_text(code)
    return WorkerProcess(Task(tmp_path / "worker.py"))


def test_a_worker_that_does_not_answer_in_time_is_none_and_one_that_ends_says_nothing(tmp_path):
    worker = _worker(tmp_path, "import sys\nsys.stdin.read()\n")
    assert worker.answer(time.monotonic() + 0.05) is None
    assert worker.finish(b"", 30) == (0, b"")
    worker.end(5)
    worker = _worker(tmp_path, "import time\ntime.sleep(60)\n")
    assert worker.poll() is None
    assert worker.finish(b"", 0.05) is None
    worker.terminate()
    assert worker.wait(20) == -15
    worker.end(5)


def test_a_worker_that_ends_while_its_child_holds_the_pipe_is_over(tmp_path):
    child = "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    worker = _worker(tmp_path, child)
    assert worker.answer(time.monotonic() + 60) == b""
    worker.end(5)


def test_a_guard_is_dismissed_where_the_system_cannot_watch_processes(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    worker = _worker(tmp_path, "import sys\nsys.stdin.read()\n")
    worker.close_input()
    worker.end(10)
    assert worker.poll() == 0
