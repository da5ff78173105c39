"""Whatever is typed wrong: exit code 2, one line that says what, where and the cure, and nothing is written.

Each case is the right use of a command with one thing changed.
"""

import argparse
import shlex
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from snn2hw.commands import COMMANDS, main
from tests.project.wrong_uses import INPUTS, RIGHT, WRONG, spoilt, state, words_of, write_files

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("norse")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wrong")
    write_files(folder)
    return folder


@pytest.fixture
def refused(home, monkeypatch, capsys):
    """Return a function that expects a command to be refused, and returns what it said."""
    monkeypatch.chdir(home)

    def expect(words):
        before = state(home)
        assert main(words) == 2
        said = capsys.readouterr()
        assert said.err.count("\n") == 1, said.err
        assert " fix: " in said.err
        assert "internal error" not in said.err
        assert said.out == ""
        assert state(home) == before
        return said.err

    return expect


def _options(verb):
    """Return the arguments of a command."""
    parser = argparse.ArgumentParser()
    import_module(COMMANDS[verb].module).configure(parser)
    return [action for action in parser._actions if action.dest != "help"]


def _case(verb, words):
    return pytest.param(verb, words, id=f"{verb} {shlex.join(words)[:60]}")


def _left_out():
    """Yield every command without one of the arguments that it must be given."""
    for verb in COMMANDS:
        for action in _options(verb):
            if not action.required:
                continue
            words = shlex.split(RIGHT[verb])
            if action.option_strings:
                place = next(i for i, word in enumerate(words) if word in action.option_strings)
                del words[place : place + 2]
            elif verb == "report":
                del words[: words.index("-o")]  # all that it takes: any one of them would do
            else:
                del words[0]
            shown = action.option_strings[-1] if action.option_strings else action.metavar or action.dest
            behind = [other for other in _options(verb) if not other.option_strings][-1:]
            if not action.option_strings and behind and action.dest != behind[0].dest:
                continue  # what follows takes its place: the last one is what is missing then
            yield pytest.param(verb, words, shown, id=f"{verb} without {shown}")


@pytest.mark.parametrize(("verb", "words", "missing"), list(_left_out()))
def test_an_argument_that_is_left_out_is_named(refused, verb, words, missing):
    said = refused([verb, *words])
    assert "arguments are required: " in said
    assert missing in said.partition(" fix: ")[2]


FILES = [(verb, piece, how) for verb, pieces in INPUTS.items() for piece in pieces for how in WRONG]


@pytest.mark.parametrize(("verb", "piece", "how"), FILES, ids=[" ".join(case) for case in FILES])
def test_a_file_that_is_not_what_it_should_be_is_named(refused, verb, piece, how):
    name = spoilt(piece, how)
    said = refused(words_of(verb, piece, name))
    assert name.rpartition(" ")[2] in said


def _slips():
    """Yield every long option with two letters exchanged."""
    for verb in COMMANDS:
        for action in _options(verb):
            for text in action.option_strings:
                slip = text[:3] + text[4:5] + text[3:4] + text[5:]
                if text.startswith("--") and len(text) > 5 and slip != text:
                    yield pytest.param(verb, slip, text, id=f"{verb} {slip}")
                    break


@pytest.mark.parametrize(("verb", "slip", "meant"), list(_slips()))
def test_a_mistyped_option_is_answered_with_the_one_that_was_meant(refused, verb, slip, meant):
    said = refused([*words_of(verb), slip, "1"])
    assert f"there is no option {slip!r}" in said
    assert f"did you mean '{meant[:4]}" in said


def _rows(table):
    for words, said in tomllib.loads(Path(__file__).with_name("wrong_uses.toml").read_text())[table]:
        verb, *more = shlex.split(words)
        yield pytest.param(verb, more, said, id=words)


@pytest.mark.parametrize(("verb", "more", "meant"), list(_rows("names")))
def test_a_mistyped_name_is_answered_with_the_one_that_was_meant(refused, verb, more, meant):
    assert f"did you mean {meant}?" in refused([*words_of(verb), *more])


MISTYPED = {
    "trian digits": "train",
    "complie net.nir": "compile",
    "enegry p.nir": "energy",
    "exprot p.nir": "export",
    "instal-lava": "install-lava",
    "train digts -o new": "digits",
    "encode fsd --front front.json -o new.npz": "fsdd",
    "ann foldr --model model.pt -o new": "folder",
}


@pytest.mark.parametrize("words", MISTYPED)
def test_a_mistyped_command_or_data_set_is_answered_with_the_one_that_was_meant(refused, words):
    assert f"did you mean {MISTYPED[words]!r}?" in refused(words.split())


def _nonsense():
    """Yield every option that takes a number with something that is none."""
    for verb in COMMANDS:
        for action in _options(verb):
            if action.option_strings and action.type in (int, float):
                for value in ("many", "1,5") if action.type is float else ("many", "1.5"):
                    yield pytest.param(verb, action.option_strings[0], value, id=f"{verb} {action.dest} {value}")


@pytest.mark.parametrize(("verb", "option", "value"), list(_nonsense()))
def test_what_is_no_number_is_refused_as_one(refused, verb, option, value):
    said = refused([*words_of(verb), option, value])
    assert option in said
    assert repr(value) in said


@pytest.mark.parametrize(("verb", "more", "said"), list(_rows("numbers")))
def test_a_number_that_cannot_be_meant_is_named(refused, verb, more, said):
    assert said in refused([*words_of(verb), *more])


