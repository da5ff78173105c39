"""Options of the command line: one default with the library's function, and a slip is answered with what was meant."""

import argparse
import subprocess
import sys
from importlib import import_module
from inspect import signature
from pathlib import Path

import pytest

from snn2hw.commands import COMMANDS, main

ROOT = Path(__file__).parents[2]
SAME = [
    ("compile", "target", "snn2hw.compiler.compile:compile", "target"),
    ("compile", "weight_bits", "snn2hw.compiler.compile:compile", "weight_bits"),
    ("compile", "scale", "snn2hw.compiler.compile:compile", "scale"),
    ("compile", "method", "snn2hw.compiler.options:Options", "method"),
    ("compile", "per", "snn2hw.compiler.options:Options", "per"),
    ("compile", "bias", "snn2hw.compiler.options:Options", "bias"),
    ("compile", "budget", "snn2hw.compiler.mixed:fewest_bits", "budget"),
    ("compile", "decoder", "snn2hw.compiler.mixed:fewest_bits", "decoder"),
    ("tune", "target", "snn2hw.train.tuning.tune:tune", "target"),
    ("tune", "weight_bits", "snn2hw.train.tuning.tune:TuneOptions", "weight_bits"),
    ("convert", "neuron", "snn2hw.conversion:convert", "neuron"),
    ("convert", "reset", "snn2hw.conversion:convert", "reset"),
    ("convert", "percentile", "snn2hw.conversion:convert", "percentile"),
    ("convert", "leak_steps", "snn2hw.conversion:convert", "leak_steps"),
    ("convert", "dt", "snn2hw.conversion:convert", "dt"),
    ("convert", "steps", "snn2hw.conversion.judge:judge", "steps"),
    ("verify", "timeout", "snn2hw.verification:verify", "timeout_s"),
    ("run", "engine", "sim.engines:run", "engine"),
    ("energy", "engine", "snn2hw.costs.energy:energy", "engine"),
    ("energy", "confidence", "snn2hw.costs.energy:energy", "confidence"),
]


def _parser(verb):
    parser = argparse.ArgumentParser()
    import_module(COMMANDS[verb].module).configure(parser)
    return parser


@pytest.mark.parametrize(("verb", "option", "place", "parameter"), SAME, ids=lambda value: str(value))
def test_an_option_has_the_default_of_its_function(verb, option, place, parameter):
    module, name = place.split(":")
    default = signature(getattr(import_module(module), name)).parameters[parameter].default
    assert _parser(verb).get_default(option) == default


@pytest.mark.parametrize("verb", COMMANDS)
def test_help_names_the_default_of_every_option_that_has_one(verb):
    for action in _parser(verb)._actions:
        given = action.default not in (None, False, argparse.SUPPRESS, []) and not isinstance(action.default, Path)
        if given and action.option_strings:
            assert "(default: " in str(action.help), f"{verb} {action.option_strings[0]}: {action.help}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "p.nir", "--inptu", "x.npz"], "there is no option '--inptu'  fix: did you mean '--input'?"),
        (["verify", "p.nir", "--agianst=c"], "there is no option '--agianst'  fix: did you mean '--against'?"),
        (["export", "p.nir", "--nothing-like-it"], "there is no option '--nothing-like-it'  fix: see: --help"),
        (["check", "n.nir", "--target", "loihi3"], "fixed (did you mean 'loihi2'?)"),
        (["check", "n.nir", "--dialect", "snntroch"], "(did you mean 'snntorch'?)"),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if words[0] == "check":
        pytest.importorskip("nir")
        _write_network(tmp_path / "n.nir")
        words = [*words, "--dt", "0.001"]
    assert main(words) == 2
    assert said in capsys.readouterr().err


def _write_network(path):
    import nir
    import numpy as np

    ones = np.ones(2)
    lif = nir.LIF(tau=ones * 0.01, r=ones, v_leak=ones * 0, v_threshold=ones)
    ends = {"input": nir.Input({"input": np.array([2])}), "output": nir.Output({"output": np.array([2])})}
    edges = [("input", "fc"), ("fc", "lif"), ("lif", "output")]
    nir.write(path, nir.NIRGraph({**ends, "fc": nir.Linear(np.eye(2)), "lif": lif}, edges))


@pytest.mark.parametrize(("package", "extra"), [("torch", "train"), ("norse", "train"), ("matplotlib", "plot")])
def test_a_missing_package_is_answered_with_the_extra_that_installs_it(package, extra, tmp_path):
    (tmp_path / "wanting.py").write_text(
        f"def configure(parser): pass\ndef execute(args, reply):\n    import {package}\n"
    )
    code = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(tmp_path)!r}]; sys.modules[{package!r}] = None\n"
        "from snn2hw.commands import COMMANDS, Command, main\n"
        "COMMANDS['want'] = Command('wanting', '')\n"
        "sys.exit(main(['want']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    said = f'snn2hw want: this needs {package}, which is not installed  fix: pip install "snn2hw[{extra}]"\n'
    assert (done.returncode, done.stderr) == (2, said)


def test_every_optional_package_is_in_the_extra_that_is_named():
    import tomllib

    from sim.cures import EXTRAS

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for package, extra in EXTRAS.items():
        distributed = {"PIL": "pillow"}.get(package, package.replace("_", "-"))  # the one of another name
        assert any(wanted.startswith(distributed) for wanted in extras[extra]), package
