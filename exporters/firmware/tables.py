"""The generated half of the firmware: ``snn_program.h`` with sizes, ``program.c`` with constant tables and buffers."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from exporters.firmware.plan import Bank, Fade, FirmwarePlan, Place, Read, Unit
from exporters.firmware.rows import Tap
from exporters.firmware.sizes import FirmwareSizes, input_type, registers_of, sizes_of_plan

__all__ = ["program_c", "snn_program_h"]

PER_LINE = 16
KERNELS = ("LEAN", "LANES", "GENERAL")
ADDING = ("BYTES", "BYTES_GRADED", "LANES", "32", "64")


def snn_program_h(plan: FirmwarePlan) -> str:
    """Return snn_program.h: the sizes of everything, and which loops are needed."""
    program, units = plan.program, plan.units
    sizes = sizes_of_plan(plan)
    kernels, adding = {u.kernel for u in units}, {r.kernel for u in units for r in u.sums.reads}
    uses = {f"SNN_USES_{k}": int(k in kernels) for k in KERNELS} | {
        f"SNN_USES_ADD_{k}": int(k in adding) for k in ADDING
    }
    numbers = {
        "SNN_INPUT_SIZE": plan.input.neurons,
        "SNN_INPUT_CHANNELS": plan.input.channels if plan.input.positions > 1 else 1,
        "SNN_INPUT_LOW": program.input.lo,
        "SNN_INPUT_HIGH": program.input.hi,
        "SNN_POPULATIONS": len(units),
        "SNN_NEURONS": sum(u.place.neurons for u in units),
        "SNN_OUTPUT": len(units) - 1,
        **uses,
        **_known_fades(units),
    }
    defines = "\n".join(f"#define {name} {value}" for name, value in numbers.items())
    listed = ", ".join(str(u.population.size) for u in units)
    described = "\n".join(
        f" * {i}: {_comment(u.population.name)}, shape {u.population.shape}" for i, u in enumerate(units)
    )
    return f"""/* Generated from program {program.digest}. */
#ifndef SNN_PROGRAM_H
#define SNN_PROGRAM_H

#include <stdint.h>

{defines}
#define SNN_SIZES {{{listed}}} /* neurons of every population */
#define SNN_DIGEST "{program.digest}"

typedef {input_type(program)} snn_input_t;

/* Input: shape {program.input.shape}, in C order. Populations:
{described}
 *
{_stated(sizes)}
 */

#endif
"""


def _known_fades(units: tuple[Unit, ...]) -> dict[str, int]:
    """Return how u and v fade in each of the shorter loops, where all of its populations say the same."""
    known: dict[str, int] = {}
    for kernel, state in (("LEAN", "V"), ("LANES", "U"), ("LANES", "V")):
        of_kernel = [unit for unit in units if unit.kernel == kernel]
        fades = {unit.v_fade if state == "V" else unit.u_fade for unit in of_kernel if state == "V" or unit.keeps_u}
        if len(fades) == 1:
            (fade,) = fades
            names = {"KEEP": fade.keep, "SHIFT": fade.shift, "NARROW": int(fade.narrow)}
            known |= {f"SNN_{kernel}_{state}_{name}": value for name, value in names.items()}
    return known


def _stated(sizes: FirmwareSizes) -> str:
    return (
        f" * Stated before building: {sizes.tables} bytes of tables and at most {sizes.code} of code in flash,\n"
        f" * {sizes.ram} bytes of RAM, and at most {sizes.stack} of stack."
    )


def _comment(name: str) -> str:
    """Return a population's name as it may stand within a comment."""
    return name.replace("*/", "* /").replace("/*", "/ *").encode("ascii", "backslashreplace").decode()


def program_c(plan: FirmwarePlan) -> Iterator[str]:
    """Yield program.c piece by piece."""
    yield f"/* Generated from program {plan.program.digest}. */\n"
    yield '#include <stddef.h>\n\n#include "snn_tables.h"\n\n'
    yield from _buffers(plan)
    for i, unit in enumerate(plan.units):
        yield from _registers(i, unit)
        for k, read in enumerate(unit.sums.reads):
            yield from _connection_tables(f"{i}_{k}", read)
        yield from _structures(plan, i, unit)
    yield _sources(plan)
    yield f"const struct snn_population snn_populations[SNN_POPULATIONS] = {{\n{_populations(plan)}}};\n\n"
    yield f"const uint16_t snn_order[SNN_POPULATIONS] = {{{', '.join(map(str, plan.order))}}};\n"


