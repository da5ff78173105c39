"""Compile a float network into the integer program of a chip, prove that nothing overflows, and say what it cost.

snn2hw compile net.nir --dialect snntorch --data calibration.npz -o P.nir
snn2hw compile runs/digits/model.pt --data calibration.npz --weight-bits 4 -o P.nir
snn2hw compile registers.nir --dt 1e-4 --scale 1 -o P.nir        weights and thresholds are register values already
"""

import argparse
from typing import TYPE_CHECKING, Any, Literal

from sim.layer_names import layer_names
from snn2hw.commands.model import (
    attachments_of_model,
    certified_for,
    configure_model,
    rewrite_option,
    source_of,
    trained_bits,
)
from snn2hw.commands.options import choices_of, option
from snn2hw.commands.progress import StageBars
from snn2hw.commands.reply import Reply
from snn2hw.commands.target import configure_target

if TYPE_CHECKING:
    from sim.program import Program
    from snn2hw.compiler.compile import Compiled, Prepared
    from snn2hw.files.rasters import Raster

__all__ = ["bits_option", "configure", "execute", "told", "weight_bits_option", "write"]

CHOSEN = ("weight_bits", "scale", "method", "per", "bias", "levels", "rewrite")
"""The options of the compiler that the command has under the same names."""

MEASURED = 64
"""How many samples the table is measured on."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from snn2hw.codec.decode import DECODERS
    from snn2hw.compiler.compile import compile as compiler
    from snn2hw.compiler.mixed import fewest_bits
    from snn2hw.compiler.options import Options

    configure_model(parser)
    configure_target(parser, compiler)
    parser.add_argument("--data", metavar="X.npz", help="samples to calibrate on, 'spikes' (B, T, *shape)")
    widths = "2..8; ternary; mixed: the fewest per layer"
    option(parser, "--weight-bits", Options, widths, type=weight_bits_option, metavar="N")
    option(parser, "--budget", fewest_bits, "of right answers that mixed bits may cost", metavar="SHARE")
    option(parser, "--decoder", fewest_bits, "how the output is read, for mixed bits", choices=DECODERS)
    scale = "mantissas per unit; 1: registers as given"
    option(parser, "--scale", Options, scale, type=_scale, metavar="auto|NUMBER")
    option(parser, "--method", Options, "how scales are chosen", choices=choices_of(Options, "method"))
    option(parser, "--per", Options, "what shares a scale", choices=choices_of(Options, "per"))
    option(parser, "--bias", Options, "how a bias passes a synaptic filter", choices=choices_of(Options, "bias"))
    parser.add_argument("--levels", type=int, metavar="L", help="the historic L-level scheme, for comparison only")
    parser.add_argument("--steps", type=int, metavar="T", help="the longest sample to certify (as the data, or 1024)")
    rewrite_option(parser)
    parser.add_argument("-o", "--output", required=True, metavar="P.nir", help="where to write the program")


def bits_option(text: str) -> int | Literal["ternary"]:
    """Read a number of bits."""
    if text == "ternary":
        return "ternary"
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of bits; write 8, or ternary") from None


def weight_bits_option(text: str) -> int | Literal["ternary", "mixed"]:
    """Read a number of bits, or that they are to be found layer by layer."""
    return "mixed" if text == "mixed" else bits_option(text)


def _scale(text: str) -> float | Literal["auto"]:
    if text == "auto":
        return "auto"
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no scale; write auto, or a positive number")
    return value


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Compile the model."""
    from sim.files import check_output
    from snn2hw.chips.rewrite import machine_for
    from snn2hw.chips.target import get_target
    from snn2hw.compiler.compile import build, prepare
    from snn2hw.compiler.options import Options
    from snn2hw.compiler.report import measure
    from snn2hw.files.rasters import read_raster

    check_output(args.output)
    target = get_target(args.target)
    machine = machine_for(source_of(args), target, rewrite=args.rewrite)
    _keep_trained(args, reply)
    given = None if args.data is None else read_raster(args.data, machine.network.input_shape)
    data = None if given is None else given.spikes
    steps, messages = certified_for(args.model, data, args.steps)
    mixed = args.weight_bits == "mixed"
    chosen = {name: getattr(args, name) for name in CHOSEN if not mixed or name not in ("weight_bits", "scale")}
    options = Options(**chosen, steps=steps, messages=messages)
    with StageBars() as progress:
        prepared = prepare(machine, target, data, options=options, progress=progress)
        compiled = _mixed(prepared, given, args, reply) if mixed else build(prepared, progress=progress)
    said = attachments_of_model(args.model, compiled.program, data)
    attachments: dict[str, Any] = {"certificate": compiled.certificate.to_json(), **said}
    reply.line(_summary(compiled))
    reply.fact(certificate=attachments["certificate"])
    if data is not None:
        report = measure(compiled, data[:MEASURED])
        attachments["quantization"] = report.to_json()
        reply.fact(quantization=attachments["quantization"])
        reply.line(report)
    else:
        lo, hi = compiled.certificate.messages
        reply.line(f"no --data: nothing was calibrated, input taken as {lo}..{hi}")
    write(compiled, args.output, attachments)
    told(compiled.program, args.output, reply)
    return 0


