"""The border: what every reader of a file from outside does before it believes anything in it.

    read_bytes, open_plain   a plain file, opened without waiting, of a size that was looked at first
    parse_json, parse_toml   plain data: nesting, count and numbers within limits
    unpacked_limit           how many bytes the arrays of one file may take
    foreign_errors           whatever a library raises over a file becomes one `FileError` with file, reason and cure

The limits that readers share stand here, with their units. `SNN2HW_MAX_BYTES` in the environment replaces the limits on
memory.
"""

import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO, ParamSpec, TypeVar

from sim.errors import FileError, InputError, Snn2hwError

__all__ = [
    "FREE_BYTES",
    "GRAPH_BYTES",
    "JSON_BYTES",
    "MAX_BYTES",
    "MAX_BYTES_VARIABLE",
    "MAX_CHECKED_STEPS",
    "MAX_DEPTH",
    "NETWORK_RATIO",
    "ONNX_BYTES",
    "TOML_BYTES",
    "bordered",
    "foreign_errors",
    "graph_limit",
    "network_limit",
    "open_plain",
    "parse_json",
    "parse_toml",
    "read_bytes",
    "reason_of",
    "unpacked_limit",
]

MAX_BYTES_VARIABLE = "SNN2HW_MAX_BYTES"
"""Environment variable: how many bytes the arrays of one file may take, such as 4000000000, 512M or 64G."""
MAX_BYTES = 1 << 34
"""Bytes of all arrays of one file, unpacked: 16 GiB, and never more than half of the machine's memory."""
FREE_BYTES = 1 << 28
"""Bytes that the arrays of a network may take however small its file is: 256 MiB."""
NETWORK_RATIO = 100
"""Beyond that, the arrays of a network take at most so many bytes per byte of its file: pruned weights pack by 20."""
GRAPH_BYTES = 1 << 30
"""Bytes of a float network's neuron parameters, each written out for every neuron: 1 GiB."""
JSON_BYTES = 1 << 24
"""Bytes of a JSON file: 16 MiB."""
TOML_BYTES = 1 << 18
"""Bytes of a TOML file: 256 KiB; parsing time grows faster than the file."""
ONNX_BYTES = (1 << 31) - 1
"""Bytes of an ONNX file: a protobuf cannot be larger."""
MAX_DEPTH = 64
"""Levels of lists and tables in JSON and TOML."""
MAX_DOTS = 200
"""Dots of one key in TOML: the parser remembers every beginning of a key."""
MAX_VALUES = 1_000_000
"""Values in all lists and tables of JSON and TOML."""
MAX_INTEGER = 1 << 128
"""No number in JSON and TOML is as far from 0."""
MAX_CHECKED_STEPS = 1 << 17
"""Steps for which a certificate is proved or checked, each of which costs a pass over all neurons."""

