"""Mutation testing: small faults put into the project's own code, and whether its tests notice them.

python benchmarks/mutants.py [ROOM ...] [--survivors]
python benchmarks/mutants.py --tables [--page]    run nothing: equivalents and tables anew, into docs/development.md

benchmarks/mutants.toml names rooms: their files, the tests that judge them, and how many mutants of them are tried. The
mutants are cosmic-ray's (one for each place and kind of change, drawn with the room's seed). Each is judged in a
process of its own, forked from one that has loaded the libraries, and the tests see the mutated text where they import
the module: nothing on disk is changed. Killed is one that a test fails on, that cannot be imported, or that runs for
several times as long. Results go to benchmarks/results/mutants.json and mutants.md.
"""

import argparse
import ast
import datetime
import importlib.machinery
import importlib.util
import json
import os
import resource
import signal
import sys
import tempfile
import time
import tomllib
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

from mutant_draw import Mutant, drawn, mutated
from results import ended, into_page, write

from sim.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
CONFIGURATION = ROOT / "benchmarks" / "mutants.toml"
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "development.md"
LIBRARIES = ("numpy", "pytest", "_pytest.assertion.rewrite", "hypothesis", "numba", "h5py", "nir", "scipy", "tabulate")
"""What is loaded before the first fork: none of it imports this project."""
MEMORY = 8 << 30
"""Bytes that a mutant may map: one that asks for more is killed."""
PASSED = 0


