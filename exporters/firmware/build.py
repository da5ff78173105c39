"""Cross-compile firmware with ziglang, and read what an image takes from its sections."""

import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from exporters.firmware.install import find_python
from exporters.firmware.processors import Processor
from sim.errors import FileError, ToolError

__all__ = ["BARE", "FREESTANDING", "STRICT", "ImageSizes", "compile_image", "cross_compile", "image_sizes"]

STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-pedantic")
FREESTANDING = ("-Os", "-ffreestanding", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections")
NETWORK = ("src/snn.c", "src/program.c", "replay/start.c")
REPLAYED = ("replay/replay.c", "replay/semihosting.c")
BARE = "bare.c"
"""The network and nothing else: what a user's own firmware starts from."""

ALLOCATED, NO_BITS = 2, 8


@dataclass(frozen=True)
class ImageSizes:
    """Bytes of an image: what is written to flash, and RAM without the stack."""

    flash: int
    ram: int


def cross_compile(
    folder: Path, main: str, image: Path, processor: Processor, *, defines: tuple[str, ...] = (), timeout_s: float
) -> None:
    """Build ``replay/MAIN`` of an exported folder."""
    sources = NETWORK if main == BARE else (*NETWORK, *REPLAYED)
    compile_image(folder, (*sources, f"replay/{main}"), image, processor, defines=defines, timeout_s=timeout_s)


def compile_image(
    folder: Path,
    sources: tuple[str, ...],
    image: Path,
    processor: Processor,
    *,
    defines: tuple[str, ...] = (),
    timeout_s: float,
) -> None:
    """Build an image of some files below ``folder`` without a warning; headers lie in its ``src``."""
    words = [str(find_python()), "-P", "-m", "ziglang", "cc", *processor.clang, *STRICT, *FREESTANDING]
    words += [f"-D{name}" for name in defines] + [
        f"-I{folder / 'src'}",
        "-T",
        processor.machine.script,
        "-o",
        str(image),
    ]
    words += [str(folder / name) for name in sources]
    try:  # a linker's script includes another one from where the linker stands
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=timeout_s, check=False, cwd=folder / "replay"
        )
    except subprocess.TimeoutExpired:
        raise ToolError(f"the cross compiler did not end within {timeout_s:g} s", "give it more time") from None
    if done.returncode:
        raise ToolError(f"the cross compiler refuses {folder}: {done.stderr.strip()[-600:]}")


def image_sizes(image: Path) -> ImageSizes:
    """Add the sections of a 32-bit little-endian ELF file up."""
    data = image.read_bytes()
    try:
        if data[:6] != b"\x7fELF\x01\x01":
            raise FileError(f"{image}: is no 32-bit little-endian ELF file", "build it again")
        (start,) = struct.unpack_from("<I", data, 32)
        size, count, names = struct.unpack_from("<3H", data, 46)
        headers = [struct.unpack_from("<10I", data, start + i * size) for i in range(count)]
        text = headers[names][4]
        flash = ram = 0
        for name, kind, flags, _, _, length, *_ in headers:
            called = data[text + name : data.index(b"\0", text + name)].decode(errors="replace")
            if not flags & ALLOCATED or called == ".stack":
                continue
            flash += length if kind != NO_BITS else 0
            ram += length if kind == NO_BITS or called == ".data" else 0
    except (struct.error, IndexError, ValueError) as error:
        raise FileError(f"{image}: cannot be read as ELF ({error})", "build it again") from None
    return ImageSizes(flash, ram)