P = ParamSpec("P")
T = TypeVar("T")

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
REASON_CHARACTERS = 300
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'')
_NESTING = {"[": 1, "{": 1, "]": -1, "}": -1}
_KINDS = (
    (stat.S_ISDIR, "folder"),
    (stat.S_ISFIFO, "named pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
)


def unpacked_limit() -> int:
    """Return how many bytes the arrays of one file may take: as the environment says, else as the memory allows."""
    said = os.environ.get(MAX_BYTES_VARIABLE)
    if said:
        match = re.fullmatch(r"([0-9]{1,18})([KMGT]?)", said.strip().upper())
        if match is None or int(match[1]) < 1:
            raise InputError(f"{MAX_BYTES_VARIABLE} is {said!r}", "write a number of bytes, such as 4000000000 or 4G")
        return int(match[1]) * UNITS[match[2]]
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return MAX_BYTES
    return min(MAX_BYTES, memory // 2) if memory > 0 else MAX_BYTES


def network_limit(file_bytes: int) -> int:
    """Return how many bytes the arrays of a network may take whose file has ``file_bytes``."""
    limit = unpacked_limit()
    return limit if os.environ.get(MAX_BYTES_VARIABLE) else min(limit, FREE_BYTES + NETWORK_RATIO * file_bytes)


def graph_limit() -> int:
    """Return how many bytes the neuron parameters of a float network may take when they are written out."""
    limit = unpacked_limit()
    return limit if os.environ.get(MAX_BYTES_VARIABLE) else min(limit, GRAPH_BYTES)


def open_plain(path: Path | str, fix: str = "check the path") -> BinaryIO:
    """Open a plain file for reading: never a folder, a device or a pipe, which could wait for ever."""
    try:
        _check_plain(path, os.stat(path).st_mode, fix)  # noqa: PTH116 - before opening, which may itself act on a device
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        raise FileError(f"{path}: no such file, so it cannot be read", fix) from None
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: cannot be read ({reason_of(error)})", fix) from None
    opened = os.fdopen(handle, "rb")
    try:
        _check_plain(path, os.fstat(handle).st_mode, fix)  # what was opened may be another than what was looked at
    except BaseException:
        opened.close()
        raise
    return opened


def _check_plain(path: Path | str, mode: int, fix: str) -> None:
    if not stat.S_ISREG(mode):
        kind = next((name for test, name in _KINDS if test(mode)), "special file")
        raise FileError(f"{path}: is a {kind}, which is not a plain file", fix)


def read_bytes(path: Path | str, limit: int, fix: str) -> bytes:
    """Return the content of a plain file of at most ``limit`` bytes."""
    with open_plain(path, fix) as handle:
        size = os.fstat(handle.fileno()).st_size
        if size > limit:
            raise FileError(f"{path}: has {size} bytes, at most {limit} are read", fix)
        try:
            data = handle.read(size + 1)
        except OSError as error:
            raise FileError(f"{path}: cannot be read ({reason_of(error)})", fix) from None
    if len(data) > size:
        raise FileError(f"{path}: grows while it is read", fix)
    return data


def parse_json(data: bytes | str, where: str, fix: str) -> Any:
    """Return the value of a JSON text: no NaN, no infinity, no nesting or number beyond the limits."""
    with foreign_errors(where, "is not JSON", fix):
        text = data if isinstance(data, str) else data.decode("utf-8")
        _check_nesting(text)
        value = json.loads(text, parse_constant=_no_constant)
        _check_values(value)
        return value


def parse_toml(data: bytes | str, where: str, fix: str) -> dict[str, Any]:
    """Return the table of a TOML text, within the same limits."""
    import tomllib

    with foreign_errors(where, "is not TOML", fix):
        text = data if isinstance(data, str) else data.decode("utf-8")
        _check_nesting(text)
        if max(piece.count(".") for piece in re.split(r"[=,\[\]{}\n]", text)) > MAX_DOTS:
            raise ValueError(f"more than {MAX_DOTS} dots in a row")
        table = tomllib.loads(text)
        _check_values(table)
        return table


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _check_nesting(text: str) -> None:
    """Count brackets outside quoted text: a parser that calls itself must not meet too many."""
    brackets = (_NESTING.get(c, 0) for c in re.sub(r"[^\[\]{}]", "", _QUOTED.sub("", text)))
    if max(accumulate(brackets), default=0) > MAX_DEPTH:
        raise ValueError(f"more than {MAX_DEPTH} levels of lists and tables")


def _check_values(value: Any) -> None:
    """Walk plain data without recursion."""
    level, count = [value], 0
    for _ in range(MAX_DEPTH + 1):
        inside: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inside += item.values()
            elif isinstance(item, list):
                inside += item
            elif isinstance(item, int) and not -MAX_INTEGER < item < MAX_INTEGER:
                raise ValueError("a number of more than 128 bits")
        count += len(inside)
        if count > MAX_VALUES:
            raise ValueError(f"more than {MAX_VALUES} values")
        if not inside:
            return
        level = inside
    raise ValueError(f"more than {MAX_DEPTH} levels of lists and tables")


@contextmanager
def foreign_errors(where: Path | str, what: str, fix: str) -> Iterator[None]:
    """Turn every error that is not ours into one FileError: ``where``: ``what`` (reason)  fix: ``fix``."""
    try:
        yield
    except Snn2hwError:
        raise
    except Exception as error:
        raise FileError(f"{where}: {what} ({reason_of(error)})", fix) from error


def bordered(what: str, fix: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Make a function whose first argument is a file raise `foreign_errors` in place of whatever a library raises."""

    def around(read: Callable[P, T]) -> Callable[P, T]:
        @wraps(read)
        def reader(*args: P.args, **named: P.kwargs) -> T:
            first = next(iter((*args, *named.values())), "")
            where = first if isinstance(first, str | Path) else f"a {type(first).__name__} in memory"
            with foreign_errors(where, what, fix):
                return read(*args, **named)

        return reader

    return around


def reason_of(error: BaseException) -> str:
    """Return what an error says, in one short line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, MemoryError):
        return "more memory than there is"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    said = " ".join(str(error).split())[:REASON_CHARACTERS]
    return f"{said!r} is missing" if isinstance(error, KeyError) and said else said or type(error).__name__
