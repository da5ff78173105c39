"""What stands indented in a page: its commands are understood and run, its Python runs, or a table says why not.

Pages with fenced blocks are run whole by `test_pages.py`. Here are the others: reference pages whose lines stand for
any network. Each is run in a folder that holds small files of the names it speaks of.
"""

import ast
import re
import shlex
import shutil
import tomllib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import tests.norse_first  # noqa: F401 - before numba
from snn2hw.commands import COMMANDS, parser_of
from tests.project.pages import ROOT, run_line
from tests.project.wrong_uses import write_files

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TABLE = tomllib.loads((Path(__file__).parent / "blocks.toml").read_text(encoding="utf-8"))
TOOLS = ("snn2hw", "python", "python3", "make", "pip", "pytest", "arecord", "pre-commit", ".")
SPEAKS = re.compile(
    r"^(?:import |from \w[\w.]* import |def |localparam |#include )|\bsw\.|\bprogram\b.*\)|count_model\(", re.MULTILINE
)
LONG = "README.md"
"""Its lines train a network: run in the long form, with these words added."""
ADDED = {"snn2hw train": "--epochs 1 --variants 0"}


@dataclass(frozen=True)
class Piece:
    """A command line, or a block of code, of a page."""

    page: str
    text: str
    kind: str

    def exempt(self):
        """Return the row of the table that leaves it out, if one does."""
        rows = TABLE["lines" if self.kind == "line" else "code"]
        return next((tuple(row) for row in rows if row[0] == self.page and self.text.startswith(row[1])), None)


def _paragraphs(page):
    """Yield what stands indented by four blanks outside fences and lists, paragraph by paragraph."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for found in re.finditer(r"(?:(?<=\n\n)|\A)(?:    .*(?:\n|\Z))+", text):
        yield re.sub(r"^    ", "", found[0], flags=re.MULTILINE).rstrip()


def _pieces():
    for page in PAGES:
        name = page.relative_to(ROOT).as_posix()
        for paragraph in _paragraphs(page):
            lines = paragraph.replace("\\\n", " ").splitlines()
            if all(line.split()[0] in TOOLS for line in lines):
                yield from (Piece(name, line, "line") for line in lines)
            elif SPEAKS.search(paragraph):
                yield Piece(name, paragraph, "code")


PIECES = list(_pieces())
COMMAND_LINES = [piece for piece in PIECES if piece.text.startswith("snn2hw ")]
RUN = [p for p in PIECES if p.exempt() is None and p.page != LONG]


def _typed(line):
    """Return a line as it is typed: what may be left out is there, ways to write a name are one of them."""
    return re.sub(r"\bM\b|(?<= )MODEL\b", "net.nir", re.sub(r"[\[\]]", "", line)).replace("--samples N", "--samples 1")


def test_what_is_left_out_is_there_and_is_left_out_once():
    met = {p.exempt() for p in PIECES}
    assert [row for part in TABLE.values() for row in part if tuple(row) not in met] == []
    assert len(RUN) > 30
    assert {p.page for p in PIECES if p.kind == "line"} >= {"README.md", "docs/compile.md", "docs/zoo.md"}


@pytest.mark.parametrize("piece", COMMAND_LINES, ids=lambda piece: f"{piece.page}: {piece.text[:60]}")
def test_a_command_line_of_a_page_is_understood(piece):
    verb, *words = shlex.split(_typed(piece.text), comments=True)[1:]
    assert verb in COMMANDS
    parser, _ = parser_of(verb)
    parser.refuse_unknown(words)
    parser.parse_args([word for word in words if word != "|"])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return a folder with a small file of each kind."""
    folder = tmp_path_factory.mktemp("files")
    write_files(folder)
    write_network(folder / "three.nir")
    return folder


