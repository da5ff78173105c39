"""Two data sets of synthetic voices in the layouts of sets that one has to ask for, or download much for.

python benchmarks/synthetic_sets.py FOLDER

phones    as TIMIT: TRAIN/DR1/F001/SX1.WAV and SX1.PHN; sentences of phones that are each said alone, with their samples
voices    as AudioMNIST: data/01/0_01_0.wav and audioMNIST_meta.txt; digits in six accents, with gender and accent

The voices are eSpeak NG's, so an accuracy on either says nothing about people; the phones lack what one does to the
next. What is there already is left as it is.
"""

import argparse
import json
import re
import shutil
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from sim.files import make_folder
from snn2hw.audio.clip import resample, trimmed
from snn2hw.audio.digits import ACCENTS, UNLIKE_SPEECH, WORDS
from snn2hw.audio.espeak import RATE_HZ, Utterance, speak, voice_variants

PHONES_HZ, DIGITS_HZ = 16000, 48000
SENTENCES, LENGTH = 6, 13
"""Sentences of a speaker, and phones of each: every phone twice."""
TAKES = 3
PAUSE_S = 0.05
PAUSED = 4
"""Phones between two pauses."""
GENDER = re.compile(rb"^gender (female|male)", re.IGNORECASE | re.MULTILINE)
TESTED = 4
"""Every fourth voice is for testing."""
PHONES = {
    "aa": "A:", "ae": "a", "ah": "V", "aw": "aU", "ay": "aI", "b": "b", "ch": "tS", "d": "d", "dh": "D", "dx": "t#",
    "eh": "E", "er": "3:", "ey": "eI", "f": "f", "g": "g", "hh": "h", "ih": "I", "iy": "i:", "jh": "dZ", "k": "k",
    "l": "l", "m": "m", "n": "n", "ng": "N", "ow": "oU", "oy": "OI", "p": "p", "r": "r", "s": "s", "sh": "S", "t": "t",
    "th": "T", "uh": "U", "uw": "u:", "v": "v", "w": "w", "y": "j", "z": "z",
}  # fmt: skip
"""TIMIT's phones, folded, as eSpeak NG names them."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for name, make in (("phones", phones), ("voices", voices)):
        if not (folder / name).exists():
            draft = folder / f".{name}"
            shutil.rmtree(draft, ignore_errors=True)
            make_folder(draft)
            make(draft)
            draft.rename(folder / name)
        print(folder / name)
    return 0


def phones(folder: Path) -> None:
    """Write sentences of phones with where each of them lies."""
    random = np.random.default_rng(0)
    for number, (voice, gender) in enumerate(_variants().items()):
        order = np.concatenate([random.permutation(len(PHONES)) for _ in range(2)])[: SENTENCES * LENGTH]
        names = [tuple(PHONES)[phone] for phone in order]
        manner = random.integers((110, 25, 20), (200, 80, 80), size=(len(names), 3)).tolist()
        words = [f"[[{PHONES[name]}]]" for name in names]
        said = speak([Utterance(word, f"en-us+{voice}", *how) for word, how in zip(words, manner, strict=True)])
        part = "TEST" if number % TESTED == 0 else "TRAIN"
        speaker = folder / part / "DR1" / f"{gender[0].upper()}{number:03d}"
        make_folder(speaker)
        for sentence in range(SENTENCES):
            which = slice(sentence * LENGTH, (sentence + 1) * LENGTH)
            _write_sentence(speaker / f"SX{sentence}", names[which], said[which])


def _write_sentence(path: Path, names: list[str], said: list[NDArray[np.float32]]) -> None:
    pause = np.zeros(round(PAUSE_S * PHONES_HZ), np.float32)
    pieces, lines, at = [pause], [f"0 {len(pause)} h#"], len(pause)
    for number, (name, sound) in enumerate(zip(names, said, strict=True), 1):
        piece = resample(trimmed(sound, RATE_HZ), RATE_HZ, PHONES_HZ)
        for phone, samples in ((name, piece), ("pau", pause))[: 1 if number % PAUSED else 2]:
            pieces.append(samples)
            lines.append(f"{at} {at + len(samples)} {phone}")
            at += len(samples)
    soundfile.write(path.with_suffix(".WAV"), np.concatenate(pieces), PHONES_HZ, format="WAV")
    path.with_suffix(".PHN").write_text("\n".join(lines) + "\n", encoding="ascii")


def voices(folder: Path) -> None:
    """Write digits and who says them."""
    random = np.random.default_rng(1)
    about = {}
    for number, (voice, gender) in enumerate(_variants().items(), 1):
        home = folder / "data" / f"{number:02d}"
        make_folder(home)
        accent = ACCENTS[number % len(ACCENTS)]
        about[f"{number:02d}"] = {"accent": accent, "age": 0, "gender": gender, "native speaker": "yes"}
        plan = [(digit, take) for digit in range(10) for take in range(TAKES)]
        manner = random.integers((110, 25, 20), (240, 80, 80), size=(len(plan), 3)).tolist()
        words = [WORDS["en"][digit] for digit, _ in plan]
        said = speak([Utterance(word, f"{accent}+{voice}", *how) for word, how in zip(words, manner, strict=True)])
        for (digit, take), sound in zip(plan, said, strict=True):
            samples = resample(trimmed(sound, RATE_HZ), RATE_HZ, DIGITS_HZ)
            soundfile.write(home / f"{digit}_{number:02d}_{take}.wav", samples, DIGITS_HZ)
    (folder / "data" / "audioMNIST_meta.txt").write_text(json.dumps(about, indent=1), encoding="utf-8")


def _variants() -> dict[str, str]:
    """Return the voices whose files say a gender, and it: women first."""
    import espeakng_loader

    home = Path(espeakng_loader.get_data_path()) / "voices" / "!v"
    said = {v: GENDER.search((home / v).read_bytes()) for v in voice_variants() if not UNLIKE_SPEECH.fullmatch(v)}
    return dict(sorted(((v, g[1].decode().lower()) for v, g in said.items() if g), key=lambda pair: pair[::-1]))


if __name__ == "__main__":
    raise SystemExit(main())
