"""Tables and lists that people write: read whole, or refused with the file, the place and the cure."""

import pytest

from sim.errors import FileError
from snn2hw.audio.rows import Reading
from snn2hw.audio.tables import read_audiomnist
from snn2hw.files import table_file
from snn2hw.files.table_file import read_list, read_table


def test_a_table_is_its_rows_by_the_names_of_the_first_line(tmp_path):
    (tmp_path / "t.csv").write_bytes(b'\xef\xbb\xbfpath,label\r\n"a,1.wav",yes\r\nb.wav,\r\n')
    assert read_table(tmp_path / "t.csv", ("path", "label"), "look") == [
        {"path": "a,1.wav", "label": "yes"},
        {"path": "b.wav", "label": ""},
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"path\na.wav\n", r"t\.csv: no column label \(it has path\)  fix: name the columns in the first line"),
        (b"", r"no column path, label \(it has no rows\)"),
        (
            b"path,label\na.wav,yes\nb.wav\n",
            r"t\.csv: line 3 is shorter than the first  fix: give every row all columns",
        ),
        (b"path,label\n\xff,yes\n", r"t\.csv: not a table \(.*\)  fix: write it as CSV in UTF-8"),
        (b"path,label\n" + b"x" * 200_000 + b",yes\n", r"t\.csv: not a table \(field larger"),
    ],
)
def test_what_is_no_table_is_refused_with_its_place(tmp_path, data, message):
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(FileError, match=message):
        read_table(tmp_path / "t.csv", ("path", "label"), "look")


def test_a_table_that_is_missing_or_too_large_is_refused(tmp_path, monkeypatch):
    with pytest.raises(FileError, match=r"t\.csv: no such file, so it cannot be read  fix: look again"):
        read_table(tmp_path / "t.csv", (), "look again")
    monkeypatch.setattr(table_file, "TABLE_BYTES", 9)
    (tmp_path / "t.csv").write_text("path,label\n")
    with pytest.raises(FileError, match="has 11 bytes, at most 9 are read"):
        read_table(tmp_path / "t.csv", (), "look")


def test_a_list_is_its_words(tmp_path):
    (tmp_path / "l.txt").write_text("yes/a.wav\n\nno/b.wav  up/c.wav")
    assert read_list(tmp_path / "l.txt", "look") == ["yes/a.wav", "no/b.wav", "up/c.wav"]
    (tmp_path / "l.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(FileError, match="fix: write it as text in UTF-8"):
        read_list(tmp_path / "l.txt", "look")


@pytest.mark.parametrize("text", ["[]", '{"01": 3}', "{", "1e999"])
def test_a_table_of_speakers_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "audioMNIST_meta.txt").write_text(text)
    with pytest.raises(FileError, match=r"audioMNIST_meta\.txt: .*  fix: fetch it again"):
        read_audiomnist(tmp_path, Reading())
