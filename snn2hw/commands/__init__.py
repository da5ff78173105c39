"""The command line: one module per verb, imported when its verb is typed.

Exit codes: 0 done, 1 the answer is no (not equal, not supported, out of limits), 2 bad usage or bad input.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from sim.cures import install, meant
from sim.errors import InputError, MachineError, Snn2hwError, UnsupportedError
from snn2hw.commands.parser import Parser
from snn2hw.commands.reply import Reply, refusal, reply_option
from snn2hw.commands.streams import with_safe_streams
from snn2hw.zoo import located

__all__ = ["COMMANDS", "main", "parser_of"]


OUTPUTS = frozenset({"output", "json", "raster", "plots", "picture"})
"""Options that name what a command writes; every other option that names a file names an input."""


@dataclass(frozen=True)
class Command:
    """Where a verb lives and what it does."""

    module: str
    summary: str


COMMANDS = {
    "demo": Command("snn2hw.commands.demo", "show the whole path on synthesised digits"),
    "check": Command("snn2hw.commands.check", "say what a model is, and everything that keeps it from being compiled"),
    "compile": Command(
        "snn2hw.commands.compile", "turn a float network into the integer program of a chip, and prove it"
    ),
    "certify": Command("snn2hw.commands.certify", "check the certificate that a program file carries"),
    "tune": Command("snn2hw.commands.tune", "train a compiled program to win back what few bits cost"),
    "run": Command("snn2hw.commands.run", "run a program on an input, bit for bit"),
    "verify": Command("snn2hw.commands.verify", "run a program on several executors and compare every spike, u and v"),
    "place": Command("snn2hw.commands.place", "put a program into the cores of a chip, within every limit of its file"),
    "export": Command("snn2hw.commands.export", "write a program down for another tool"),
    "report": Command("snn2hw.commands.report", "make one page of a program and of whatever was made of it"),
    "listen": Command("snn2hw.commands.listen", "say what is in a sound, with a program of the streaming network"),
    "denoise": Command("snn2hw.commands.denoise", "take the noise out of a sound, with a program that estimates masks"),
    "relevance": Command("snn2hw.commands.relevance", "draw what a streaming network looks at in a sound"),
    "zoo": Command("snn2hw.commands.zoo", "list the trained programs that come with the package"),
    "train": Command("snn2hw.commands.train", "train a spiking network, or its ReLU twin, on spoken words"),
    "encode": Command("snn2hw.commands.encode", "turn sounds into the raster a trained network is fed"),
    "ann": Command("snn2hw.commands.ann", "write a trained CNN as ONNX in floats and in 8 bit, and judge both"),
    "convert": Command("snn2hw.commands.convert", "turn a trained network of ReLUs into a spiking one, written as NIR"),
    "sweep": Command(
        "snn2hw.commands.sweep", "run a study: the same commands under many settings, and a table of them"
    ),
    "cluster": Command("snn2hw.commands.cluster", "start a scheduler and workers on this machine, for --scheduler"),
    "energy": Command("snn2hw.commands.energy", "price what a program does, as a band, beside an ANN"),
    "install": Command("snn2hw.commands.install", "install a simulator or a compiler into an environment of its own"),
    "fuzz": Command("snn2hw.commands.fuzz", "look for mistakes: random programs, damaged files"),
    "doctor": Command("snn2hw.commands.doctor", "say what is installed here, and what works with it"),
    "completion": Command("snn2hw.commands.completion", "print what makes a shell complete these commands"),
    "help": Command("snn2hw.commands.help", "explain a topic: targets, executors, formats, arithmetic and more"),
    "install-lava": Command("snn2hw.commands.install_lava", "install lava-nc into an environment of its own"),
}


@with_safe_streams
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [w for w in words if w != "--debug"]
    try:
        code = _dispatch(words, debug=debug)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left; say no more
        return 0
    except OSError as error:  # standard output cannot take what was said
        if debug:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"snn2hw: {_explain(error)}", file=sys.stderr)
        return 2
    return code


def _dispatch(words: Sequence[str], *, debug: bool) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
        return 0 if words else 2
    if words[0] == "--version":
        from snn2hw import __version__

        print(f"snn2hw {__version__}")
        return 0
    if words[0] not in COMMANDS:
        near = meant(words[0], COMMANDS)
        hint = f"did you mean {near!r}?" if near else "see: snn2hw --help"
        print(f"snn2hw: there is no command {words[0]!r}  fix: {hint}", file=sys.stderr)
        return 2
    return _execute(words[0], words[1:], debug=debug)


def _overview() -> str:
    width = max(map(len, COMMANDS))
    rows = "\n".join(f"  {verb:<{width}}  {command.summary}" for verb, command in COMMANDS.items())
    return (
        f"usage: snn2hw COMMAND [OPTIONS]\n\n{rows}\n\n"
        "snn2hw COMMAND --help says more, snn2hw help explains topics.\n"
        "--debug shows tracebacks, --version prints the version, --json has every command answer in JSON."
    )


def parser_of(verb: str) -> tuple[Parser, ModuleType]:
    """Return the parser of a command, and the module that executes it."""
    module = import_module(COMMANDS[verb].module)
    parser = Parser(prog=f"snn2hw {verb}", description=module.__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    module.configure(parser)
    reply_option(parser)
    return parser, module


def _execute(verb: str, words: Sequence[str], *, debug: bool) -> int:
    parser, module = parser_of(verb)
    try:
        parser.refuse_unknown(words)
        args = parser.parse_args(words)
        if isinstance(getattr(args, "program", None), str):
            args.program = located(args.program)
        _keep_inputs(args)
        reply = Reply(verb, as_json=args.json is True)
        code: int = module.execute(args, reply)
        reply.end()
    except SystemExit as stop:  # argparse has said why
        return stop.code if isinstance(stop.code, int) else 2
    except BrokenPipeError:
        raise  # nobody listens: `main` ends quietly
    except KeyboardInterrupt:
        print(f"\nsnn2hw {verb}: stopped", file=sys.stderr)
        return 130
    except (Exception, MemoryError) as error:
        if debug:
            raise
        code = 1 if isinstance(error, UnsupportedError | MachineError) else 2
        print(f"snn2hw {verb}: {_explain(error)}", file=sys.stderr)
        if "--json" in words:
            print(refusal(verb, code, _explain(error)))
    return code


def _keep_inputs(args: argparse.Namespace) -> None:
    """Refuse an output that is also an input, or another output: writing it would lose what the other holds."""
    named = {name: Path(value) for name, value in vars(args).items() if isinstance(value, str | Path) and value}
    repeated = [(name, given) for name, given in vars(args).items() if isinstance(given, list)]
    named |= {
        f"{name} {path}": Path(path)
        for name, given in repeated
        for paths in given
        if isinstance(paths, list)
        for path in paths
    }
    for name in OUTPUTS & named.keys():
        for other in named.keys() - {name}:
            if _same_place(named[name], named[other], both_written=other in OUTPUTS):
                what = f"{named[name]}: is named twice, as {name} and as {other}"
                raise InputError(what, "write to another name")


def _same_place(path: Path, other: Path, *, both_written: bool) -> bool:
    with suppress(OSError):  # a name that no file can have is refused by whoever opens it
        if path.exists() and other.exists():
            return path.samefile(other)
    return both_written and path.resolve() == other.resolve()


def _explain(error: BaseException) -> str:
    match error:
        case Snn2hwError():
            return str(error)
        case MemoryError():
            return f"not enough memory ({error})  fix: give fewer samples at once, or record less"
        case FileNotFoundError():
            return f"{error.filename}: no such file  fix: check the path"
        case OSError():
            return f"{error.filename or 'the system refused'}: {error.strerror or error}"
        case ModuleNotFoundError() if error.name:
            return f"this needs {error.name.partition('.')[0]}, which is not installed  fix: {install(error.name)}"
        case ImportError():
            return f"{error}  fix: install {error.name or 'that package'} again"
        case _:
            return f"internal error, {type(error).__name__}: {error}  fix: run again with --debug and report it"
