"""The tutorial as it stands, in an environment with nothing else, against a clock: every line of shell in it."""

import shutil
import subprocess
import sys
import time

import pytest

from tests.project.pages import DOCS, blocks
from tests.project.test_wheel import _sources

TEN_MINUTES = 600


@pytest.mark.full
def test_the_tutorial_takes_less_than_ten_minutes_on_a_clean_environment(tmp_path):
    """In a copy of what git tracks, with a Python of its own; the python3 of the page is the one that runs this."""
    clone = _sources(tmp_path / "clone")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python3").symlink_to(sys._base_executable)
    script = ["set -e", f"export PATH={tools}:/usr/bin:/bin"]
    for number, block in enumerate(blocks(DOCS / "tutorial.md")):
        if block.kind == "sh":
            script.append(block.text)
        elif block.option("file"):
            (clone / block.option("file")).write_text(block.text, encoding="utf-8")
        else:
            (clone / f"block{number}.py").write_text(block.text, encoding="utf-8")
            script.append(f"python block{number}.py")
    began = time.monotonic()
    done = subprocess.run(
        [str(shutil.which("bash")), "-c", "\n".join(script)], cwd=clone, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert time.monotonic() - began < TEN_MINUTES
    said = done.stdout
    assert "no problem found" in said
    assert said.count("\nequal\n") == 2
    assert "both do the same task" in said
    for name in ("report.html", "four.html"):
        assert (clone / name).stat().st_size < 3_000_000
