"""The process that speaks: a list of utterances in JSON on standard input, samples on standard output.

Out come the lengths of all utterances (int32), then their samples (int16). It works synchronously: the library calls
back with samples while ``espeak_Synth`` runs. This file is run by its path and imports nothing of the project.
"""

import ctypes
import json
import os
import sys
from array import array
from pathlib import Path

_SYNCHRONOUS, _UTF8, _PHONEMES, _BY_CHARACTER = 2, 1, 0x100, 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def _main() -> None:
    import espeakng_loader

    library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
    spoken = array("h")

    def take(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int) -> int:
        if samples and count > 0:
            spoken.extend(samples[:count])
        return 0

    callback = _CALLBACK(take)  # kept in a name: the library calls it for as long as it lives
    data = Path(espeakng_loader.get_data_path())
    library.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
    if library.espeak_Initialize(_SYNCHRONOUS, 0, os.fsencode(data.parent), 0) != 22050:
        sys.exit("the library did not start")
    library.espeak_SetSynthCallback(callback)
    lengths = array("i")
    for text, voice, *manner in json.load(sys.stdin.buffer):
        before = len(spoken)
        _say(library, text, voice, manner)
        lengths.append(len(spoken) - before)
        if not lengths[-1]:
            sys.exit(f"nothing to hear for {text!r} as {voice!r}")
    sys.stdout.buffer.write(lengths.tobytes() + spoken.tobytes())


def _say(library: ctypes.CDLL, text: str, voice: str, manner: list[int]) -> None:
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        sys.exit(f"there is no voice {voice!r}")
    for parameter, value in zip((_RATE, _PITCH, _RANGE), manner, strict=True):
        library.espeak_SetParameter(parameter, value, 0)
    words = text.encode()
    size = ctypes.c_size_t(len(words) + 1)
    if library.espeak_Synth(words, size, 0, _BY_CHARACTER, 0, _UTF8 | _PHONEMES, None, None) != 0:
        sys.exit(f"cannot say {text!r} as {voice!r}")
    library.espeak_Synchronize()


if __name__ == "__main__":
    _main()