def _buffers(plan: FirmwarePlan) -> Iterator[str]:
    yield f"static _Alignas(4) snn_input_t input[{plan.input.neurons * plan.input.ring}];\n"
    if plan.scratch_words:
        yield f"static uint32_t scratch[{plan.scratch_words}]; /* sums that last for one population's turn */\n"
    for i, unit in enumerate(plan.units):
        place = unit.place
        yield f"static int32_t v_{i}[{place.neurons}];\n"
        if unit.keeps_u:
            yield f"static int32_t u_{i}[{place.neurons}];\n"
        if unit.rests:
            yield f"static uint8_t rest_{i}[{place.neurons}];\n"
        if unit.sums.held:
            yield f"static uint32_t held_{i}[{unit.sums.words}];\n"
        if place.form == "bits":
            yield f"static uint32_t spikes_{i}[{place.positions * place.words * place.ring}];\n"
        else:
            yield f"static uint8_t spikes_{i}[{place.neurons * place.ring}];\n"
    yield "\n"


def _array(kind: str, name: str, values: NDArray[np.generic], suffix: str = "") -> Iterator[str]:
    yield f"static const {kind} {name}[{values.size}] = {{\n"
    for start in range(0, values.size, PER_LINE):
        yield ",".join(f"{v}{suffix}" for v in values[start : start + PER_LINE].tolist()) + ",\n"
    yield "};\n\n"


def _registers(i: int, unit: Unit) -> Iterator[str]:
    registers = registers_of(unit)
    yield f"static const struct snn_register registers_{i}[{len(registers.bias)}] = {{\n"
    pairs = [f"{{{b},{r}}}" for b, r in zip(registers.bias.tolist(), registers.bar.tolist(), strict=True)]
    for start in range(0, len(pairs), 8):
        yield ",".join(pairs[start : start + 8]) + ",\n"
    yield "};\n\n"
    for name, values in registers.initial.items():
        yield from _array("int32_t", f"{name}_{i}", values)
    for name, kept in registers.keep.items():
        yield from _array("uint16_t", f"{name}_{i}", kept)


def _connection_tables(name: str, read: Read) -> Iterator[str]:
    yield from _array("uint32_t", f"weights_{name}", read.words.reshape(-1), "U")
    for what, lists in (("rows", read.rows.rows), ("columns", read.rows.columns)):
        yield from _taps(f"{what}_{name}", lists, read.words.shape[1])


def _taps(name: str, lists: tuple[tuple[Tap, ...], ...], row_words: int) -> Iterator[str]:
    first = np.cumsum([0, *map(len, lists)])
    yield from _array("uint16_t", f"{name}_first", first)
    taps = [f"{{{w * row_words}, {at}, {count}}}" for one in lists for w, at, count in one]
    listed = ", ".join(taps or ["{0, 0, 0}"])
    yield f"static const struct snn_tap {name}[{max(1, len(taps))}] = {{{listed}}};\n\n"


def _structures(plan: FirmwarePlan, i: int, unit: Unit) -> Iterator[str]:
    """Yield the banks and the connections of one population."""
    if unit.sums.banks:
        where, at = (f"held_{i}" if unit.sums.held else "scratch"), 0
        yield f"static const struct snn_bank banks_{i}[{len(unit.sums.banks)}] = {{\n"
        for bank in unit.sums.banks:
            yield _bank(bank, f"{where} + {at}")
            at += bank.words
        yield "};\n\n"
    if unit.sums.reads:
        names, places = [u.population.name for u in plan.units], [plan.input, *(u.place for u in plan.units)]
        yield f"static const struct snn_connection connections_{i}[{len(unit.sums.reads)}] = {{\n"
        for k, read in enumerate(unit.sums.reads):
            source = read.connection.source
            number = 1 + names.index(source) if source in names else 0
            yield _connection(f"{i}_{k}", read, unit, number, places[number])
        yield "};\n\n"


