"""Files to be used wrongly, the right use of every command, and what is wrong with a file."""

import os
import shlex
import shutil
from pathlib import Path

import numpy as np

from exporters.program_file import write_program
from sim.program import Connection, Dense, Input, Population, Program
from snn2hw.compiler.certify import prove
from snn2hw.files.rasters import write_raster
from tests.project.test_options import _write_network

ROOT = Path(__file__).parents[2]
CHECKPOINT = ROOT / "tests" / "golden" / "checkpoint.pt"

RIGHT = {
    "demo": "-o new",
    "check": "net.nir --dt 1e-3 --target loihi1",
    "compile": "net.nir --dt 1e-3 --target loihi1 --data two.npz -o new.nir",
    "certify": "p.nir --steps 8",
    "tune": "net.nir --dt 1e-3 --data two.npz --held-out two.npz --test two.npz --runs new -o new.nir",
    "run": "p.nir --input x.npz -o new.npz",
    "verify": "p.nir --input x.npz --against fast -o new.json",
    "export": "p.nir --to c --input x.npz -o new",
    "train": "digits -o new --start model.pt --teacher model.pt",
    "encode": "digits --front front.json -o new.npz",
    "ann": "digits --model model.pt -o new",
    "convert": "cnn.onnx --data ann.npz --test ann.npz -o new.nir",
    "energy": "p.nir --input x.npz --ann cnn.onnx --ann-input ann.npz --tables prices.toml --plots new -o new.json",
    "fuzz": "--seconds 1 -o new",
    "doctor": "",
    "place": "p.nir --target loihi1 --input x.npz -o new.json",
    "report": "p.nir x.npz -o page.html",
    "zoo": "",
    "listen": "zoo:digits sound.flac",
    "denoise": "zoo:denoise sound.flac new.wav",
    "relevance": "last.pt sound.flac -o new.png",
    "sweep": "study.toml --processes 1 --no-pictures -o new",
    "cluster": "--workers 1 --seconds 1",
    "completion": "bash",
    "help": "targets",
    "install": "sanafe --folder new",
    "install-lava": "--folder new",
}
"""A right use of every command; every wrong one below is one of these with one thing changed."""

INPUTS = {
    "check": ("net.nir", "loihi1"),
    "compile": ("net.nir", "loihi1", "two.npz"),
    "certify": ("p.nir",),
    "tune": ("net.nir", "--data two.npz", "--held-out two.npz", "--test two.npz"),
    "run": ("p.nir", "x.npz"),
    "verify": ("p.nir", "x.npz"),
    "export": ("p.nir", "x.npz"),
    "train": ("--start model.pt", "--teacher model.pt"),
    "encode": ("front.json",),
    "ann": ("model.pt",),
    "convert": ("cnn.onnx", "--data ann.npz", "--test ann.npz"),
    "energy": ("p.nir", "x.npz", "cnn.onnx", "ann.npz", "prices.toml"),
    "place": ("p.nir", "loihi1", "x.npz"),
    "sweep": ("study.toml",),
    "listen": ("sound.flac",),
    "report": ("p.nir", "x.npz"),
    "denoise": ("sound.flac",),
    "relevance": ("last.pt", "sound.flac"),
}
"""The files that each command reads, as they stand in its right use."""

STUDY = """schema = "snn2hw.study/1"
run.commands = ["run p.nir --input x.npz --decoder {decoder}"]
run.inputs = ["p.nir", "x.npz"]
measure.right = "run.right"
settings.decoder = ["max", "last"]
"""

WRONG = ("missing", "a folder", "a pipe", "empty", "damaged", "of another kind")


def words_of(verb: str, old: str = "", new: str = "") -> list[str]:
    """Return the right use of a command with one piece of it replaced."""
    assert old in RIGHT[verb], (verb, old)
    return [verb, *shlex.split(RIGHT[verb].replace(old, new, 1))]


