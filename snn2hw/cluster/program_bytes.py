"""A program as the bytes of its file."""

from exporters.program_file import write_program
from sim.files import scratch_folder
from sim.program import Program

__all__ = ["program_bytes"]


def program_bytes(program: Program) -> bytes:
    """Return what `write_program` writes."""
    with scratch_folder("snn2hw-program-") as folder:
        write_program(program, folder / "program.nir")
        return (folder / "program.nir").read_bytes()
