"""Many programs in one translation unit: what the C export writes, unchanged, with its names told apart by macros.

Compiled and started once for all of them: a compiler takes longer to start than to read a small program.
"""

import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporters.c_export.build import LEAVES_THE_MACHINE, find_compiler, read_output, write_input
from exporters.recording import ExecutorTrace, recording_from
from exporters.to_c import MAIN, RUNTIME_FILES, write_sources
from sim.errors import MachineError, ToolError
from sim.program import Program

__all__ = ["run_at_once"]

TIMEOUT_S = 300.0
FLAGS = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-O0")
HEADERS = ("stdint.h", "stddef.h", "stdio.h", "string.h", "stdlib.h")
ONCE = ("SNN_RUNTIME_H", "SNN_PROGRAM_H")
_DEFINED = re.compile(r"^#define (\w+)", re.MULTILINE)
_WORD = re.compile(r"\b[A-Za-z_]\w*\b")
_COMMENT = re.compile(r'/\*.*?\*/|"(?:[^"\\]|\\.)*"|^#[^\n]*$', re.DOTALL | re.MULTILINE)
C_WORDS = """
break case char const continue default do double else enum extern float for goto if int long return short signed sizeof
static struct switch typedef union unsigned void while inline restrict volatile NULL FILE stderr stdout fread fwrite
fgetc fopen fclose fseek ftell fprintf printf memcpy memset strcmp SEEK_SET EOF exit main argc argv int8_t int16_t
int32_t int64_t uint8_t uint16_t uint32_t uint64_t size_t INT64_C INT32_C INT32_MAX INT32_MIN
"""
"""Words of the language and its library, which mean the same in every program."""

Case = tuple[Program, NDArray[np.integer[Any]]]


def run_at_once(cases: Sequence[Case], folder: Path) -> list[ExecutorTrace | MachineError]:
    """Compile all programs together, run each on its raster, and return what each did."""
    homes = [folder / f"c{i}" for i in range(len(cases))]
    for home, (program, raster) in zip(homes, cases, strict=True):
        home.mkdir(exist_ok=True)
        write_sources(program, home)
        write_input(home / "input.bin", raster)
    whole, binary = folder / "all.c", folder / "all"
    whole.write_text("".join(_unit(homes)), encoding="utf-8")
    _done([*find_compiler(), *FLAGS, "-o", str(binary), str(whole)], "the C compiler")
    _done([str(binary)], "the C programs")
    return [_result(home, *case) for home, case in zip(homes, cases, strict=True)]


def _unit(homes: Sequence[Path]) -> Iterator[str]:
    yield "".join(f"#include <{name}>\n" for name in HEADERS)
    known: set[str] = set()
    for place, home in enumerate(homes):
        text = "\n".join(
            (home / name).read_text(encoding="utf-8") for name in (*RUNTIME_FILES, MAIN.name, "program.h", "program.c")
        )
        macros = set(_DEFINED.findall(text))
        words = set(_WORD.findall(_COMMENT.sub(" ", text))) - set(C_WORDS.split()) - macros
        yield "".join(f"#undef {name}\n" for name in sorted({*known, *macros, *ONCE}))
        yield "".join(f"#define {word} {word}__{place}\n" for word in sorted(words))
        yield f"#define main main__{place}\n"
        yield "".join(f'#include "{home.name}/{name}"\n' for name in ("snn_runtime.c", "program.c", "main.c"))
        yield "#undef main\n"
        known |= words
    yield "".join(f"#undef {name}\n" for name in sorted(known))
    yield "int main(void)\n{\n"
    for place, home in enumerate(homes):
        given = ", ".join(f'"{home / name}"' for name in ("snn", "input.bin", "output.bin"))
        yield f"    {{ char *words[] = {{{given}}};\n"
        yield f'      FILE *said = fopen("{home / "code"}", "w");\n'
        yield f'      fprintf(said, "%d", main__{place}(3, words)); fclose(said); }}\n'
    yield "    return 0;\n}\n"


def _done(words: Sequence[str], who: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode:
        raise ToolError(f"{who} failed (exit code {done.returncode}): {done.stderr.strip()[-600:]}")


def _result(home: Path, program: Program, raster: NDArray[np.integer[Any]]) -> ExecutorTrace | MachineError:
    code = int((home / "code").read_text(encoding="ascii"))
    if code == LEAVES_THE_MACHINE:
        return MachineError(f"program {program.digest[:12]} leaves the machine")
    if code:
        raise ToolError(f"the C program {program.digest[:12]} failed (exit code {code})")
    return recording_from(program, read_output(program, home / "output.bin", raster.shape[0], raster.shape[1]))
