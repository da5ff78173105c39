"""`snn2hw install-lava`: quick when there is nothing to do, and it removes nothing that is not an environment."""

import time
from pathlib import Path

import pytest

from exporters.lava import install as module
from exporters.lava.install import environment_folder, find_python, install
from sim.errors import InputError, ToolError
from snn2hw.commands import main


def test_the_second_time_takes_no_time(capsys):
    find_python()  # the first time was `make test`, or somebody's own command
    began = time.perf_counter()
    assert main(["install-lava"]) == 0
    assert time.perf_counter() - began < 2
    assert capsys.readouterr().err.strip().endswith("is ready")


def test_the_environment_is_beside_the_running_one_or_where_the_variable_says(monkeypatch, tmp_path):
    monkeypatch.delenv("SNN2HW_LAVA", raising=False)
    monkeypatch.setattr("sys.prefix", str(tmp_path / ".venv"))
    assert environment_folder() == tmp_path / ".venv-lava"
    monkeypatch.setenv("SNN2HW_LAVA", str(tmp_path / "elsewhere"))
    assert environment_folder() == tmp_path / "elsewhere"


def test_an_environment_of_another_version_is_not_used(monkeypatch):
    monkeypatch.setattr(module, "PINS", ("numpy==0.0",))
    with pytest.raises(ToolError, match=r"is not complete or not of this version  fix: type: snn2hw install-lava"):
        find_python()


def test_a_folder_that_is_no_environment_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="exists and is no virtual environment"):
        install(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "precious"


def test_a_failed_installation_is_one_error_and_not_taken_for_a_success(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(ToolError, match="lava-nc: making a virtual environment failed: exit code 1"):
        install(tmp_path / "env", say=lambda line: None)
    monkeypatch.setenv("SNN2HW_LAVA", str(tmp_path / "env"))
    with pytest.raises(ToolError, match="is missing"):
        find_python()


def test_everything_is_pinned():
    assert all(pin.count("==") == 1 for pin in (*module.LAVA, *module.PINS))
    assert Path(module.STANDALONE, "lava_shim.py").is_file()
