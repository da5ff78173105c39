"""The Arduino sketch and the Zephyr application compile and link, against headers that stand in for theirs.

Neither Arduino's nor Zephyr's own tools are here: what is shown is that the sources are whole and free of warnings, and
that everything they call is there.
"""

import subprocess
from pathlib import Path

import pytest

from exporters import to_firmware
from exporters.firmware.build import image_sizes
from exporters.firmware.emulate import find_arm
from exporters.firmware.install import find_python
from exporters.firmware.processors import PROCESSORS
from sim.errors import MissingToolError
from tests.exporters.firmware.programs import tied_program

ARDUINO = """
#include <stdint.h>
struct Port { void begin(unsigned long); void println(uint32_t); };
extern Port Serial;
"""
SKETCH = """
#include <Arduino.h>
volatile uint32_t sent;
void Port::begin(unsigned long) {}
void Port::println(uint32_t value) { sent = value; }
Port Serial;
void setup();
void loop();
extern "C" int main(void) { setup(); for (;;) loop(); }
"""
ZEPHYR = """
#include <stdint.h>
void printk(const char *, ...);
int32_t k_msleep(int32_t);
"""
KERNEL = """
#include <zephyr/kernel.h>
void printk(const char *format, ...) { (void)format; }
int32_t k_msleep(int32_t ms) { return ms - ms; }
"""


def _zig(folder: Path, *words: str) -> None:
    done = subprocess.run(
        [str(find_python()), "-P", "-m", "ziglang", *words], cwd=folder, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture
def exported(tmp_path):
    try:
        find_python()
        find_arm()
    except MissingToolError as error:
        pytest.skip(str(error))
    to_firmware.export(tied_program(), tmp_path / "firmware")
    return tmp_path / "firmware"


def _linked(folder: Path, made: Path, processor: str, sources: list[str], objects: list[str]) -> Path:
    chosen = PROCESSORS[processor]
    words = [
        "cc",
        *chosen.clang,
        "-std=c11",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-Os",
        "-ffreestanding",
        f"-I{made}",
        "-I../src",
    ]
    image = made / "image.elf"
    _zig(folder / "replay", *words, "-T", chosen.machine.script, "-o", str(image), *objects, *sources, "start.c")
    return image


@pytest.mark.parametrize("processor", ["m0", "m4"])
def test_the_arduino_sketch_compiles_and_links(processor, exported, tmp_path):
    (tmp_path / "Arduino.h").write_text(ARDUINO)
    (tmp_path / "main.cpp").write_text(SKETCH)
    flags = [
        *PROCESSORS[processor].clang,
        "-Wall",
        "-Wextra",
        "-Werror",
        "-Os",
        "-ffreestanding",
        "-fno-exceptions",
        "-fno-rtti",
    ]
    flags += [f"-I{tmp_path}", f"-I{exported / 'src'}"]
    sketch = exported / "examples" / "snn" / "snn.ino"
    _zig(tmp_path, "c++", *flags, "-include", "Arduino.h", "-x", "c++", "-c", str(sketch), "-o", "sketch.o")
    _zig(tmp_path, "c++", *flags, "-c", "main.cpp", "-o", "main.o")
    objects = [str(tmp_path / name) for name in ("sketch.o", "main.o")]
    image = _linked(exported, tmp_path, processor, ["../src/snn.c", "../src/program.c"], objects)
    assert image_sizes(image).flash > 1000


@pytest.mark.parametrize("processor", ["m0", "m4"])
def test_the_zephyr_application_compiles_and_links(processor, exported, tmp_path):
    (tmp_path / "zephyr").mkdir()
    (tmp_path / "zephyr" / "kernel.h").write_text(ZEPHYR)
    (tmp_path / "kernel.c").write_text(KERNEL)
    listed = (exported / "zephyr" / "CMakeLists.txt").read_text().split("target_sources(app PRIVATE ")[1].split(")")[0]
    sources = [str(exported / "zephyr" / name) for name in listed.split()]
    image = _linked(exported, tmp_path, processor, [*sources, str(tmp_path / "kernel.c")], [])
    assert image_sizes(image).flash > 1000
