"""What is refused of the options of `snn2hw energy` before anything is counted."""

import argparse

__all__ = ["check_device", "refuse_mixed"]


def refuse_mixed(args: argparse.Namespace) -> None:
    """Refuse options of one way to ask that are given with the other."""
    from sim.errors import InputError

    if (args.input is None) == (args.stream is None):
        raise InputError("--input and --stream: exactly one is needed", "name a raster, or a sound to listen to")
    if args.stream is None:
        given: tuple[tuple[str, object], ...] = (
            ("--hop", args.hop),
            ("--target", args.target),
            ("--active", args.active),
        )
        alone = [name for name, value in given if value is not None]
    else:
        given = (
            ("--plots", args.plots),
            ("--samples", args.samples),
            ("--also", args.also),
            ("--also-ann", args.also_ann),
            *_for_one(args),
        )
        alone = [name for name, value in given if value is not None]
        if (args.ann is None) != (args.hop is None):
            raise InputError(
                "--ann and --hop: a stream needs both or neither", "say how often the ANN is run: --hop 0.1"
            )
    several = [name for name, value in _for_one(args) if value is not None and (args.also or args.also_ann)]
    if several:
        raise InputError(f"{', '.join(several)} is of one network alone", "leave it out, or --also and --also-ann")
    if alone:
        other = "--stream" if args.stream is None else "--input"
        raise InputError(f"{', '.join(alone)} says something about {other} alone", f"leave it out, or use {other}")


def _for_one(args: argparse.Namespace) -> tuple[tuple[str, object], ...]:
    """Return the options that mean something where one network is priced on samples."""
    return (
        ("--device", args.device),
        ("--placer", args.placer),
        ("--scheduler", args.scheduler),
        ("--chunk", args.chunk),
    )


def check_device(args: argparse.Namespace) -> None:
    """Refuse what could not be counted, before anything is."""
    from exporters.firmware.emulate import find_qemu
    from exporters.firmware.install import find_python
    from exporters.firmware.processors import get_processor
    from sim.errors import InputError

    if not args.device:
        return
    chosen = get_processor(args.device)
    if args.ann and not args.ann_input:
        raise InputError("--device, and --ann without samples", "name them: --ann-input F.npz")
    find_qemu(chosen)
    find_python()
