"""The pages' exports in the frameworks themselves, where an environment of theirs is there: what they write, we read.

Made by ``python3 -m venv .venv-frameworks && .venv-frameworks/bin/pip install -r tests/fixtures/frameworks.txt``;
SNN2HW_FRAMEWORKS names another interpreter. What that environment lacks is skipped by its name.
"""

import os
import subprocess
from pathlib import Path

import pytest

import snn2hw as sw
from tests.project.pages import blocks
from tests.project.test_pages import PAGES

ROOT = Path(__file__).parents[2]
PYTHON = Path(os.environ.get("SNN2HW_FRAMEWORKS", ROOT / ".venv-frameworks" / "bin" / "python"))
WRITTEN = """
import nir
if "graph" in globals():
    nir.write("exported.nir", graph)
"""
READ = {"rockpool": {"dt": 1e-3}, "spyx": {"dt": 1e-3}}
"""How a page reads what its block has written, beyond the dialect of its name."""
NEEDING = [page for page in PAGES if any(block.option("needs") == page.stem for block in blocks(page))]


def ran(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PYTHON, "-c", code], cwd=folder, capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.parametrize("page", NEEDING, ids=lambda page: page.stem)
def test_what_a_framework_exports_is_read(page, tmp_path):
    if not PYTHON.exists():
        pytest.skip(f"no environment of the frameworks ({PYTHON.name} of .venv-frameworks, or SNN2HW_FRAMEWORKS)")
    missing = ran(f"import importlib.util as u; raise SystemExit(u.find_spec({page.stem!r}) is None)", tmp_path)
    if missing.returncode:
        pytest.skip(f"the environment of the frameworks lacks {page.stem}")
    code = "\n".join(block.text for block in blocks(page) if block.option("needs"))
    done = ran(code + WRITTEN, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    if not (tmp_path / "exported.nir").exists():
        assert "graph =" not in code
        return
    source = sw.from_nir(tmp_path / "exported.nir", dialect=page.stem, **READ.get(page.stem, {}))
    assert not any("cannot" in str(problem) for problem in sw.check(source, target="loihi2")), sw.check(
        source, "loihi2"
    )


def test_the_pages_of_five_frameworks_export():
    assert {page.stem for page in NEEDING} >= {"rockpool", "sinabs", "snntorch", "spikingjelly", "spyx"}