def _keep_trained(args: argparse.Namespace, reply: Reply) -> None:
    """Have weights that were trained in few bits stored as they are; other bits or scales would round them anew."""
    from sim.errors import InputError
    from snn2hw.compiler.options import USUAL

    bits = trained_bits(args.model)
    if bits is None or args.method not in (USUAL.method, "kept"):
        return
    if args.weight_bits not in (USUAL.weight_bits, bits) or args.per != USUAL.per or args.scale != USUAL.scale:
        what = f"{args.model}: was trained in {bits} bits, with a scale per channel"
        raise InputError(what, "leave --weight-bits, --per and --scale out, or round it anew with --method max")
    args.weight_bits, args.method = bits, "kept"
    reply.line(f"trained in {bits} bits: its weights are kept as they are")


def _mixed(prepared: "Prepared", given: "Raster | None", args: argparse.Namespace, reply: Reply) -> "Compiled":
    """Return the program with the fewest bits within the budget, judged by the labels or by the float network."""
    from sim.errors import InputError
    from snn2hw.compiler.answers import float_answers
    from snn2hw.compiler.mixed import fewest_bits

    if given is None:
        raise InputError("mixed bits are chosen on data", "add --data X.npz")
    wanted = given.labels
    if wanted is None:
        wanted = float_answers(prepared.machine.network, given.spikes, args.decoder).argmax(axis=1)
    mixed = fewest_bits(
        prepared,
        given.spikes,
        wanted,
        budget=args.budget,
        decoder=args.decoder,
        on_trial=lambda t: reply.line(f"  {t}"),
    )
    reply.fact(bits=mixed.bits)
    reply.line("bits: " + ", ".join(f"{name} {bits}" for name, bits in mixed.bits.items()))
    return mixed.compiled


def write(compiled: "Compiled", path: str, attachments: dict[str, Any]) -> None:
    """Write the program file."""
    from exporters.program_file import write_program

    write_program(compiled.program, path, attachments=attachments)


def told(program: "Program", path: str, reply: Reply) -> None:
    """Say which program was written where."""
    reply.fact(digest=program.digest, origin=program.record["origin"])
    reply.wrote(path, f", program {program.digest[:12]}")


def _summary(compiled: "Compiled") -> str:
    program, certificate = compiled.program, compiled.certificate
    layers = layer_names(program)
    neurons = sum(p.size for p in program.populations)
    may_clip = [layers[name] for name in certificate.bounds if name not in certificate.clip_free]
    clips = f"; v may clip in {', '.join(may_clip)}" if may_clip else "; v never clips"
    lo, hi = certificate.messages
    return (
        f"{program.record['origin']} for {compiled.prepared.target.title}: {len(program.populations)} populations, "
        f"{neurons:,} neurons\ncertified for messages {lo}..{hi} and up to {certificate.steps} steps: "
        f"no sum leaves the accumulator, no u wraps{clips}"
    )