def _bank(bank: Bank, sums: str) -> str:
    scale, down = 64 << max(bank.exponent, 0), max(-bank.exponent, 0)
    return (
        f"    {{.sums = {sums}, .words = {bank.words}, .bits = {bank.bits},\n     .down = {down}, .scale = {scale}}},\n"
    )


def _connection(name: str, read: Read, unit: Unit, number: int, source: Place) -> str:
    bits, groups = read.bits, read.rows.groups
    both = 0x10001 if bits < 32 else 0
    mask, sign = ((1 << bits) - 1) * both & 0xFFFFFFFF, (1 << (bits - 1)) * both & 0xFFFFFFFF
    outs, place, width = read.rows.weight.shape[1], unit.place, unit.sums.banks[read.bank].bits
    height, across = len(read.rows.rows), len(read.rows.columns)
    position = place.span * width // 32 * (place.positions // (height * across))
    reach = ", ".join(f".{w} = {{{w}_{name}_first, {w}_{name}}}" for w in ("rows", "columns"))
    return (
        f"    {{.weights = weights_{name}, {reach},\n"
        f"     .mask = {mask}U, .sign = {sign}U, .row_words = {read.words.shape[1]}, .outs = {outs},\n"
        f"     .height = {height}, .width = {across}, .position_words = {position},\n"
        f"     .groups = {groups}, .group = {source.channels // groups}, .group_words = {outs * width // 32},\n"
        f"     .source = {number}, .lag = {read.connection.lag}, "
        f".bank = {read.bank}, .bits = {bits}, .kernel = SNN_ADD_{read.kernel}}},\n"
    )


def _sources(plan: FirmwarePlan) -> str:
    lines = [_source(plan.input, "input")]
    lines += [_source(unit.place, f"spikes_{i}") for i, unit in enumerate(plan.units)]
    return "const struct snn_source snn_sources[SNN_POPULATIONS + 1] = {\n" + "".join(lines) + "};\n\n"


def _source(place: Place, buffer: str) -> str:
    return (
        f"    {{.{place.form} = {buffer}, .height = {place.height}, .width = {place.width}, "
        f".channels = {place.channels},\n     .span = {place.span}, .words = {place.words}, .ring = {place.ring}}},\n"
    )


def _populations(plan: FirmwarePlan) -> str:
    lines, first = [], 0
    for i, unit in enumerate(plan.units):
        lines.append(_population(i, unit, first))
        first += unit.place.neurons
    return "".join(lines)


def _population(i: int, unit: Unit, first: int) -> str:
    p, registers = unit.population, registers_of(unit)
    said = {"most": 1, **dict(p.properties)}
    initial = "".join(f".{name} = {name}_{i}, " for name in registers.initial)
    return (
        f"    {{.connections = {f'connections_{i}' if unit.sums.reads else 'NULL'}, "
        f".banks = {f'banks_{i}' if unit.sums.banks else 'NULL'},\n"
        f"     .registers = registers_{i}, .register_step = {registers.step},\n"
        f"     .u_fade = {_fade(unit.u_fade, f'u_keep_{i}')}, .v_fade = {_fade(unit.v_fade, f'v_keep_{i}')},\n"
        f"     .u = {f'u_{i}' if unit.keeps_u else 'NULL'}, .v = v_{i}, "
        f".rest = {f'rest_{i}' if unit.rests else 'NULL'}, {initial}.first = {first},\n"
        f"     .connection_count = {len(unit.sums.reads)}, .bank_count = {len(unit.sums.banks)},\n"
        f"     .kernel = SNN_{unit.kernel}, .reset = SNN_RESET_{p.reset.upper()}, .most = {int(said['most'])},\n"
        f"     .at_threshold = {int(said['at_threshold'])}, .refractory = {int(said['refractory'])}, "
        f".sinks = {int(unit.sinks)}, .held = {int(unit.sums.held)}}},\n"
    )


def _fade(fade: Fade, each: str) -> str:
    return f"{{{fade.keep}, {fade.shift}, {int(fade.narrow)}, {each if fade.each else 'NULL'}}}"
