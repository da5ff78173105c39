"""Say what is in a sound: a program of the streaming network, step by step in the integer machine.

snn2hw listen zoo:keywords yes.wav no.wav
arecord -t raw -f S16_LE -c 1 -r 16000 | snn2hw listen zoo:keywords - --rate 16000

A file of any length is read piece by piece: memory does not grow with it. "-" is raw sound from standard input, 16 bit,
little-endian, one channel, at --rate; events are printed as they come.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from snn2hw.commands.reply import Reply

if TYPE_CHECKING:
    from exporters.program_file import ProgramFile
    from snn2hw.audio.hear import Ear, Event, Heard

__all__ = ["configure", "execute"]

PIECE_S = 0.1


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("program", metavar="P.nir|zoo:NAME", help="a program that says how it listens")
    parser.add_argument("files", nargs="+", metavar="FILE.wav", help="sound files, or - for raw sound")
    parser.add_argument(
        "--rate", type=int, metavar="HZ", help="samples a second of -, refused for files (default: the program's)"
    )
    parser.add_argument("--threshold", type=float, default=0.5, metavar="S", help="score of an event (default: 0.5)")


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Listen to every file."""
    from exporters.program_file import read_program_file
    from sim.errors import InputError
    from snn2hw.audio.hear import ear_of
    from snn2hw.audio.shortfall import shortfall

    if args.rate is not None and "-" not in args.files:
        raise InputError(f"--rate {args.rate}: a sound file says its own", "leave it out, or listen to -")
    found = read_program_file(args.program)
    ear = ear_of(found, args.program)
    results = []
    for name in args.files:
        heard = _heard(found, ear, name, args, reply)
        if name != "-" and (missing := shortfall(Path(name))):
            print(f"note: {name}: {missing}", file=sys.stderr)
        results.append(_as_json(name, heard))
        reply.line(f"{name}: {heard.label} (score {heard.score:.2f}, {heard.seconds:.2f} s)")
        if name != "-":
            for event in heard.events:
                reply.line(f"  {_line(event)}")
    reply.fact(files=results)
    return 0


def _heard(found: "ProgramFile", ear: "Ear", name: str, args: argparse.Namespace, reply: Reply) -> "Heard":
    from snn2hw.audio.clip import sound_pieces
    from snn2hw.audio.hear import Listener

    rate_hz = ear.front.spectra.rate_hz
    listener = Listener(found, ear, args.threshold)
    pieces = (
        _raw(rate_hz if args.rate is None else args.rate, rate_hz) if name == "-" else sound_pieces(Path(name), rate_hz)
    )
    for piece in pieces:
        for event in listener.push(piece):
            if name == "-":
                reply.line(_line(event))
    return listener.end()


def _raw(rate_hz: int, wanted_hz: int) -> Iterator[NDArray[np.float32]]:
    """Read standard input a tenth of a second at a time; a last odd byte is no sample. Too few samples are refused."""
    from sim.errors import InputError
    from snn2hw.audio.clip import SHORTEST_S, resampler

    through = resampler(rate_hz, wanted_hz)
    size = 2 * max(1, round(PIECE_S * rate_hz))
    rest, count = b"", 0
    while data := os.read(sys.stdin.fileno(), size):
        held = rest + data
        whole = len(held) - len(held) % 2
        rest, count = held[whole:], count + whole // 2
        yield through(np.frombuffer(held[:whole], "<i2").astype(np.float32) / np.float32(32768), False)
    if count < SHORTEST_S * rate_hz:
        what = f"-: standard input lasts {count / rate_hz:.3f} s, a word needs {SHORTEST_S} s"
        raise InputError(what, "send raw samples of 16 bit, one channel, at --rate")
    yield through(np.zeros(0, np.float32), True)


def _line(event: "Event") -> str:
    return f"{event.t_s:8.2f} s  {event.label}  {event.score:.2f}"


def _as_json(name: str, heard: "Heard") -> dict[str, Any]:
    events = [{"t_s": e.t_s, "label": e.label, "score": e.score} for e in heard.events]
    return {"file": name, "label": heard.label, "score": round(heard.score, 4), "events": events}
