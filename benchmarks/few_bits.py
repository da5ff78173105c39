"""Put zoo:digits with 4-bit weights into the zoo, as zoo:digits4: python -m benchmarks.few_bits FSDD_FOLDER.

The network is the one of zoo:digits, read back from its NIR; the training clips calibrate it. Nothing is trained, and
nothing is chosen by the test part, which is looked at once, at the end.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exporters.program_file import read_program_file, write_program
from exporters.to_nir import export
from sim.engines import run
from sim.program import Program
from snn2hw.audio.corpora import read_corpus
from snn2hw.codec.share import Share
from snn2hw.compiler.compile import Compiled, compile_source
from snn2hw.compiler.options import Options
from snn2hw.sources.from_nir.read import from_nir
from snn2hw.train.stream_data import Spoken, centred, spoken, stream_recipe_for, stream_split
from snn2hw.train.stream_fit import plain_messages
from snn2hw.zoo import FOLDER, located

NAME, BITS, CALIBRATION, STEPS = "digits4", 4, 135, 4800


def heard(folder: Path) -> tuple[Spoken, Spoken, NDArray[np.int16], NDArray[np.int16]]:
    """Return the training and the test clips, and what the network is fed of them."""
    recipe = stream_recipe_for("fsdd")
    corpus = read_corpus("fsdd", folder, recipe.front.spectra.rate_hz)
    split, clips = stream_split(corpus, recipe), spoken(corpus, recipe)
    train, test = clips.part(split.train), clips.part(split.test)
    recipe = centred(recipe, train)
    fed = [plain_messages(part, recipe)[:, :, None, None, :].astype(np.int16) for part in (train, test)]
    return train, test, fed[0], fed[1]


def compiled_at(program: Program, bits: int, rasters: NDArray[np.int16]) -> Compiled:
    """Compile the network of a program anew, with weights of so many bits."""
    with tempfile.TemporaryDirectory() as made:
        export(program, Path(made) / "nir")
        source = from_nir(Path(made) / "nir" / "network.nir")
    low, high = program.input.lo, program.input.hi
    options = Options(bias="register", messages=(low, high), steps=STEPS, weight_bits=bits)
    chosen = rasters[:: len(rasters) // CALIBRATION]
    return compile_source(source, "loihi1", chosen[:, :, 0], options=options)


def answers(program: Program, rasters: NDArray[np.int16]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = run(program, rasters, record=()).output.mean(axis=1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    base = read_program_file(located("zoo:digits"))
    _, test, learnt, fed = heard(parser.parse_args().folder)
    compiled = compiled_at(base.program, BITS, learnt)
    before, after = (answers(program, learnt[::20]) for program in (base.program, compiled.program))
    listen = dict(base.attachments["listen"])
    listen["unit"] *= float((before * after).sum() / (before * before).sum())
    attachments = base.attachments | {"certificate": compiled.certificate.to_json(), "listen": listen}
    right = int((answers(compiled.program, fed).argmax(axis=1) == test.labels).sum())
    write_program(compiled.program, FOLDER / f"{NAME}.nir", attachments=attachments)
    card = json.loads((FOLDER / "digits.json").read_text(encoding="utf-8"))
    card["accuracy"]["test"]["integer"] = Share(right, len(test.labels)).to_json()
    card |= {
        "name": NAME,
        "task": "spoken English digits, streaming, with 4-bit weights",
        "digest": compiled.program.digest,
    }
    card["command"] += "; python -m benchmarks.few_bits fsdd"
    card["note"] = "the network of zoo:digits, its weights rounded anew to 4 bits and not trained again"
    card["registers"] |= {"weight_bits": BITS}
    (FOLDER / f"{NAME}.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(card["accuracy"]))


if __name__ == "__main__":
    main()
