"""An exported folder is whole or absent, and says what it is."""

import json

import pytest

from exporters.artifact import MANIFEST, Loss, check_artifact_folder, read_artifact, write_artifact
from sim.errors import FileError, InputError

DIGEST = "ab" * 32
LOSSES = (Loss("no step"), Loss("no reset rule", "fc"))


def _write(folder, text="one", name="a.txt", losses=LOSSES):
    def fill(draft):
        (draft / "sub").mkdir()
        (draft / "sub" / name).write_text(text)

    return write_artifact(folder, format="demo", digest=DIGEST, fill=fill, losses=losses)


def _names(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


def test_an_artifact_reads_back(tmp_path):
    made = _write(tmp_path / "x" / "y")
    assert made == read_artifact(tmp_path / "x" / "y")
    assert (made.format, made.digest, made.files, made.losses) == ("demo", DIGEST, ("sub/a.txt",), LOSSES)
    assert [str(loss) for loss in made.losses] == ["no step", "population 'fc': no reset rule"]


def test_an_older_artifact_is_replaced_whole(tmp_path):
    _write(tmp_path / "y", name="old.txt")
    _write(tmp_path / "y", name="new.txt")
    assert _names(tmp_path) == ["y", f"y/{MANIFEST}", "y/sub", "y/sub/new.txt"]


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_failed_export_leaves_nothing(tmp_path, error):
    def fill(draft):
        (draft / "half.txt").write_text("half")
        raise error

    expected = InputError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected):
        write_artifact(tmp_path / "x" / "y", format="demo", digest=DIGEST, fill=fill)
    assert _names(tmp_path) == []


def test_a_failed_export_leaves_what_was_there(tmp_path):
    def fill(draft):
        raise ValueError("broken")

    before = _write(tmp_path / "y")
    with pytest.raises(ValueError, match="broken"):
        write_artifact(tmp_path / "y", format="demo", digest=DIGEST, fill=fill)
    assert read_artifact(tmp_path / "y") == before
    assert _names(tmp_path) == ["y", f"y/{MANIFEST}", "y/sub", "y/sub/a.txt"]


def test_a_folder_of_others_is_never_touched(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    (tmp_path / "forged").mkdir()
    (tmp_path / "forged" / MANIFEST).write_text('{"schema": "other/1"}')
    with pytest.raises(
        InputError, match="mine: holds files that no exporter wrote, nothing was changed  fix: name a new"
    ):
        _write(tmp_path / "mine")
    with pytest.raises(InputError, match="forged: holds files that no exporter wrote"):
        _write(tmp_path / "forged")
    for name in ("file", "link"):
        with pytest.raises(InputError, match=f"{name}: exists and is not a folder"):
            _write(tmp_path / name)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_an_empty_folder_may_be_filled(tmp_path):
    (tmp_path / "y").mkdir()
    assert check_artifact_folder(tmp_path / "y") == tmp_path / "y"
    assert _write(tmp_path / "y").files == ("sub/a.txt",)


def test_a_changed_an_added_and_a_missing_file_are_found(tmp_path):
    _write(tmp_path / "y")
    path = tmp_path / "y" / "sub" / "a.txt"
    path.write_text("two")
    with pytest.raises(FileError, match=r"sub/a\.txt has been changed since it was written"):
        read_artifact(tmp_path / "y")
    path.unlink()
    with pytest.raises(FileError, match=r"sub/a\.txt is missing"):
        read_artifact(tmp_path / "y")
    path.write_text("one")
    (tmp_path / "y" / "more").touch()
    with pytest.raises(FileError, match="more is not of this artifact"):
        read_artifact(tmp_path / "y")


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "snn2hw.artifact/9"},
        {"digest": "xyz"},
        {"losses": [{"what": 1, "where": ""}]},
        {"losses": None},
        {"files": ["sub/a.txt"]},
        {"files": {"sub/a.txt": 5}},
        {"format": None},
    ],
)
def test_a_manifest_of_the_wrong_kind_is_refused(tmp_path, change):
    _write(tmp_path / "y")
    path = tmp_path / "y" / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(FileError, match="is not a manifest of this project"):
        read_artifact(tmp_path / "y")


@pytest.mark.parametrize("text", ["{", "[" * 100000, ""])
def test_a_manifest_that_is_no_json_is_refused(tmp_path, text):
    _write(tmp_path / "y")
    (tmp_path / "y" / MANIFEST).write_text(text)
    with pytest.raises(FileError, match="cannot be read as a manifest"):
        read_artifact(tmp_path / "y")