@dataclass(frozen=True)
class Room:
    """Files that are mutated together, and the tests that have to notice."""

    name: str
    files: tuple[str, ...]
    tests: tuple[str, ...]
    then: tuple[str, ...]
    """Slower tests, for those that the first ones do not kill."""
    sample: int
    """How many mutants are tried; all where there are fewer."""
    environment: dict[str, str]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("room", nargs="*", help="rooms of benchmarks/mutants.toml (default: all)")
    parser.add_argument("--survivors", action="store_true", help="only those that survived last time (default: no)")
    parser.add_argument("--rest", action="store_true", help="only those that were not tried last time (default: no)")
    parser.add_argument("--sample", type=int, help="how many mutants of each room (default: what the room says)")
    parser.add_argument("--tables", action="store_true", help="run nothing: equivalents and tables anew")
    parser.add_argument("--page", action="store_true", help="put the table between its marks in docs/development.md")
    arguments = parser.parse_args()
    configuration = tomllib.loads(CONFIGURATION.read_text(encoding="utf-8"))
    rooms = [_room(r) for r in configuration["room"] if not arguments.room or r["name"] in arguments.room]
    if not rooms and arguments.room:
        raise InputError(f"{CONFIGURATION}: has no room {arguments.room}", "name one of its [[room]] entries")
    excused = {(e["file"], e["before"], e["after"]): e["why"] for e in configuration.get("equivalent", ())}
    found = _earlier()
    if arguments.tables:
        _name_equivalents(found, excused)
        _written(found)
        rooms = []
    os.environ.update({"CI": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    for name in LIBRARIES:
        importlib.import_module(name)
    texts = {file: (ROOT / file).read_text(encoding="utf-8") for room in rooms for file in room.files}
    for room in rooms:
        mutants = drawn({file: texts[file] for file in room.files}, arguments.sample or room.sample, room.name)
        before = found.get(room.name) if arguments.survivors or arguments.rest else None
        if before is not None:
            survived = {_key(survivor) for survivor in before["survived"]}
            tried, untried = mutants[: before["mutants"]], mutants[before["mutants"] :]
            mutants = untried if arguments.rest else [m for m in tried if m.key in survived]
        for fresh in _judged(room, mutants, texts):  # kept after every mutant: the next one may be for tomorrow
            found = _earlier()  # another process may have judged another room meanwhile
            found[room.name] = fresh if before is None else _joined(before, fresh, mutants[: fresh["mutants"]])
            _name_equivalents(found, excused)
            _written(found)
    print(table(found))
    if arguments.page:
        into_page("mutants.py", table(found).partition("\n\n")[0], PAGE)
    return 0


def _written(found: dict[str, Any]) -> None:
    text = json.dumps({"schema": "snn2hw.benchmark.mutants/1", "rooms": found}, indent=1) + "\n"
    write(RESULTS / "mutants.json", text)
    write(RESULTS / "mutants.md", table(found))


def _room(entry: dict[str, Any]) -> Room:
    files = [path.relative_to(ROOT).as_posix() for pattern in entry["files"] for path in sorted(ROOT.glob(pattern))]
    if not files:
        raise InputError(f"{CONFIGURATION}: room {entry['name']} has no file {entry['files']}", "name files that exist")
    tests, then = tuple(entry["tests"]), tuple(entry.get("then", ()))
    return Room(entry["name"], tuple(files), tests, then, entry["sample"], dict(entry.get("environment", {})))


def _earlier() -> dict[str, Any]:
    file = RESULTS / "mutants.json"
    rooms: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["rooms"] if file.exists() else {}
    return rooms


def _key(survivor: Mapping[str, Any]) -> tuple[str, str, str]:
    return survivor["file"], survivor["before"], survivor["after"]


def _joined(before: dict[str, Any], fresh: dict[str, Any], judged: Sequence[Mutant]) -> dict[str, Any]:
    """Return the earlier result with fresh verdicts: those on its survivors replaced, those on others beside it."""
    keys = {m.key for m in judged}
    left = [survivor for survivor in before["survived"] if _key(survivor) not in keys]
    again = len(before["survived"]) - len(left)
    return {
        **fresh,
        "mutants": before["mutants"] + fresh["mutants"] - again,
        "killed": before["killed"] + fresh["killed"],
        "survived": [*left, *fresh["survived"]],
    }


def _name_equivalents(found: dict[str, Any], excused: Mapping[tuple[str, str, str], str]) -> None:
    """Put beside every survivor why no test could kill it, where the configuration says so."""
    for room in found.values():
        for survivor in room["survived"]:
            why = excused.get(_key(survivor))
            survivor.pop("equivalent", None)
            survivor.update({} if why is None else {"equivalent": why})


def _judged(room: Room, mutants: Sequence[Mutant], texts: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Run the tests on the room as it is, then on every mutant; yield the result after each."""
    os.environ.update(room.environment)
    stages = [(tests, *_limits(room, tests)) for tests in (room.tests, room.then) if tests]
    print(f"{room.name}: {len(mutants)} mutants, {' + '.join(f'{cpu} s' for _, cpu, _ in stages)} at most", flush=True)
    survived = []
    for at, mutant in enumerate(mutants, 1):
        text = mutated(texts[mutant.file], mutant.operator, mutant.occurrence)
        verdict = PASSED
        for tests, cpu, wall in stages:
            if verdict == PASSED:
                verdict, *_ = _tested(tests, (mutant.file, text), cpu, wall)
        if verdict == PASSED:
            survived.append(mutant._asdict())
            print(f"  {at} {mutant.file}:{mutant.line}  {mutant.before}  ->  {mutant.after}", flush=True)
        day, killed = datetime.datetime.now(datetime.UTC).date().isoformat(), at - len(survived)
        tests = [*room.tests, *room.then]
        yield {"date": day, "mutants": at, "killed": killed, "tests": tests, "survived": [*survived]}
    for name in room.environment:
        del os.environ[name]


def _limits(room: Room, tests: tuple[str, ...]) -> tuple[int, int]:
    """Return after how many seconds, of the processor and of the clock, tests hang that pass without a mutant."""
    first = room.files[0]
    unchanged = None
    if first.startswith("sim/fast/"):
        _tested(tests, None, 900, 1800)  # what is compiled once and kept
        unchanged = (first, (ROOT / first).read_text(encoding="utf-8"))
    verdict, cpu, wall, said = _tested(tests, unchanged, 900, 1800)
    if verdict != PASSED:
        raise InputError(f"room {room.name}: its tests fail without a mutant\n{said}", "mend them first")
    return int(4 * cpu + 10), int(10 * wall + 60)


def _tested(
    tests: tuple[str, ...], change: tuple[str, str] | None, cpu: int, wall: int
) -> tuple[int, float, float, str]:
    """Return pytest's exit code in a forked process (negative: ended by a signal), its times, and its last words."""
    started, log = time.monotonic(), Path(tempfile.gettempdir(), f"mutant-{os.getpid()}.log")
    if (child := os.fork()) == 0:
        os.setsid()
        said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(said, 1)
        os.dup2(said, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 5))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        signal.alarm(wall)
        code = 3
        try:
            code = _run(tests, change)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    _, status, used = os.wait4(child, 0)
    words = log.read_text(encoding="utf-8", errors="replace")[-3000:]
    log.unlink()
    times = used.ru_utime + used.ru_stime, time.monotonic() - started
    return os.waitstatus_to_exitcode(status), *times, words


def _run(tests: tuple[str, ...], change: tuple[str, str] | None) -> int:
    import pytest

    if change is not None:
        sys.meta_path.insert(0, _Mutated(*change))
        _compile_anew(_readers_of(_module(change[0])))
    options = ["-x", "-q", "-p", "no:cacheprovider"]
    return int(pytest.main([*options, *tests], plugins=[_Unshrunk()]))


def _module(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _readers_of(module: str) -> set[str]:
    """Return a module of the fast engine and those into which it may be compiled."""
    found = {module}
    if not module.startswith("sim.fast."):
        return found
    imports = {_module(p.relative_to(ROOT).as_posix()): _imported(p) for p in (ROOT / "sim" / "fast").rglob("*.py")}
    while more := {name for name, read in imports.items() if read & found} - found:
        found |= more
    return found


def _imported(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module}


def _compile_anew(modules: set[str]) -> None:
    """Have Numba compile what stands in some modules, whatever its cache holds of them, and all others as ever."""
    import numba

    njit = numba.njit

    def compiled(*functions: Any, cache: bool = False, **options: Any) -> Any:
        if functions:
            return njit(*functions, cache=cache, **options)
        return lambda f: njit(cache=cache and f.__module__ not in modules, **options)(f)

    numba.njit = compiled


class _Unshrunk:
    """Hypothesis need not look for the smallest failing case: that a case fails is all that is asked."""

    def pytest_sessionstart(self) -> None:
        from hypothesis import Phase, settings

        settings.register_profile("mutants", settings.default, phases=(Phase.explicit, Phase.generate), database=None)
        settings.load_profile("mutants")


class _Mutated(importlib.machinery.SourceFileLoader):
    """Imports one module from the text that is given."""

    def __init__(self, file: str, text: str) -> None:
        super().__init__(_module(file), str(ROOT / file))
        self.text = text

    def find_spec(self, name: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.path, loader=self)

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.text, self.path, "exec", dont_inherit=True)


def table(found: dict[str, Any]) -> str:
    """Return the results as Markdown: a row per room, then what survived and why."""
    lines = ["| room | mutants | killed | equivalent | killed of the others | date |", "|---|---|---|---|---|---|"]
    for name, room in found.items():
        same = sum("equivalent" in s for s in room["survived"])
        share = room["killed"] / max(room["mutants"] - same, 1)
        lines.append(f"| {name} | {room['mutants']} | {room['killed']} | {same} | {share:.1%} | {room['date']} |")
    for name, room in found.items():
        lines += ["", f"Survivors in {name}:", ""] if room["survived"] else []
        for s in room["survived"]:
            change = f"`{s['before']}` -> `{s['after']}`"
            lines.append(f"- {s['file']}:{s['line']}: {change}: {s.get('equivalent', 'not looked at')}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(ended(main))
