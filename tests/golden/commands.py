"""What the command line makes of a file, a checkpoint and an ANN: the program files that come out."""

import contextlib
import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.compiler import networks
from tests.golden import inside
from tests.golden.formulas import Formula, numbers, raster, scattered
from tests.golden.measure import portable, program_facts, sha_of
from tests.golden.sources import CHECKPOINT
from tests.sources.nir_nets import file_of

__all__ = ["COMMANDS", "command_facts"]


def _said(*words: str | Path) -> None:
    """Run one command, which must succeed, without its output."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as complaints:
        code = inside.main([str(word) for word in words])
    assert code == 0, f"{words[0]} ended with {code}: {complaints.getvalue()}"


def _spotter(folder: Path) -> tuple[Path, Path]:
    net, data = folder / "net.nir", folder / "x.npz"
    source = networks.convolutional(Formula(11))
    net.write_bytes(file_of(source.graph))
    inside.write_raster(data, raster(source.input_shape, samples=6, steps=10, seed=23))
    return net, data


def _mixed(folder: Path) -> None:
    net, data = _spotter(folder)
    chosen = ("--weight-bits", "mixed", "--budget", "0.2", "--decoder", "max")
    _said("compile", net, "--dt", "1e-3", "--data", data, *chosen, "-o", folder / "p.nir")


def _levels(folder: Path) -> None:
    net, data = _spotter(folder)
    chosen = ("--levels", "8", "--method", "max", "--per", "layer", "--bias", "register", "--target", "fixed")
    _said("compile", net, "--dt", "1e-3", "--data", data, *chosen, "-o", folder / "p.nir")


def _uncalibrated(folder: Path) -> None:
    net, _ = _spotter(folder)
    _said("compile", net, "--dt", "1e-3", "--dialect", "nir", "--weight-bits", "3", "--steps", "40", *_to(folder))


def _to(folder: Path) -> tuple[str | Path, ...]:
    return "-o", folder / "p.nir"


def _checkpoint(folder: Path) -> None:
    _said("compile", CHECKPOINT, "--weight-bits", "6", *_to(folder))


def _checkpoint_with_data(folder: Path) -> None:
    inside.write_raster(folder / "x.npz", raster((1, 32, 32), samples=3, steps=6, high=40), np.arange(3) % 2)
    _said("compile", CHECKPOINT, "--data", folder / "x.npz", "--weight-bits", "4", *_to(folder))


def _converted(folder: Path) -> None:
    from tests.conversion.ann_zoo import Build, average

    build = Build((2, 8, 8))
    build.rng = Formula(19)
    average(build)
    build.write(folder / "cnn.onnx")
    np.savez(folder / "a.npz", features=numbers((12, 2, 8, 8), 29, 0.0, 1.0).astype(np.float32))
    _said("convert", folder / "cnn.onnx", "--data", folder / "a.npz", "--steps", "16", "-o", folder / "net.nir")
    _said("compile", folder / "net.nir", "--target", "loihi2", "--steps", "16", *_to(folder))


def _tuned(folder: Path) -> None:
    source = networks.dense(Formula(11), bias=0.25)
    (folder / "net.nir").write_bytes(file_of(source.graph))
    inside.write_raster(folder / "x.npz", raster((20,), samples=24, seed=5), scattered(24, 3) % 4)
    how = ("--epochs", "2", "--batch", "8", "--weight-bits", "ternary", "--device", "cpu", "--dt", "1e-3")
    _said("tune", folder / "net.nir", "--data", folder / "x.npz", *how, *_to(folder))


COMMANDS: dict[str, Callable[[Path], None]] = {
    "compile, mixed bits": _mixed,
    "compile, eight levels": _levels,
    "compile, no data": _uncalibrated,
    "compile a checkpoint": _checkpoint,
    "compile a checkpoint with data": _checkpoint_with_data,
    "convert ONNX, then compile": _converted,
    "tune": _tuned,
}


def command_facts(name: str, folder: Path) -> dict[str, object]:
    """Return what is kept of the program file that a command writes; the program is certified once more."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        COMMANDS[name](folder)
        _said("certify", folder / "p.nir")
    found = inside.read_program_file(folder / "p.nir")
    attached = {key: sha_of(repr(portable(value))) for key, value in sorted(found.attachments.items())}
    return {**program_facts(found.program), "attachments": attached}
