"""Noisy speech as people have it on disk, and synthetic voices in noise by formula where they have none.

    parts      clean/{train,val,test}/**, noise/{train,val,test}/**, and fixed pairs in pairs_test/{noisy,clean}
    MS-SNSD    clean_train/, noise_train/, clean_test/, noise_test/
    N-DNS      training_set/{clean,noise}/, validation_set/{noisy,clean}/, paired by fileid_N
    pairs      noisy/ and clean/, files of the same name (or clnspN.wav, as MS-SNSD's program writes them)

A part may have any of its names in `snn2hw.audio.part_names`. Where a layout has no pairs to be judged by, they are
drawn from its test part, always the same.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from sim.errors import FileError, InputError
from snn2hw.audio.clip import read_clip, trimmed
from snn2hw.audio.folder import SUFFIXES
from snn2hw.audio.noise import Samples
from snn2hw.audio.part_names import PART_NAMES, known_parts, part_folders
from snn2hw.audio.rows import Reading
from snn2hw.denoise.mixing import NoisySpeech, Pair, SpeechAndNoise, fixed_pairs
from snn2hw.files.table_file import read_table

__all__ = ["LAYOUTS_ON_DISK", "read_noisy", "read_ratios"]

LAYOUTS_ON_DISK = {
    "parts": ("clean/train", "noise/train"),
    "MS-SNSD": ("clean_train", "noise_train"),
    "N-DNS": ("training_set/clean", "training_set/noise"),
    "pairs": ("noisy", "clean"),
}
"""Layout to the folders that tell it."""

TEST_EACH, VALIDATE_EACH = 6, 9
"""Pairs at every ratio, where a layout brings none."""
TEST_SHARE = 5
"""Of the clean files of plain pairs, every fifth is for testing, and the one before for validation."""
HELD_SHARE = 10
"""Of speech and noise without a validation part, every tenth sound is for it."""
LONGEST_PAIR_S = 30.0

_FILE_ID = re.compile(r"fileid_(\d+)")
_MICROSOFT = re.compile(r"clnsp(\d+)")
_RATIO = re.compile(r"snr[_-]?(?:db_)?(-?\d+)", re.IGNORECASE)


def read_noisy(folder: Path | None, rate_hz: int, *, skip_damaged: bool = False) -> NoisySpeech:
    """Read what lies in a folder, in whichever of the layouts; without one, synthesise."""
    if folder is None:
        from snn2hw.denoise.synthetic import synthetic_noisy

        return synthetic_noisy(rate_hz)
    reader = _NoisyReader(rate_hz, skip_damaged)
    for name, needed in LAYOUTS_ON_DISK.items():
        if all(_folder(folder, part).is_dir() for part in needed):
            found = reader.read(name, folder)
            return replace(found, notes=tuple(reader.notes))
    wanted = "; ".join(f"{name}: {', '.join(parts)}" for name, parts in LAYOUTS_ON_DISK.items())
    raise InputError(f"{folder}: no layout of clean speech and noise", f"have the folders of one of these: {wanted}")


class _NoisyReader:
    """Reads sounds at one rate, and notes what it left out."""

    def __init__(self, rate_hz: int, skip_damaged: bool) -> None:
        self.rate_hz, self.reading, self.notes = rate_hz, Reading(rate_hz, skip_damaged), list[str]()

    def read(self, layout: str, root: Path) -> NoisySpeech:
        match layout:
            case "parts":
                return self._parts(root)
            case "MS-SNSD":
                return self._microsoft(root)
            case "N-DNS":
                return self._intel(root)
            case _:
                return self._plain(root)

    def _parts(self, root: Path) -> NoisySpeech:
        for kind in ("clean", "noise"):
            _refuse_other_parts(root / kind)
        train, judged = (self._part(root, part) for part in ("train", "validate"))
        pairs = self._pairs(root / "pairs_test" / "noisy", root / "pairs_test" / "clean", root / "pairs_test.csv")
        if not pairs:
            pairs = fixed_pairs(self._tested(self._part(root, "test"), judged or train), self.rate_hz, TEST_EACH, 1)
        validate = fixed_pairs(judged, self.rate_hz, VALIDATE_EACH, 2)
        return NoisySpeech(name=root.name, rate_hz=self.rate_hz, train=train, validate=validate, test=pairs)

    def _microsoft(self, root: Path) -> NoisySpeech:
        whole = self._material(root / "clean_train", root / "noise_train")
        test = self._material(root / "clean_test", root / "noise_test")
        train, judged = self._held_out(whole)
        return NoisySpeech(
            name="MS-SNSD",
            rate_hz=self.rate_hz,
            train=train,
            validate=fixed_pairs(judged, self.rate_hz, VALIDATE_EACH, 2),
            test=fixed_pairs(self._tested(test, judged), self.rate_hz, TEST_EACH, 1),
        )

    def _intel(self, root: Path) -> NoisySpeech:
        train, judged = self._held_out(self._material(root / "training_set/clean", root / "training_set/noise"))
        pairs = self._pairs(root / "validation_set" / "noisy", root / "validation_set" / "clean")
        validate = fixed_pairs(judged, self.rate_hz, VALIDATE_EACH, 2)
        if not pairs:
            self.notes.append("validation_set has no pairs: it is tested on the pairs that it is validated on")
        return NoisySpeech(name="N-DNS", rate_hz=self.rate_hz, train=train, validate=validate, test=pairs or validate)

    def _plain(self, root: Path) -> NoisySpeech:
        """Take fixed pairs: what is left of a mixture without its speech is a noise to train with.

        They are split by their clean file, so that none is heard in two parts.
        """
        pairs = self._pairs(root / "noisy", root / "clean")
        keys = [_key(Path(pair.name)) for pair in pairs]
        place = {key: k % TEST_SHARE for k, key in enumerate(dict.fromkeys(keys))}
        if len(place) < TEST_SHARE:
            what = f"{root}: pairs of {len(place)} clean files, and none may be in two parts"
            raise InputError(what, f"give {TEST_SHARE} or more: every fifth is for testing, the one before to validate")
        parts = [place[key] for key in keys]
        learnt = [p for p, at in zip(pairs, parts, strict=True) if at < TEST_SHARE - 2]
        noises = tuple(rest for p in learnt if (rest := np.asarray(p.noisy - p.clean, np.float32)).any())
        if not noises:
            raise InputError(
                f"{root}: {len(pairs)} pairs, none with noise in it", "give noisy/ and clean/ of equal names"
            )
        train = SpeechAndNoise(tuple(p.clean for p in learnt), noises)
        test, validate = (tuple(p for p, at in zip(pairs, parts, strict=True) if at == TEST_SHARE - j) for j in (1, 2))
        return NoisySpeech(name=root.name, rate_hz=self.rate_hz, train=train, validate=validate, test=test)

    def _part(self, root: Path, part: str) -> SpeechAndNoise:
        return self._material(_folder(root, f"clean/{part}"), _folder(root, f"noise/{part}"))

    def _tested(self, test: SpeechAndNoise, other: SpeechAndNoise) -> SpeechAndNoise:
        """Return what test pairs are drawn from."""
        if not test:
            self.notes.append("there is no test part: test pairs are drawn from speech and noise of another one")
        return test or other

    def _held_out(self, whole: SpeechAndNoise) -> tuple[SpeechAndNoise, SpeechAndNoise]:
        """Return a tenth of speech and noise for validation, and the rest, or twice the whole where it is small."""
        if min(len(whole.clean), len(whole.noise)) < HELD_SHARE:
            what = (
                f"{len(whole.clean)} sounds of speech and {len(whole.noise)} of noise, fewer than {HELD_SHARE} of each"
            )
            self.notes.append(f"{what}: it is validated on the sounds that it is trained on")
            return whole, whole
        parts: list[Iterable[Samples]] = []
        for held in (False, True):
            parts += [
                [s for k, s in enumerate(sounds) if (k % HELD_SHARE == HELD_SHARE - 1) == held]
                for sounds in (whole.clean, whole.noise)
            ]
        clean, noise, held_clean, held_noise = (tuple(part) for part in parts)
        return SpeechAndNoise(clean, noise), SpeechAndNoise(held_clean, held_noise)

    def _material(self, clean: Path, noise: Path) -> SpeechAndNoise:
        speech = (trimmed(sound, self.rate_hz) for sound in self._sounds(clean))
        return SpeechAndNoise(tuple(speech), tuple(self._sounds(noise)))

    def _sounds(self, folder: Path) -> list[Samples]:
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES) if folder.is_dir() else []
        return [sound for path in files if (sound := self._sound(path)) is not None]

    def _sound(self, path: Path) -> Samples | None:
        try:
            return read_clip(path, self.rate_hz).samples
        except FileError as error:
            self.notes.append(self.reading.note(error))
            return None

    def _pairs(self, noisy: Path, clean: Path, table: Path | None = None) -> tuple[Pair, ...]:
        if not noisy.is_dir() or not clean.is_dir():
            return ()
        ratios = read_ratios(table)
        speech = {_key(path): path for path in _files(clean)}
        pairs = []
        for path in _files(noisy):
            other = speech.get(_key(path))
            if other is None:
                self.notes.append(f"left out: {path} has no clean file beside it")
                continue
            one, two = self._sound(path), self._sound(other)
            if one is None or two is None:
                continue
            n = min(one.size, two.size, round(LONGEST_PAIR_S * self.rate_hz))
            pairs.append(Pair(path.name, one[:n], two[:n], ratios.get(path.name, _said_ratio(path.name))))
        return tuple(pairs)


def _folder(root: Path, name: str) -> Path:
    """Return a folder of a layout; one that is a part has whichever of its names is there."""
    above, _, part = name.rpartition("/")
    found = part_folders(root / above) if part in PART_NAMES else {}
    return found.get(part, root / name)


def _refuse_other_parts(above: Path) -> None:
    """Refuse sounds in folders that are no part, or beside the parts."""
    parts = part_folders(above).values()
    for inner in sorted(above.iterdir()):
        if inner in parts:
            continue
        held = [p for p in (inner.rglob("*") if inner.is_dir() else [inner]) if p.suffix.lower() in SUFFIXES]
        if held:
            what = f"{inner}: {len(held)} sound files in no part"
            raise InputError(what, f"put them into a folder that is called one of {known_parts()}")


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)


def _key(path: Path) -> str:
    """Return what a noisy file and its clean one have in common."""
    found = _FILE_ID.search(path.name) or _MICROSOFT.search(path.name)
    return found.group(1) if found else path.name


def _said_ratio(name: str) -> float:
    found = _RATIO.search(name)
    return float(found.group(1)) if found else float("nan")


def read_ratios(table: Path | None) -> dict[str, float]:
    """Return what a table of ``file`` and ``snr_db`` says; nothing where there is none."""
    if table is None or not table.is_file():
        return {}
    rows = read_table(table, ("file", "snr_db"), "name the table of the pairs")
    try:
        return {row["file"]: float(row["snr_db"]) for row in rows}
    except ValueError as error:
        raise FileError(f"{table}: not a table of file and snr_db ({error})", "write numbers as snr_db") from None
