"""What a worker does: one function, bytes in and bytes out, that runs nothing but this package as the worker has it.

The client names what is to be done (`WORKS`) and sends data: a program file, messages of samples, the words of a
command and the files it reads. The worker refuses a client of other code, and imports nothing from the folder it was
started in.
"""

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sim import errors
from sim.errors import InputError, Snn2hwError, ToolError
from sim.program import Program
from snn2hw.calls.call import CommandCall
from snn2hw.cluster.code import code_digest
from snn2hw.cluster.message import Message, pack, unpack

__all__ = ["held", "perform", "raise_refusal"]

ERRORS: dict[str, type[Snn2hwError]] = {name: getattr(errors, name) for name in errors.__all__}
"""What a worker may refuse with, by name."""
_programs: dict[str, Program] = {}
"""The program that was asked for last, by the SHA-256 of its file: chunks of one run follow one another."""


def held(data: bytes) -> bytes:
    """Return data that several pieces of work need: each worker is sent it once."""
    return data


def perform(request: bytes, shared: bytes = b"") -> bytes:
    """Do one piece of work; ``shared`` is a program file, or files packed together. A refusal is an answer too."""
    try:
        message = unpack(request)
        _refuse_other_code(message)
        _forget_working_folder()
        return pack(WORKS[message.facts["do"]](message, shared))
    except Snn2hwError as error:
        return pack(Message({"refused": type(error).__name__, "what": error.what, "fix": error.fix}))


def raise_refusal(answer: Message) -> None:
    """Raise here what a worker refused there."""
    if "refused" in answer.facts:
        kind = ERRORS.get(str(answer.facts["refused"]), ToolError)
        raise kind(str(answer.facts["what"]), answer.facts["fix"])


def _refuse_other_code(message: Message) -> None:
    from snn2hw import __version__

    theirs, ours = (message.facts.get("version"), message.facts.get("code")), (__version__, code_digest())
    if theirs != ours:
        what = f"worker {os.uname().nodename}: has snn2hw {ours[0]} ({ours[1][:12]}), the client {theirs[0]} "
        what += f"({str(theirs[1])[:12]})"
        raise InputError(what, "install the same snn2hw on every machine, and start its workers again")


def _forget_working_folder() -> None:
    """Take the folder that the worker was started in out of its import path."""
    project, here = os.path.realpath(Path(__file__).parents[2]), os.path.realpath(Path.cwd())
    kept = [path for path in sys.path if path and os.path.realpath(path) != here]
    sys.path[:] = kept if project != here else [*kept, project]


def _program(data: bytes) -> Program:
    from exporters.program_file import read_program
    from sim.files import scratch_folder

    key = hashlib.sha256(data).hexdigest()
    if key not in _programs:
        with scratch_folder("snn2hw-worker-") as folder:
            (folder / "program.nir").write_bytes(data)
            program = read_program(folder / "program.nir")
        _programs.clear()
        _programs[key] = program
    return _programs[key]


def _run(message: Message, shared: bytes) -> Message:
    from snn2hw.chunks.chunked_run import Asked, run_chunk
    from snn2hw.cluster.chunk_messages import chunk_message

    asked = Asked(**{**message.facts["asked"], "record": tuple(message.facts["asked"]["record"])})
    return chunk_message(run_chunk(_program(shared), message.arrays["spikes"], asked, int(message.facts["start"])))


def _verify(message: Message, shared: bytes) -> Message:
    from snn2hw.verification.lockstep import verify

    facts = message.facts
    spikes = message.arrays["spikes"]
    verdict = verify(_program(shared), spikes, facts["against"], timeout_s=float(facts["timeout_s"]), chunk=len(spikes))
    return Message({"verdict": verdict.to_json()})


def _call(message: Message, shared: bytes) -> Message:
    from snn2hw.calls.worker import call_here

    files = {name: values.tobytes() for name, values in unpack(shared).arrays.items()} if shared else {}
    answer, written = call_here(CommandCall.of(message.facts["call"]), files, message.facts["wanted"])
    back = {name: np.frombuffer(data, np.uint8) for name, data in written.items()}
    return Message({"answer": answer.to_json()}, back)


WORKS: dict[str, Callable[[Message, bytes], Message]] = {"run": _run, "verify": _verify, "call": _call}