OUTPUTS = {
    "check": (),
    "compile": ("new.nir", "net.nir", "two.npz"),
    "tune": ("new.nir", "net.nir", "two.npz"),
    "run": ("new.npz", "p.nir", "x.npz"),
    "verify": ("new.json", "p.nir", "x.npz"),
    "encode": ("new.npz", "front.json"),
    "convert": ("new.nir", "cnn.onnx", "ann.npz"),
    "energy": ("new.json", "p.nir", "x.npz", "cnn.onnx", "ann.npz", "prices.toml"),
    "place": ("new.json", "p.nir", "x.npz"),
}
"""Command to the file that it writes, and what it reads."""


@pytest.mark.parametrize(
    ("verb", "new", "read"), [(verb, names[0], read) for verb, names in OUTPUTS.items() for read in names[1:]]
)
def test_an_output_that_is_an_input_is_refused(refused, verb, new, read):
    words = [read if word == new else word for word in words_of(verb)]
    assert "is named twice" in refused(words)


@pytest.mark.parametrize("verb", [verb for verb, names in OUTPUTS.items() if names])
@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("nowhere/new.x", "nowhere: no such folder"),
        ("folder", "folder: is a folder"),
        ("a_pipe-p.nir", "not a plain file"),
        ("/dev/null", "not a plain file"),
        ("notes.txt/new.x", "no such folder"),
        ("x" * 300, "cannot be a file"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_any_work(refused, verb, place, said):
    assert said in refused([place if word == OUTPUTS[verb][0] else word for word in words_of(verb)])


@pytest.mark.parametrize("verb", ["demo", "tune", "export", "train", "ann", "energy", "fuzz", "sweep"])
@pytest.mark.parametrize("place", ["notes.txt", "notes.txt/new", "a_pipe-p.nir", "/dev/null", "x" * 300])
def test_a_folder_that_cannot_be_made_is_refused_before_any_work(refused, verb, place):
    said = refused([place if word == "new" else word for word in words_of(verb)])
    assert place in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("export p.nir --to c --samples 2 -o new", "no samples to take them from"),
        ("export p.nir --to c --input two.npz -o new", "the program reads"),
        ("energy p.nir --input x.npz --ann-input ann.npz", "--ann-input without --ann"),
        ("energy p.nir --input x.npz --tables ,", "names no table"),
        ("energy p.nir --input x.npz --plots new -o new", "is named twice"),
        ("run p.nir --input two.npz", "the program reads"),
        ("run p.nir --input x.npz --decoder count", "never fires"),
        ("run p.nir --input x.npz extra", "unrecognized arguments: extra"),
        ("run p.nir --input", "expected one argument"),
        ("verify p.nir --input two.npz --against fast", "the program reads"),
        ("verify p.nir --input x.npz --against reference", "with nothing"),
        ("verify p.nir --input x.npz --artifact c", "is not EXECUTOR=FOLDER"),
        ("verify p.nir --input x.npz --artifact c=nowhere", "nowhere: no such folder"),
        ("verify p.nir --input x.npz --artifact d=folder", "'d'"),
        ("check net.nir", "dt"),
        ("check model.pt --dt 1e-3", "dt is said by the module itself"),
        ("check model.pt --input-shape 3", "reads (1, 32, 32), not (3,)"),
        ("check model", "'model' is no model"),
        ("check notes.txt", "notes.txt: unknown kind of file"),
        ("check :f", "':f' is no model"),
        ("check nowhere:f", "no module 'nowhere'"),
        ("check json:nothing", "json has no 'nothing'"),
        ("check json:dumps", "stops with TypeError"),
        ("compile net.nir --dt 1e-3 -o new.nir --weight-bits mixed", "mixed bits are chosen on data"),
        ("compile net.nir --dt 1e-3 --data x.npz -o new.nir", "x.npz: spikes: shape (3, 4, 3)"),
        ("compile p.nir --dt 1e-3 -o new.nir", "p.nir"),
        ("tune net.nir --dt 1e-3 --data x.npz -o new.nir", "x.npz: spikes: shape (3, 4, 3)"),
        ("tune net.nir --dt 1e-3 --data two.npz --test x.npz -o new.nir", "x.npz"),
        ("convert cnn.onnx --data ann.npz -o new.nir --raster new.npz", "--raster writes the test samples"),
        ("convert cnn.onnx --data ann.npz --test ann.npz -o new.nir --raster new.nir", "is named twice"),
        ("convert cnn.onnx --data ann.npz -o new.nir --input-shape 3", "input"),
        ("convert net.nir --data ann.npz -o new.nir", "unknown kind of file"),
        ("convert cnn.onnx --data x.npz -o new.nir", "x.npz"),
        ("train digits -o new --teacher-weight 0.5", "there is no teacher"),
        ("train folder -o new", "--data"),
        ("train folder --data nowhere -o new", "nowhere"),
        ("train folder --data notes.txt -o new", "notes.txt"),
        ("train fsdd --data folder -o new", "folder"),
        ("encode folder --front front.json -o new.npz", "--data"),
        ("encode fsdd --data nowhere --front front.json -o new.npz", "nowhere"),
        ("ann digits --model model.pt -o new", "model.pt"),
        ("fuzz --seconds 1 --only ,", "nothing is called"),
        ("run p.nir --input folder", "folder: holds no .npz file"),
        (
            "tune net.nir --dt 1e-3 --data two.npz --runs new -o new.nir --scheduler tcp://127.0.0.1:1",
            "keeps no checkpoints",
        ),
        ("tune json:f --data two.npz -o new.nir --scheduler tcp://127.0.0.1:1", "code of yours is not sent"),
        (
            "tune net.nir --dt 1e-3 --data two.npz -o new.nir --scheduler tcp://127.0.0.1:1",
            "no scheduler answers there",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(refused, words, said):
    assert said in refused(shlex.split(words))
