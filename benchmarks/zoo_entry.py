"""Put a trained streaming program into the package's zoo: python -m benchmarks.zoo_entry NAME RUN_FOLDER.

The run is what `snn2hw train ... --stream` left: program.nir and summary.json. What the data are, and under which
licence, is said here; what a second costs is written onto the card by `benchmarks/hearing.py`.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from exporters.program_file import read_program_file
from snn2hw.zoo import FOLDER

SPEECH_COMMANDS = {
    "name": "Speech Commands v0.02 (sample)",
    "licence": "CC BY 4.0",
    "attribution": "Pete Warden, Speech Commands: A public dataset for single-word speech recognition, 2018, "
    "arXiv:1804.03209",
    "used": "2400 clips of the official test archive, 200 a class: 1559 train, 244 validate, 597 test",
}
FSDD = {
    "name": "Free Spoken Digit Dataset v1.0.8",
    "licence": "CC BY-SA 4.0",
    "attribution": "Zohar Jackson, Cesar Souza, Jason Flaks, Yuxin Pan, Hereman Nicolas, Adhish Thite, "
    "doi:10.5281/zenodo.1342401",
    "used": "3000 recordings of 6 speakers: 2700 train, 300 test",
}
ESC10 = {
    "name": "ESC-10",
    "licence": "CC BY 3.0, some clips CC0",
    "attribution": "K. J. Piczak, ESC: Dataset for Environmental Sound Classification, ACM Multimedia 2015, "
    "doi:10.1145/2733373.2806390; clips from freesound.org",
    "used": "354 of 400 clips (those under CC BY and CC0): 280 train, 74 test",
}
RUSSIAN = {
    "name": "Russian digits of 82 synthetic voices",
    "licence": "CC0 1.0",
    "attribution": "spoken by eSpeak NG 1.52.0 (espeakng-loader 0.2.4), which is GPL-3.0-or-later itself",
    "used": "1640 utterances, two takes of ten words a voice: 1320 train, 320 test",
}
NOISY_SPEECH = {
    "name": "speech of four speakers in recorded noise, 16 kHz",
    "licence": "CC BY-SA 3.0, CC BY 3.0, CC BY 4.0, CC0, and the BSD-like licence of festvox-ru",
    "attribution": "festvox-ru, (c) 2005 Nickolay V. Shmyrev; Asterisk core sounds by Allison Smith and June Wallack "
    "for Digium, and by Carlo Flora; background noise of Speech Commands, Pete Warden; ESC-10, K. J. Piczak; "
    "freesound.org: joedeshon, InspectorJ, markedit",
    "used": "517 s of speech and 319 s of noise to train, 63 mixtures to validate, 42 fixed pairs of 3 s to test",
}
ENTRIES: dict[str, dict[str, Any]] = {
    "keywords": {
        "task": "twelve classes of keyword spotting, streaming",
        "data": SPEECH_COMMANDS,
        "split": "by speaker: no speaker is in two parts",
        "command": "snn2hw train keywords --model vgg --data speech_commands -o runs/teacher; "
        "snn2hw train keywords --size large --teacher runs/teacher/last.pt --teacher-weight 0.7 --epochs 40 "
        "--data speech_commands -o runs/keywords",
        "note": "the teacher was trained by a script with the recipe of the first command, before it existed: "
        "run again it gives a teacher of the same kind, not the same one",
    },
    "digits": {
        "task": "spoken English digits, streaming",
        "data": FSDD,
        "split": "official: takes 0-4 test, 5-49 train; the same six speakers on both sides",
        "command": "snn2hw train fsdd --stream --data fsdd -o runs/digits",
    },
    "digits-ru": {
        "task": "spoken Russian digits, streaming",
        "data": RUSSIAN,
        "split": "by voice: every fifth is for testing, and none is in two parts",
        "command": "snn2hw train digits-ru --stream --data digits_ru_synth -o runs/digits-ru",
        "note": "synthetic voices: no evidence of accuracy on people",
    },
    "denoise": {
        "task": "a mask for noisy speech, streaming",
        "data": NOISY_SPEECH,
        "split": "no utterance is in two parts; test noise is of other stretches or folds; "
        "the three speakers of the test part are in the training too",
        "command": "snn2hw train denoise --data denoise_16k -o runs/denoise",
    },
    "esc10": {
        "task": "ten environmental sounds, streaming",
        "data": ESC10,
        "split": "official folds: fold 5 test, folds 1-4 train",
        "command": "snn2hw train esc10 --fold 5 --data esc10 -o runs/esc10-5",
    },
}


def main(name: str, run: Path) -> None:
    """Copy the program and write its card."""
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    program = read_program_file(run / "program.nir").program
    assert program.digest == summary["digest"]
    if "classes" in summary:
        worth: dict[str, Any] = {"classes": summary["classes"], "accuracy": summary["accuracy"]}
    else:
        worth = {
            "classes": [],
            "accuracy": {},
            "gain_db": {"test": {kind: summary["gain_db"][kind] for kind in ("float", "integer")}},
        }
    card = {
        "name": name,
        **ENTRIES[name],
        **worth,
        "registers": {
            "chip": "loihi1",
            "weight_bits": 8,
            "neurons": sum(p.size for p in program.populations),
            "weights": sum(c.wiring.weight.size for p in program.populations for c in p.inputs),
        },
        "digest": program.digest,
        "runs": 1,
        "seed": 0,
    }
    shutil.copy(run / "program.nir", FOLDER / f"{name}.nir")
    (FOLDER / f"{name}.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(card, ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
