"""Options that several verbs share, and options whose default is a function's: said once, there, and read here."""

import argparse
import re
from collections.abc import Callable, Sequence
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from sim.errors import InputError

if TYPE_CHECKING:
    from snn2hw.audio.corpus import Corpus
    from snn2hw.commands.reply import Reply

__all__ = [
    "FUNCTION",
    "NamesOrFunction",
    "at_least",
    "choices_of",
    "corpus_named",
    "corpus_options",
    "default_of",
    "option",
    "range_option",
    "refuse_ignored",
    "refuse_unwanted_shares",
    "shape_option",
    "tell_corpus",
    "tell_notes",
]

USUAL = {"more_epochs": 0, "threads": 1}
"""Options that hold a number though nobody gave one."""
NOTES = 8
"""So many notes on files are said."""


FUNCTION = "package.module:function"
"""How a function of the user's own is named."""


class NamesOrFunction(tuple[str, ...]):
    """Names that an option may be, beside that of any function."""

    __slots__ = ()

    def __contains__(self, given: object) -> bool:
        """Return whether it is one of the names, or a function's."""
        from snn2hw.sources.named_module import is_named

        return super().__contains__(given) or (isinstance(given, str) and is_named(given))


def default_of(owner: Callable[..., Any], name: str) -> Any:
    """Return the default of a parameter of a function, or of a field of a record.

    >>> default_of(sorted, "reverse")
    False
    """
    return signature(owner).parameters[name].default


def choices_of(record: type, field: str) -> tuple[str, ...]:
    """Return the words that a field of a record may hold, from its type."""
    return get_args(get_type_hints(record)[field])


def option(
    group: Any, flag: str, owner: Callable[..., Any], what: str, *, parameter: str | None = None, **more: Any
) -> None:
    """Declare an option with the default that ``owner`` gives its parameter, of the flag's name or another."""
    default = default_of(owner, parameter or flag.lstrip("-").replace("-", "_"))
    if "choices" not in more:
        more.setdefault("type", type(default))
    group.add_argument(flag, default=default, help=f"{what} (default: {_shown(default)})", **more)


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def corpus_options(parser: argparse.ArgumentParser, **more: str) -> None:
    """Declare which clips are meant; ``more`` are names that stand beside those of the corpora."""
    from snn2hw.audio.corpora import CORPORA

    known = CORPORA | more
    said = "; ".join(f"{name}: {what}" for name, what in known.items())
    parser.add_argument("dataset", choices=tuple(known), help=said)
    parser.add_argument("--data", type=Path, metavar="PATH", help="folder of the data set, or a CSV for folder and csv")
    parser.add_argument("--label", metavar="COLUMN", help="the column of the table that is the class")
    parser.add_argument("--skip-damaged", action="store_true", help="leave out sound files that cannot be read")


def corpus_named(args: argparse.Namespace, rate_hz: int | None) -> "Corpus":
    """Read the clips that `corpus_options` name, at the rate that is wanted."""
    from snn2hw.audio.corpora import read_corpus
    from snn2hw.audio.corpus import joined

    found = read_corpus(args.dataset, args.data, rate_hz, label=args.label or "", skip_damaged=args.skip_damaged)
    also = getattr(args, "also", None)
    return joined(found, read_corpus(also, None, found.rate_hz)) if also else found


def tell_corpus(corpus: "Corpus", reply: "Reply") -> None:
    """Say what was read, and what there is to say of its files."""
    reply.line(
        f"{corpus.name}: {len(corpus)} clips, {len(set(corpus.speakers))} speakers, {len(corpus.classes)} classes"
    )
    tell_notes(corpus.notes, reply)


def tell_notes(notes: Sequence[str], reply: "Reply") -> None:
    """Say the first notes on files, and how many more there are."""
    for note in notes[:NOTES]:
        reply.line(f"  {note}")
    if len(notes) > NOTES:
        reply.line(f"  and {len(notes) - NOTES} more notes")


def refuse_ignored(args: argparse.Namespace, obeyed: frozenset[str], what: str, fix: str) -> None:
    """Refuse options that were given and mean nothing here: what is ignored in silence is taken for obeyed."""
    for name, value in vars(args).items():
        if name not in obeyed and value is not None and value is not False and value != USUAL.get(name):
            raise InputError(f"--{name.replace('_', '-')} {value}: {what}", fix)


def refuse_unwanted_shares(args: argparse.Namespace) -> None:
    """Refuse the share of a teacher where there is none, and where zeros are sought where none are."""
    if args.teacher_weight is not None and args.teacher is None:
        raise InputError(f"--teacher-weight {args.teacher_weight}: there is no teacher", "name one with --teacher")
    if args.prune_scope is not None and not args.prune:
        raise InputError(f"--prune-scope {args.prune_scope}: nothing is pruned", "say how much: --prune SHARE")


def shape_option(text: str) -> tuple[int, ...]:
    """Read the shape of one sample.

    >>> shape_option("1,32,32")
    (1, 32, 32)
    """
    written = re.fullmatch(r"[0-9]+([,x][0-9]+)*,?", text)
    shape = tuple(int(n) for n in re.findall("[0-9]+", text))
    if not written or min(shape) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no shape; write 1,32,32")
    return shape


def range_option(text: str) -> tuple[float, float]:
    """Read a range.

    >>> range_option("0,20")
    (0.0, 20.0)
    """
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no range; write 0,20") from None
    return low, high


def at_least(least: int, flag: str, value: int | None) -> None:
    """Refuse a number that is given and too small."""
    if value is not None and value < least:
        raise InputError(f"{flag} {value}", f"ask for at least {'one' if least == 1 else least}")
