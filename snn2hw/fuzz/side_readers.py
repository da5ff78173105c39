"""Readers of what lies beside other files: tables of clips, manifests and memories of exports, states of runs.

Each is given one damaged file, which it puts where its folder has it.
"""

import json
import wave
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from snn2hw.fuzz.reader import Reader

__all__ = ["SIDE_READERS", "SIDE_SEEDS"]

DIGEST = "5" * 64
MEMORY_WORDS, MEMORY_BITS = 40, 13
SPOKEN = ("yes/a_nohash_0.wav", "no/b_nohash_1.wav")
SOUND = ("soundfile", "soxr")


def _laid(path: Path, *place: str) -> Path:
    """Put a file where a folder has it; return the folder."""
    root = path.parent / "laid"
    there = root.joinpath(*place)
    there.parent.mkdir(parents=True, exist_ok=True)
    there.write_bytes(path.read_bytes())
    return root


def _sounds(folder: Path, *names: str) -> Path:
    """Put good sounds into a folder, where they are not there yet; return the folder."""
    for name in names:
        path = folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with wave.open(str(path), "wb") as sound:
                sound.setparams((1, 2, 8000, 0, "NONE", ""))
                sound.writeframes(bytes(range(200)) * 8)
    return folder


def _reading() -> Any:
    from snn2hw.audio.rows import Reading

    return Reading(rate_hz=8000)


def _clips(path: Path) -> object:
    from snn2hw.audio.tables import read_csv

    _sounds(path.parent, "a.wav", "b.wav")
    return read_csv(path, _reading())


def _picture(path: Path) -> object:
    from snn2hw.audio.picture import read_picture

    return read_picture(path, 8000)


def _esc(path: Path) -> object:
    from snn2hw.audio.tables import read_esc

    return read_esc(_sounds(_laid(path, "meta", "esc50.csv"), "audio/1.wav", "audio/2.wav"), _reading())


def _urban(path: Path) -> object:
    from snn2hw.audio.tables import read_urbansound

    root = _sounds(_laid(path, "metadata", "UrbanSound8K.csv"), "audio/fold5/1.wav", "audio/fold5/2.wav")
    return read_urbansound(root, _reading())


def _phones(path: Path) -> object:
    from snn2hw.audio.timit import read_timit

    root = _sounds(_laid(path, "TRAIN", "DR1", "FAB0", "SI1.PHN"), "TRAIN/DR1/FAB0/SI1.WAV", "TEST/DR1/MCD0/SI2.WAV")
    (root / "TEST" / "DR1" / "MCD0" / "SI2.PHN").write_text(TEXTS["phones"], encoding="ascii")
    return read_timit(root, _reading())


def _speakers(path: Path) -> object:
    from snn2hw.audio.tables import read_audiomnist

    sounds = [f"data/{speaker}/0_{speaker}_0.wav" for speaker in ("01", "02")]
    root = _sounds(_laid(path, "data", "audioMNIST_meta.txt"), *sounds)
    return read_audiomnist(root, _reading(), "gender")


def _parts(path: Path) -> object:
    from snn2hw.audio.speech_commands import read_keywords

    return read_keywords(_sounds(_laid(path, "metadata.csv"), *SPOKEN), _reading())


def _lists(path: Path) -> object:
    from snn2hw.audio.speech_commands import read_keywords

    root = _sounds(path.parent / "words", *SPOKEN)
    for name in ("validation_list.txt", "testing_list.txt"):
        (root / name).write_bytes(path.read_bytes())
    return read_keywords(root, _reading())


def _ratios(path: Path) -> object:
    from snn2hw.denoise.layouts import read_ratios

    return read_ratios(path)


def _manifest(path: Path) -> object:
    from exporters.artifact import check_same_program

    check_same_program(_laid(path, "artifact.json"), "c", DIGEST)
    return None


def _golden(path: Path) -> object:
    from exporters.to_golden import extent_of

    return extent_of(_laid(path, "golden.json"))


def _lanes(path: Path) -> object:
    from exporters.to_rtl import lanes_of

    root = _laid(path, "rtl.json")
    (root / "artifact.json").write_text(_manifest_text("rtl"), encoding="utf-8")
    return lanes_of(root, DIGEST)


def _memory(path: Path) -> object:
    from exporters.golden_export.readmemh import read_bits, read_words

    read_words(path, MEMORY_BITS, MEMORY_WORDS, signed=True)
    return read_bits(path, MEMORY_BITS, MEMORY_WORDS)


def _summary(path: Path) -> object:
    from snn2hw.train.summary import classes_in, read_summary

    read_summary(_laid(path, "summary.json"))
    return classes_in(path.parent / "laid")


def _study(path: Path) -> object:
    from snn2hw.sweep.study import read_study

    return read_study(path)


def _setting(path: Path) -> object:
    from snn2hw.sweep.results import read_result
    from snn2hw.sweep.study import read_study

    study = path.parent / "of-setting.toml"
    study.write_text(STUDY, encoding="utf-8")
    return read_result(_laid(path, "0123.json"), "0123", read_study(study), {})


