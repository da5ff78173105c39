"""Every command answers a program: with --json, one document on standard output that its published schema describes."""

import json
import shlex

import pytest

from snn2hw.commands import COMMANDS, main
from snn2hw.commands.install import TOOLS
from snn2hw.schemas import get_schema, schema_names
from tests.project.wrong_uses import RIGHT, write_files

jsonschema = pytest.importorskip("jsonschema")
pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("norse")

APART = ("demo", "train", "tune", "ann", "install", "install-lava", "fuzz", "cluster", "completion", "help")
USES = {verb: (f"{verb} {RIGHT[verb]}",) for verb in COMMANDS if verb not in APART} | {
    "check": ("check net.nir --dt 1e-3", f"check {RIGHT['check']}", "check net.nir --target xylo2 --dt 1e-3"),
    "compile": ("compile net.nir --dt 1e-3 -o one.nir", f"compile {RIGHT['compile']}"),
    "completion": ("completion bash", "completion zsh", "completion fish"),
    "convert": (f"convert {RIGHT['convert']}", "convert cnn.onnx --data ann.npz -o more.nir"),
    "energy": (
        "energy p.nir --input x.npz",
        "energy zoo:digits --stream sound.flac --tables cmos45_int8",
        f"energy {RIGHT['energy'].replace('--tables prices.toml', '')}",
        "energy p.nir --input x.npz --ann cnn.onnx --ann-input ann.npz --also p.nir x.npz",
    ),
    "export": tuple(f"export p.nir --to {to} --input x.npz -o as-{to}" for to in ("c", "onnx", "nir", "rtl")),
    "fuzz": ("fuzz --seconds 0.1 --only files",),
    "cluster": ("cluster --workers 1 --seconds 0.1",),
    "help": ("help", "help targets"),
    "place": (f"place {RIGHT['place']}", f"place {RIGHT['place']} --simulate count"),
    "run": (f"run {RIGHT['run']}", "run p.nir --input x.npz --decoder last --engine reference"),
    "tune": ("tune net.nir --dt 1e-3 --data two.npz --epochs 1 -o tuned.nir",),
    "verify": (f"verify {RIGHT['verify']}",),
}
LONG = {
    "demo": ("demo -o demo",),
    "train": ("train digits --epochs 1 --variants 0 --model cnn -o run",),
    "ann": ("ann digits --model run/model.pt -o run",),
}
"""Right uses of each command, in order: the last needs what the one before it wrote."""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("json")
    write_files(folder)
    return folder


def _valid(document):
    schema = get_schema(document["schema"])
    assert schema["properties"]["schema"]["const"] == document["schema"]
    jsonschema.Draft202012Validator(schema).validate(document)
    return schema


def _answered(home, monkeypatch, capsys, use):
    """Run a command, and return its document, seen to be refused by its schema without any of its parts."""
    monkeypatch.chdir(home)
    main([*shlex.split(use), "--json"])
    document = json.loads(capsys.readouterr().out)
    schema = _valid(document)
    for key in set(schema["required"]) - {"schema"}:
        with pytest.raises(jsonschema.ValidationError):
            _valid({name: value for name, value in document.items() if name != key})
    return document


@pytest.mark.parametrize("use", [use for uses in USES.values() for use in uses])
def test_a_command_answers_with_one_document(home, monkeypatch, capsys, use):
    if use.startswith("cluster"):
        pytest.importorskip("distributed")
    document = _answered(home, monkeypatch, capsys, use)
    assert document["schema"] != "snn2hw.refusal/1"


@pytest.mark.full
def test_demo_training_and_twin_answer_with_documents_too(home, monkeypatch, capsys):
    for use in (use for uses in LONG.values() for use in uses):
        assert _answered(home, monkeypatch, capsys, use)["schema"] != "snn2hw.refusal/1", use


@pytest.mark.parametrize("use", ["install xylosim", "install-lava"])
def test_installing_answers_with_a_document(monkeypatch, capsys, use):
    asked = []
    for module in TOOLS.values():
        monkeypatch.setattr(f"{module}.install", lambda folder, **_: asked.append(folder))
    _answered(".", monkeypatch, capsys, use)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("use", "code"),
    [("run p.nir --input none.npz", 2), ("run", 2), ("run p.nir --inptu x.npz", 2), ("check none.nir", 2)],
)
def test_a_refusal_is_a_document_too(home, monkeypatch, capsys, use, code):
    monkeypatch.chdir(home)
    assert main([*use.split(), "--json"]) == code
    said = capsys.readouterr()
    document = json.loads(said.out)
    _valid(document)
    assert document["schema"] == "snn2hw.refusal/1"
    assert said.err == f"snn2hw {document['command']}: {document['error']}\n"


def test_every_command_is_tried():
    assert {*USES, *LONG, "install", "install-lava"} == set(COMMANDS)


@pytest.mark.parametrize("name", schema_names())
def test_a_schema_is_one_and_names_no_other(name):
    schema = get_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    version = schema["properties"]["schema"]["const"].rpartition("/")[2]
    assert schema["$id"] == f"urn:snn2hw:{name}:{version}"
    assert schema["properties"]["schema"]["const"] == f"snn2hw.{name}/{version}"
    assert schema["additionalProperties"] is False