def write_network(path):
    """Write three LIF neurons in the manner of snnTorch: r is tau / dt."""
    import nir

    ones = np.ones(3)
    lif = nir.LIF(tau=ones * 2e-3, r=ones * 20, v_leak=ones * 0, v_threshold=ones, v_reset=ones * 0)
    ends = {"input": nir.Input({"input": np.array([3])}), "output": nir.Output({"output": np.array([3])})}
    layers = {"input": ends["input"], "fc": nir.Linear(np.eye(3)), "lif": lif, "output": ends["output"]}
    nir.write(path, nir.NIRGraph(layers, list(pairwise(layers))))


NAMED = {
    "P.nir": "p.nir",
    "X.npz": "x.npz",
    "p.nir": "p.nir",
    "lean.nir": "p.nir",
    "net.nir": "three.nir",
    "cnn.onnx": "cnn.onnx",
    "lean.onnx": "cnn.onnx",
    "calibration.npz": "x.npz",
    "test.npz": "x.npz",
    "runs/cnn/cnn.onnx": "cnn.onnx",
    "runs/cnn/ann-input.npz": "ann.npz",
    "runs/keywords/last.pt": "last.pt",
    "runs/keywords/summary.json": "summary.json",
    "SOUND.wav": "yes.wav",
    "word.wav": "yes.wav",
    "yes.wav": "yes.wav",
    "no.wav": "yes.wav",
    "noisy.wav": "yes.wav",
    "FILE.wav": "yes.wav",
}
"""Name in a page to the file that stands for it."""
ELSEWHERE = {
    "docs/convert.md": {"train.npz": "ann.npz", "test.npz": "ann.npz"},
    "docs/audio.md": {"P.nir": "keywords.nir"},
}
"""Names that mean another file on some page."""


@pytest.fixture
def home(files, tmp_path, monkeypatch, request):
    """Stand in a folder that holds what the page of this test speaks of."""
    import soundfile

    soundfile.write(files / "yes.wav", np.sin(np.arange(16000) / 5) / 2, 16000)
    shutil.copy(ROOT / "snn2hw" / "zoo" / "keywords.nir", files / "keywords.nir")
    for name, source in (NAMED | ELSEWHERE.get(request.param, {})).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(files / source, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return request.param


def _names():
    """Return what the Python of a page takes for given."""
    import nir

    import snn2hw as sw
    import snn2hw.compiler.compile
    from snn2hw.compiler.certify import prove

    rasters = np.repeat(np.eye(3, dtype=np.uint8)[:, None], 4, axis=1)
    program, source = sw.read_program("P.nir"), sw.from_nir("net.nir", dialect="snntorch", reset="value")
    compiled = snn2hw.compiler.compile.compile_source(source, "loihi1", np.load("calibration.npz")["spikes"])
    images = np.eye(3, dtype=np.float32)
    return {
        "sw": sw,
        "snn2hw": snn2hw,
        "np": np,
        "program": program,
        "source": source,
        "graph": nir.read("net.nir"),
        "compiled": compiled,
        "certificate": prove(program, 4),
        "raster": rasters,
        "rasters": rasters,
        "labels": np.arange(3),
        "images": images,
        "samples": images,
    }


@pytest.mark.parametrize("home", sorted({piece.page for piece in RUN}), indirect=True)
def test_what_a_page_shows_runs(home):
    names = None
    for piece in RUN:
        if piece.page == home and piece.kind == "line":
            run_line(_typed(piece.text))
        elif piece.page == home:
            names = names or _names()
            ast.parse(piece.text)
            exec(compile(piece.text, home, "exec"), names)


@pytest.mark.full
@pytest.mark.skipif(not (ROOT / ".venv-lava").exists(), reason="verify names lava, whose environment make test makes")
def test_the_lines_of_the_readme_run_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for piece in COMMAND_LINES:
        if piece.page == LONG:
            added = next((words for begin, words in ADDED.items() if piece.text.startswith(begin)), "")
            run_line(f"{piece.text} {added}")
