"""Speech from eSpeak NG: no system package, no file, no sound device, and the same samples every time.

The wheel ``espeakng-loader`` brings the library and its voices. What the library says depends on all it has said before
(phases, echoes, its random numbers), and nothing resets it: every list of utterances is spoken by a process of its own.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.cures import install
from sim.errors import InputError, MissingToolError, ToolError
from sim.worker_process import Task, WorkerProcess

__all__ = ["RATE_HZ", "Utterance", "speak", "voice_variants"]

RATE_HZ = 22050
SPEAKER = Path(__file__).with_name("espeak_process.py")
TIMEOUT_S = 300
LOG_BYTES = 2000
_FIX = "give a language and a variant it has, like en+f4"


class Utterance(NamedTuple):
    """What to say and how: ``voice`` like "en+f2", ``rate`` in words a minute, ``pitch`` and ``intonation`` 0..99.

    What stands in [[ ]] is said by the names of its phonemes.
    """

    text: str
    voice: str
    rate: int = 160
    pitch: int = 50
    intonation: int = 50


def speak(utterances: Sequence[Utterance]) -> list[NDArray[np.float32]]:
    """Return the samples of every utterance, in [-1, 1] at ``RATE_HZ``; the same list gives the same samples."""
    known = {file.name for file in _variant_files()}
    for utterance in utterances:
        variant = utterance.voice.partition("+")[2]
        if variant and variant not in known:  # the library itself would speak in its default voice
            raise InputError(f"eSpeak NG: there is no voice variant {variant!r}", _FIX)
    worker = WorkerProcess(Task(SPEAKER))
    try:
        done = worker.finish(json.dumps(utterances).encode(), TIMEOUT_S)
        said = worker.log(LOG_BYTES).splitlines()
    finally:
        worker.end(0.0)
    if done is None:
        raise ToolError(f"eSpeak NG did not finish {len(utterances)} utterances in {TIMEOUT_S} s")
    code, output = done
    if code != 0:
        raise InputError(f"eSpeak NG: {said[-1] if said else f'exit code {code}'}", _FIX)
    counts = np.frombuffer(output, dtype="<i4", count=len(utterances))
    sound = np.frombuffer(output, dtype="<i2", offset=counts.nbytes)
    ends = np.cumsum(counts)[:-1]
    return [part.astype(np.float32) / np.float32(32768) for part in np.split(sound, ends)]


def voice_variants() -> tuple[str, ...]:
    """Return the names of the voice variants that say the same thing twice, sorted.

    A variant with a ``breath`` line adds noise that starts from memory nobody has set: no two processes agree on it.
    """
    breath = re.compile(rb"^breath\s", re.MULTILINE)
    return tuple(file.name for file in _variant_files() if not breath.search(file.read_bytes()))


def _variant_files() -> list[Path]:
    try:
        import espeakng_loader
    except ImportError:
        raise MissingToolError("synthesising speech needs espeakng-loader", install("espeakng_loader")) from None
    folder = Path(espeakng_loader.get_data_path()) / "voices" / "!v"
    return sorted(file for file in folder.iterdir() if file.is_file())
