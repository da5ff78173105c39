"""Every reader of a file from outside, and what it is fed: good files to damage."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from snn2hw.fuzz.reader import Reader
from snn2hw.fuzz.side_readers import SIDE_READERS, SIDE_SEEDS

if TYPE_CHECKING:
    from sim.program import Program

__all__ = ["READERS", "available", "write_seeds"]


def _raster(path: Path) -> object:
    from snn2hw.files.rasters import read_raster

    return read_raster(path)


def _program(path: Path) -> object:
    from exporters.program_file import read_program_file
    from snn2hw.compiler.checker import check_certificate

    found = read_program_file(path)
    stated = found.attachments.get("certificate")
    return check_certificate(found.program, stated) if isinstance(stated, dict) else found


def _network(path: Path) -> object:
    from snn2hw.sources.from_nir import from_nir

    return from_nir(path, dt=1e-4)


def _front(path: Path) -> object:
    from snn2hw.audio.front import read_front

    return read_front(path)


def _target(path: Path) -> object:
    from snn2hw.chips.target import get_target

    return get_target(path)


def _prices(path: Path) -> object:
    from snn2hw.costs.price_files import get_table

    return get_table(path)


def _macs(path: Path) -> object:
    from snn2hw.ann.graph import load
    from snn2hw.ann.macs import macs

    return macs(load(path))


def _relus(path: Path) -> object:
    from snn2hw.conversion.onnx_graph import read_onnx

    return read_onnx(path)


def _checkpoint(path: Path) -> object:
    from snn2hw.train.ready import read_ready

    return read_ready(path)


def _sound(path: Path) -> object:
    from snn2hw.audio.clip import read_clip

    return read_clip(path, 8000)


def _reported(path: Path) -> object:
    from snn2hw.page.collect import with_record
    from snn2hw.page.lying import Lying, kind_of
    from snn2hw.page.material import Material

    return with_record(Material(_reported_program(), "fuzz"), Lying(path, kind_of(path) or "verdict", "", named=True))


READERS: Mapping[str, Reader] = {
    "raster": Reader(".npz", (), _raster),
    "program": Reader(".nir", ("h5py", "nir"), _program),
    "network": Reader(".nir", ("h5py", "nir"), _network),
    "front": Reader(".json", (), _front),
    "report": Reader(".json", (), _reported),
    "target": Reader(".toml", (), _target),
    "prices": Reader(".toml", (), _prices),
    "macs": Reader(".onnx", ("onnx",), _macs),
    "relus": Reader(".onnx", ("onnx",), _relus),
    "checkpoint": Reader(".pt", ("torch", "norse"), _checkpoint),
    "wav": Reader(".wav", ("soundfile", "soxr"), _sound),
    "flac": Reader(".flac", ("soundfile", "soxr"), _sound),
    **SIDE_READERS,
}
"""Reader name to what it reads."""


def available() -> tuple[str, ...]:
    """Return the readers whose packages are installed."""
    return tuple(name for name, reader in READERS.items() if all(find_spec(package) for package in reader.needs))


def write_seeds(folder: Path, rng: np.random.Generator) -> dict[str, list[Path]]:
    """Write good files for every reader that is there."""
    return {name: _SEEDS[name](folder, rng) for name in available()}


def _raster_seeds(folder: Path, rng: np.random.Generator) -> list[Path]:
    from snn2hw.files.rasters import write_raster

    write_raster(folder / "raster.npz", rng.integers(0, 2, (3, 5, 7)), np.arange(3), "mean")
    return [folder / "raster.npz"]


def _program_seeds(folder: Path, rng: np.random.Generator) -> list[Path]:
    from exporters.program_file import write_program
    from snn2hw.compiler.certify import prove
    from snn2hw.fuzz.draw import SMALL, random_program

    paths = [folder / f"program{i}.nir" for i in range(3)]
    for i, path in enumerate(paths):  # what reading costs is the number of arrays
        program = random_program(rng, replace(SMALL, most_populations=1 + i // 2))
        write_program(program, path, attachments={"certificate": prove(program, 20).to_json()})
    return paths


def _network_seeds(folder: Path, rng: np.random.Generator) -> list[Path]:
    from exporters.to_nir import export
    from snn2hw.fuzz.draw import SMALL, random_program

    paths = []
    for i in range(3):
        export(random_program(rng, replace(SMALL, most_populations=1 + i // 2)), folder / f"nir{i}")
        paths.append(folder / f"nir{i}" / "network.nir")
    return paths


def _front_text() -> str:
    from snn2hw.audio.front import FrontEnd, to_json
    from snn2hw.audio.logmel import LogMel, Normaliser
    from snn2hw.codec.encode import Encoder

    mel = LogMel(bands=16, frames=16)
    scale = Normaliser((-60.0,) * 16, (0.0,) * 16, 31)
    return to_json(FrontEnd(mel, scale, Encoder("direct", 8, 31), "mean", ("no", "yes")))


def _front_seeds(folder: Path, rng: np.random.Generator) -> list[Path]:
    (folder / "front.json").write_text(_front_text(), encoding="utf-8")
    return [folder / "front.json"]


def _reported_program() -> "Program":
    from snn2hw.fuzz.draw import Space, random_program

    return random_program(np.random.default_rng(1), Space(wide=False))


def _reported_seeds(folder: Path, rng: np.random.Generator) -> list[Path]:
    """Write what `verify`, `energy` and `place` say of one program."""
    from snn2hw.costs.energy import energy
    from snn2hw.files.json_file import write_json
    from snn2hw.fuzz.draw import random_raster
    from snn2hw.placement.place import place
    from snn2hw.verification.verdict import Verdict, VerdictRow

    program = _reported_program()
    raster = random_raster(rng, program)
    rows = (VerdictRow("reference", "baseline", 9, 0.1), VerdictRow("c", "equal", 9, 0.1, losses=("a word",)))
    verdict = Verdict(program.digest, "0" * 64, len(raster), raster.shape[1], updates=9, rows=rows)
    said = {
        "verdict": verdict.to_json(),
        "energy": energy(program, raster).to_json(),
        "place": place(program, "loihi1", placer="in_order").to_json(),
    }
    for name, found in said.items():
        write_json(folder / f"{name}.json", found)
    return [folder / f"{name}.json" for name in said]


def _packaged(folder: Path, package: str, *names: str) -> list[Path]:
    paths = [folder / f"{package}.{Path(name).name}" for name in names]
    for path, name in zip(paths, names, strict=True):
        path.write_bytes(resources.files(package).joinpath(name).read_bytes())
    return paths


def _target_seeds(folder: Path, rng: np.random.Generator) -> list[Path]:
    return _packaged(folder, "snn2hw.chips", "loihi1.toml", "loihi2.toml")


def _price_seeds(folder: Path, rng: np.random.Generator) -> list[Path]:
    return _packaged(folder, "snn2hw.costs", "tables/loihi1_davies2018.toml", "tables/cmos45_int8_memory.toml")


def _onnx_seeds(folder: Path, rng: np.random.Generator) -> list[Path]:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = {"w": rng.normal(size=(4, 1, 3, 3)), "b": rng.normal(size=4), "m": rng.normal(size=(3, 64))}
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Flatten", ["r"], ["f"], axis=1),
        helper.make_node("Gemm", ["f", "m"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 1, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(v.astype(np.float32), n) for n, v in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), folder / "net.onnx")
    return [folder / "net.onnx"]


def _checkpoint_seeds(folder: Path, rng: np.random.Generator) -> list[Path]:
    from snn2hw.audio.front import from_json
    from snn2hw.models.layout import Layout, Stage
    from snn2hw.train.checkpoint import build, write_checkpoint
    from snn2hw.train.network_recipe import NetworkRecipe
    from snn2hw.train.recipe import recipe_to

    text = _front_text()
    front = from_json(text, "front")
    recipe = NetworkRecipe(layout=Layout((Stage(2, 3, 2),), hidden=8), mel=front.mel)
    model = build(recipe, len(front.classes))
    values = {"recipe": recipe_to(recipe), "front": text, "weights": model.state_dict(), "accuracy": {"test": 0.5}}
    write_checkpoint(folder / "model.pt", values)
    return [folder / "model.pt", *_run_model_seeds(folder)]


def _run_model_seeds(folder: Path) -> list[Path]:
    """Write a small network of every kind that is none of images, each as its run leaves it."""
    from snn2hw.models.mask import MaskLayout
    from snn2hw.models.stream import StreamLayout
    from snn2hw.train.denoising.fit import denoiser
    from snn2hw.train.denoising.recipe import DenoiseRecipe
    from snn2hw.train.pair_fit import pair_model
    from snn2hw.train.pair_recipe import PairRecipe
    from snn2hw.train.run_model import RunModel, write_run_model
    from snn2hw.train.stream_fit import stream_model
    from snn2hw.train.stream_recipe import StreamRecipe

    classes, shape = ("low", "high"), (1, 10, 10)
    stream = StreamRecipe(layout=StreamLayout(channels=(2, 2), hidden=3, spread=(1, 2, 3)))
    mask, pair = DenoiseRecipe(layout=MaskLayout(hidden=(3, 2))), PairRecipe(network="tcy", steps=2)
    made = (
        RunModel("stream", stream_model(stream, len(classes)), stream, classes),
        RunModel("denoiser", denoiser(mask), mask),
        RunModel("published pair", pair_model(pair, shape, len(classes)), pair, classes, shape),
    )
    for trained in made:
        (folder / trained.kind).mkdir()
        write_run_model(trained, folder / trained.kind)
    return [folder / trained.kind / "model.pt" for trained in made]


def _sound_seeds(folder: Path, rng: np.random.Generator, suffix: str) -> list[Path]:
    import soundfile

    path = folder / f"clip{suffix}"
    soundfile.write(path, rng.normal(scale=0.1, size=(3000, 2)).clip(-1, 1), 16000)
    return [path]


def _wav_seeds(folder: Path, rng: np.random.Generator) -> list[Path]:
    return _sound_seeds(folder, rng, ".wav")


def _flac_seeds(folder: Path, rng: np.random.Generator) -> list[Path]:
    return _sound_seeds(folder, rng, ".flac")


_SEEDS: Mapping[str, Callable[[Path, np.random.Generator], list[Path]]] = {
    "raster": _raster_seeds,
    "program": _program_seeds,
    "network": _network_seeds,
    "front": _front_seeds,
    "report": _reported_seeds,
    "target": _target_seeds,
    "prices": _price_seeds,
    "macs": _onnx_seeds,
    "relus": _onnx_seeds,
    "checkpoint": _checkpoint_seeds,
    "wav": _wav_seeds,
    "flac": _flac_seeds,
    **SIDE_SEEDS,
}