def _campaign(path: Path) -> object:
    from snn2hw.fuzz.ledger import read_campaign

    return read_campaign(_laid(path, "findings.json"), 3)


def _samples(path: Path) -> object:
    from snn2hw.files.samples import read_samples

    return read_samples(path)


def _state(path: Path) -> object:
    from snn2hw.train.checkpoint import read_checkpoint
    from snn2hw.train.run_state import RunFiles, begun

    files = RunFiles(path, path.with_name("journal"), {"epochs": 3}, read_checkpoint, "is another's:")
    return begun(files, 3, 0, None)


def _chain(path: Path) -> object:
    from snn2hw.ann.firmware.chain import read_chain

    return read_chain(path, (1, 8, 8))


def _dialects(path: Path) -> object:
    """Read as that framework's file which the size of the file picks."""
    from snn2hw.sources.from_nir import from_nir
    from snn2hw.sources.from_nir.dialects import DIALECTS

    names = sorted(DIALECTS)
    return from_nir(path, dt=1e-4, dialect=names[path.stat().st_size % len(names)])


def _kind(path: Path) -> object:
    from snn2hw.page.lying import kind_of, sha256_of

    return kind_of(path), sha256_of(path)


SIDE_READERS: Mapping[str, Reader] = {
    "png": Reader(".png", ("PIL",), _picture),
    "jpeg": Reader(".jpg", ("PIL",), _picture),
    "clips": Reader(".csv", SOUND, _clips),
    "esc": Reader(".csv", SOUND, _esc),
    "phones": Reader(".txt", SOUND, _phones),
    "urbansound": Reader(".csv", SOUND, _urban),
    "speakers": Reader(".json", SOUND, _speakers),
    "parts": Reader(".csv", SOUND, _parts),
    "lists": Reader(".txt", SOUND, _lists),
    "ratios": Reader(".csv", (), _ratios),
    "manifest": Reader(".json", (), _manifest),
    "golden": Reader(".json", (), _golden),
    "lanes": Reader(".json", (), _lanes),
    "memory": Reader(".mem", (), _memory),
    "summary": Reader(".json", (), _summary),
    "campaign": Reader(".json", (), _campaign),
    "study": Reader(".toml", (), _study),
    "setting": Reader(".json", (), _setting),
    "samples": Reader(".npz", (), _samples),
    "kind": Reader(".json", (), _kind),
    "state": Reader(".pt", ("torch",), _state),
    "chain": Reader(".onnx", ("onnx",), _chain),
    "dialects": Reader(".nir", ("h5py", "nir"), _dialects),
}
"""Reader name to what it reads."""


STUDY = """schema = "snn2hw.study/1"
title = "bits"
run.commands = ["compile net.nir --weight-bits {bits} {how} -o {out}/p.nir", "run {out}/p.nir --input x --chunk {n}"]
measure.share = ["run.right", "run.samples"]
search = { method = "random", trials = 3, seed = 1, objective = "share", direction = "maximize" }
settings.bits = [2, 8, "ternary"]
settings.n = { low = 1, high = 100, log = true }
settings.how = { plain = [], levels = ["--levels", "4"] }
table.average = ["n"]
picture = { x = "bits", lines = "how" }
"""
"""A study, which a setting is of too."""


def _manifest_text(format: str) -> str:
    facts = {"schema": "snn2hw.artifact/1", "format": format, "digest": DIGEST, "losses": [], "files": {"a": "0" * 64}}
    return json.dumps(facts | {"losses": [{"where": "p", "what": "a word"}]})


TEXTS: Mapping[str, str] = {
    "clips": "path,label,part,fold,speaker\na.wav,yes,train,1,x\nb.wav,no,test,2,y\n",
    "esc": "filename,fold,target,category,esc10,src_file,take\n1.wav,1,0,dog,True,100,A\n2.wav,2,1,rain,False,101,B\n",
    "urbansound": "slice_file_name,fsID,start,end,salience,fold,classID,class\n"
    "1.wav,9,0,4,1,5,3,dog_bark\n2.wav,8,0,4,1,5,2,siren\n",
    "phones": "0 200 h#\n200 500 sh\n500 700 iy\n700 800 h#\n",
    "speakers": '{"01": {"accent": "german", "age": "30", "gender": "male"}, "02": {"gender": "female"}}',
    "parts": "path,part\nyes/a_nohash_0.wav,train\nno/b_nohash_1.wav,test\n",
    "lists": "yes/a_nohash_0.wav\nno/b_nohash_1.wav\n",
    "ratios": "file,snr_db\n1.wav,5\n2.wav,-2.5\n",
    "manifest": _manifest_text("c"),
    "golden": '{"schema": "snn2hw.golden/1", "samples": 2, "steps": 9, "populations": []}',
    "lanes": '{"schema": "snn2hw.rtl/1", "sizes": {"lanes": 4}, "populations": []}',
    "memory": "// words\n" + "\n".join(f"{i * 97 % 8192:04x}" for i in range(MEMORY_WORDS)) + "\n",
    "summary": '{"classes": ["no", "yes"], "accuracy": {"test": 0.5}}',
    "campaign": '{"schema": "snn2hw.fuzz/1", "seed": 3, "batches": {"wav": 4}, "tried": [{"subject": "wav", "outcome":'
    ' "read", "cases": 9}], "findings": [{"subject": "wav", "kind": "hang", "error": "", "file": null}]}',
    "study": STUDY,
    "setting": '{"schema": "snn2hw.setting/1", "name": "0123", "setting": {"bits": 2}, "measured": {"share": 0.5},'
    ' "error": null, "seconds": 1.5}',
    "kind": '{"schema": "snn2hw.accuracy/1", "digest": "", "networks": {"float": {"right": 1, "samples": 2}}}',
}
"""Good files that are text."""