def write_files(folder: Path) -> None:
    """Write one good file of each kind."""
    out = Population("out", (3,), (Connection("input", Dense(np.eye(3, dtype=int) * 9)),), fires=False)
    program = Program(Input((3,)), (out,))
    write_program(program, folder / "p.nir", attachments={"certificate": prove(program, 4).to_json()})
    _write_network(folder / "net.nir")
    labels = np.array([0, 1, 2])
    write_raster(folder / "x.npz", np.repeat(np.eye(3, dtype=np.uint8)[:, None], 4, axis=1), labels)
    write_raster(folder / "two.npz", np.repeat(np.eye(2, dtype=np.uint8)[:, None], 4, axis=1), labels[:2])
    shutil.copy(CHECKPOINT, folder / "model.pt")
    for source, name in {
        "chips/loihi1.toml": "chip.toml",
        "costs/tables/loihi1_davies2018.toml": "prices.toml",
    }.items():
        shutil.copy(ROOT / "snn2hw" / source, folder / name)
    shutil.copy(ROOT / "tests" / "fixtures" / "trained" / "fsdd_hardware_direct.front.json", folder / "front.json")
    shutil.copy(ROOT / "snn2hw" / "costs" / "tables" / "loihi1_davies2018.toml", folder / "prices.toml")
    _write_ann(folder)
    _write_sound(folder / "sound.flac")
    _write_stream(folder)
    (folder / "study.toml").write_text(STUDY)
    (folder / "notes.txt").write_text("no file of ours\n")
    (folder / "folder").mkdir()
    for verb, pieces in INPUTS.items():
        for piece in pieces:
            _spoil(folder, verb, piece)


def _write_sound(path: Path) -> None:
    import soundfile

    soundfile.write(path, np.sin(np.arange(8000) / 5) / 2, 8000)


def _write_stream(folder: Path) -> None:
    """Write what a run of a streaming network leaves, untrained."""
    import json

    from snn2hw.files.tensor_file import write_tensors
    from snn2hw.train.checkpoint import SCHEMA
    from snn2hw.train.recipe import recipe_to
    from snn2hw.train.stream_data import stream_recipe_for
    from snn2hw.train.stream_fit import stream_model

    recipe = stream_recipe_for("fsdd")
    weights = stream_model(recipe, 2).state_dict()
    values = {"schema": SCHEMA, "recipe": recipe_to(recipe), "best": {"epoch": 1, "weights": weights}}
    write_tensors(folder / "last.pt", values)
    (folder / "summary.json").write_text(json.dumps({"classes": ["low", "high"]}))


def _write_ann(folder: Path) -> None:
    from tests.conversion.ann_zoo import Build

    build = Build((3,))
    build.add("Gemm", build.w(3, 4), build.w(4))
    build.add("Relu")
    build.add("Gemm", build.w(4, 3), build.w(3))
    build.write(folder / "cnn.onnx")
    np.savez(folder / "ann.npz", x=np.eye(3, dtype=np.float32), labels=np.arange(3))


def spoilt(piece: str, how: str) -> str:
    """Return the name of a file of this kind that is wrong in this way, as it stands on the command line."""
    option, _, name = piece.rpartition(" ")
    name = "chip.toml" if name == "loihi1" else name
    stem, suffix = name.rsplit(".")
    return f"{option} {how.replace(' ', '_')}-{stem}.{suffix}".strip()


def _spoil(folder: Path, verb: str, piece: str) -> None:
    good = "chip.toml" if piece == "loihi1" else piece.rpartition(" ")[2]
    data = (folder / good).read_bytes()
    other = (folder / ("notes.txt" if good.endswith(".npz") else "x.npz")).read_bytes()
    contents = {"empty": b"", "damaged": data[: len(data) // 3], "of another kind": other}
    for how in WRONG:
        path = folder / spoilt(piece, how).rpartition(" ")[2]
        if how == "a folder":
            path.mkdir(exist_ok=True)
        elif how == "a pipe" and not path.exists():
            os.mkfifo(path)
        elif how in contents:
            path.write_bytes(contents[how])


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Return what lies in a folder: of every file its size and when it was written."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if "__pycache__" not in path.parts:
            facts = path.lstat()
            found[str(path.relative_to(folder))] = (facts.st_mtime_ns, facts.st_size)
    return found
