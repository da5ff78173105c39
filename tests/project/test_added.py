"""Another package adds a chip, an exporter, an executor, a dialect and prices; nothing of ours is replaced."""

import json
import os
import shutil
import site
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import numpy as np
import pytest

import sim.plugins
from exporters.registry import EXPORTERS, export, format_names
from sim.engines import run
from sim.errors import InputError
from snn2hw.chips.target import TARGETS, get_target, target_names
from snn2hw.commands import main
from snn2hw.costs.price_files import TABLES, get_table, table_names
from snn2hw.sources.from_nir.dialects import dialect_names, dialect_of
from snn2hw.verification.executors import executor_names, find_executor
from tests.exporters.small import small_program
from tests.project.wrong_uses import write_files

ADDED = Path(__file__).parents[1] / "fixtures" / "added"
ENTRIES = (ADDED / "pyproject.toml").read_text(encoding="utf-8")


def _metadata(folder, name, groups):
    """Write what an installed package leaves behind."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"[{group}]\n{entry} = {value}\n" for group, entry, value in groups]
    (info / "entry_points.txt").write_text("\n".join(lines))


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install the package of the fixtures, or others, for as long as a test runs."""

    def add(*groups, name="tiny-chips"):
        (tmp_path / name).mkdir()
        _metadata(tmp_path / name, name, groups)
        monkeypatch.syspath_prepend(str(tmp_path / name))
        monkeypatch.syspath_prepend(str(ADDED))
        sim.plugins._found.cache_clear()

    yield add
    sim.plugins._found.cache_clear()


ALL = (
    ("snn2hw.chips", "tinychip", "tiny_chips:CHIP"),
    ("snn2hw.prices", "tinyprices", "tiny_chips:PRICES"),
    ("snn2hw.exporters", "listing", "tiny_chips.to_listing"),
    ("snn2hw.executors", "stepwise", "tiny_chips.stepwise:execute"),
    ("snn2hw.dialects", "tinyframe", "tiny_chips.dialect:TINYFRAME"),
)


def test_the_package_says_in_its_project_file_what_the_tests_install():
    for group, name, value in ALL:
        assert f'[project.entry-points."{group}"]\n{name} = "{value}"\n' in ENTRIES


def test_each_name_is_known_and_does_what_it_says(installed, tmp_path):
    installed(*ALL)
    assert target_names() == (*TARGETS, "tinychip")
    assert get_target("tinychip").title == "A tiny chip"
    assert table_names() == (*TABLES, "tinyprices")
    assert get_table("tinyprices").prices["synop"].amount == 2.0
    assert dialect_names()[-1] == "tinyframe"
    assert dialect_of("tinyframe").reset == "subtract"
    assert executor_names()[-1] == "stepwise"
    program = small_program()
    raster = np.ones((1, 3, *program.input.shape), dtype=np.uint8)
    got = find_executor("stepwise")(program, raster, timeout_s=60)
    assert (got.output == run(program, raster).output).all()
    assert format_names() == (*EXPORTERS, "listing")
    artifact = export(program, to="listing", folder=tmp_path / "out")
    assert (tmp_path / "out" / "listing.txt").read_text().splitlines()[0] == program.digest
    assert artifact.files == ("listing.txt",)


def test_without_the_package_each_name_is_refused(tmp_path):
    for refused in (get_target, get_table, dialect_of, find_executor):
        with pytest.raises(InputError, match="tiny"):
            refused("tiny")


def test_what_no_package_adds_cannot_be_loaded():
    with pytest.raises(InputError, match=r"no package adds 'nothing'"):
        sim.plugins.load_added("snn2hw.chips", "nothing")


def test_a_package_replaces_nothing_of_ours(installed):
    installed(("snn2hw.chips", "loihi1", "tiny_chips:CHIP"), ("snn2hw.exporters", "c", "tiny_chips.to_listing"))
    assert get_target("loihi1").title == "Intel Loihi 1"
    assert target_names() == TARGETS
    assert format_names() == tuple(EXPORTERS)


def test_two_packages_of_one_name_are_refused_with_both(installed):
    installed(ALL[0])
    installed(("snn2hw.chips", "tinychip", "tiny_chips:PRICES"), name="other-chips")
    with pytest.raises(InputError, match=r"tiny_chips:CHIP and tiny_chips:PRICES.*uninstall one"):
        get_target("tinychip")


def test_a_package_that_cannot_be_loaded_is_named(installed):
    installed(("snn2hw.chips", "tinychip", "tiny_chips:NOTHING"))
    with pytest.raises(InputError, match=r"'tinychip' cannot be loaded from tiny_chips:NOTHING"):
        get_target("tinychip")


@pytest.mark.full
def test_the_package_installed_by_pip_serves_every_command(tmp_path):
    """In an environment of its own, which borrows everything else from this one."""
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    home = sysconfig.get_path("purelib", vars={"base": str(tmp_path / "env")})
    borrowed = [str(Path(__file__).parents[2]), *site.getsitepackages(), *filter(os.path.isdir, sys.path)]
    (Path(home) / "borrowed.pth").write_text("\n".join(dict.fromkeys(borrowed)) + "\n")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target", home]
    shutil.copytree(ADDED, tmp_path / "source")  # what builds it leaves things beside it
    subprocess.run([*pip, str(tmp_path / "source")], check=True, capture_output=True)
    write_files(tmp_path)

    def said(words):
        done = subprocess.run(
            [str(python), "-m", "snn2hw", *words.split(), "--json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    assert said("verify p.nir --input x.npz --against stepwise")["equal"] is True
    assert said("export p.nir --to listing -o out")["files"] == ["listing.txt"]
    assert said("check net.nir --dt 1e-3 --dialect tinyframe --target tinychip")["dialect"] == "tinyframe"
    assert said("energy p.nir --input x.npz --tables tinyprices")["snn"][0]["table"] == "tinyprices"
    assert "tinychip" in said("doctor")["chips"]


def test_help_lists_what_is_added(installed, capsys):
    installed(*ALL)
    assert main(["help", "exporters"]) == 0
    assert "listing   A Program as a text file that names its populations" in capsys.readouterr().out