def _text_seed(name: str) -> Callable[[Path, np.random.Generator], list[Path]]:
    def seeds(folder: Path, rng: np.random.Generator) -> list[Path]:
        path = folder / f"{name}{SIDE_READERS[name].suffix}"
        path.write_text(TEXTS[name], encoding="utf-8")
        return [path]

    return seeds


def _picture_seeds(name: str) -> Callable[[Path, np.random.Generator], list[Path]]:
    def seeds(folder: Path, rng: np.random.Generator) -> list[Path]:
        from PIL import Image

        pixels = {"grey": rng.integers(0, 256, (20, 30)), "colour": rng.integers(0, 256, (9, 7, 3))}
        paths = [folder / f"{kind}{SIDE_READERS[name].suffix}" for kind in pixels]
        for path, values in zip(paths, pixels.values(), strict=True):
            Image.fromarray(values.astype(np.uint8)).save(path)
        return paths

    return seeds


def _sample_seeds(folder: Path, rng: np.random.Generator) -> list[Path]:
    path = folder / "samples.npz"
    np.savez(path, features=rng.normal(size=(3, 2, 4)).astype(np.float32), labels=np.arange(3))
    return [path]


def _state_seeds(folder: Path, rng: np.random.Generator) -> list[Path]:
    import torch

    from snn2hw.train.checkpoint import write_checkpoint

    weights = {"w": torch.ones(2, 3)}
    values = {"recipe": {}, "epochs": 3, "weights": weights, "optimizer": {}, "history": [{"epoch": 1}]}
    write_checkpoint(folder / "last.pt", values | {"best": {"epoch": 1, "weights": weights}, "courses": [[1, 3]]})
    return [folder / "last.pt"]


def _chain_seeds(folder: Path, rng: np.random.Generator) -> list[Path]:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    arrays: dict[str, Any] = {
        "scale": np.array(0.1, np.float32),
        "zero": np.array(0, np.int8),
        "w": rng.integers(-9, 9, (3, 64)).astype(np.int8),
        "b": rng.integers(-9, 9, 3).astype(np.int32),
    }
    quantised = ("scale", "zero")
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"], axis=1),
        helper.make_node("QuantizeLinear", ["f", *quantised], ["q"]),
        helper.make_node("DequantizeLinear", ["q", *quantised], ["d"]),
        helper.make_node("DequantizeLinear", ["w", *quantised], ["dw"]),
        helper.make_node("DequantizeLinear", ["b", "scale"], ["db"]),
        helper.make_node("Gemm", ["d", "dw", "db"], ["g"], transB=1),
        helper.make_node("QuantizeLinear", ["g", *quantised], ["r"]),
        helper.make_node("DequantizeLinear", ["r", *quantised], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 1, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(values, name) for name, values in arrays.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), folder / "chain.onnx")
    return [folder / "chain.onnx"]


def _dialect_seeds(folder: Path, rng: np.random.Generator) -> list[Path]:
    import nir

    one = np.ones(3)
    neurons = {
        "lif": nir.LIF(one * 1e-2, one, one * 0, one, v_reset=one * 0),
        "cubalif": nir.CubaLIF(one * 5e-3, one * 1e-2, one, one * 0, one, v_reset=one * 0, w_in=one),
        "if": nir.IF(one, one, v_reset=one * 0),
    }
    paths = []
    for name, neuron in neurons.items():
        path = folder / f"{name}.nir"
        layers = [nir.Affine(rng.normal(size=(3, 2)), np.zeros(3)), neuron]
        nir.write(path, nir.NIRGraph.from_list(*layers))
        paths.append(path)
    return paths


SIDE_SEEDS: Mapping[str, Callable[[Path, np.random.Generator], list[Path]]] = {
    **{name: _text_seed(name) for name in TEXTS},
    "png": _picture_seeds("png"),
    "jpeg": _picture_seeds("jpeg"),
    "samples": _sample_seeds,
    "state": _state_seeds,
    "chain": _chain_seeds,
    "dialects": _dialect_seeds,
}
"""Reader name to what writes good files for it."""
