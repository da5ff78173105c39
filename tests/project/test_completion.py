"""A shell completes what the commands take: the scripts are run in the shells themselves."""

import shutil
import subprocess

import pytest

from snn2hw.commands import COMMANDS, main, parser_of

CASES = [
    ("pla", {"place"}),
    ("compile net.nir --meth", {"--method"}),
    ("compile net.nir --method ", {"kept", "max", "mse", "percentile"}),
    ("export p.nir --to on", {"onnx"}),
    ("doctor --j", {"--json"}),
    ("encode ", {"fsdd"}),
]


@pytest.fixture
def complete(tmp_path, capsys, monkeypatch):
    """Return a function that gives what a shell offers behind the words that were typed."""
    monkeypatch.chdir(tmp_path)

    def offered(shell, typed):
        if shutil.which(shell) is None:
            pytest.skip(f"{shell} is not installed")
        assert main(["completion", shell]) == 0
        script = tmp_path / f"snn2hw.{shell}"
        script.write_text(capsys.readouterr().out, encoding="utf-8")
        if shell == "fish":
            asked = f"source {script}; complete -C 'snn2hw {typed}'"
        else:
            words = " ".join(f"'{word}'" for word in ["snn2hw", *typed.split(" ")])
            asked = f". {script}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _snn2hw"
            asked += '; printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run([shell, "-c", asked], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        return {line.partition("\t")[0] for line in done.stdout.splitlines()}

    return offered


@pytest.mark.parametrize("shell", ["bash", "fish"])
@pytest.mark.parametrize(("typed", "wanted"), CASES)
def test_words_are_offered(complete, shell, typed, wanted):
    found = complete(shell, typed)
    assert wanted <= found
    assert typed.endswith(" ") or found == wanted


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_a_program_of_the_package_is_offered_beside_files(complete, tmp_path, shell):
    (tmp_path / "mine.nir").touch()
    assert {"zoo:digits", "mine.nir"} <= complete(shell, "run ")


def test_bash_completes_a_word_that_it_has_cut_at_its_colon(complete):
    assert "digits" in complete("bash", "run zoo : di")


def test_zsh_knows_every_command_and_option(tmp_path, capsys):
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    assert main(["completion", "zsh"]) == 0
    script = tmp_path / "_snn2hw"
    script.write_text(capsys.readouterr().out, encoding="utf-8")
    subprocess.run(["zsh", "-n", str(script)], check=True)
    lists = f"""
    compdef() {{ }}
    _files() {{ }}
    _describe() {{ print -rl -- "${{(@P)2}}" }}
    _arguments() {{ print -rl -- "$@" }}
    source {script}
    CURRENT=2 words=(snn2hw '')
    _snn2hw
    """
    done = subprocess.run(["zsh", "-fc", lists], capture_output=True, text=True, check=True)
    assert {line.partition(":")[0] for line in done.stdout.splitlines()} == set(COMMANDS)
    asked = lists.replace("CURRENT=2 words=(snn2hw '')", "CURRENT=3 words=(snn2hw compile '')")
    done = subprocess.run(["zsh", "-fc", asked], capture_output=True, text=True, check=True)
    flags = {flag for action in parser_of("compile")[0]._actions for flag in action.option_strings}
    assert {line.partition("[")[0] for line in done.stdout.splitlines() if line.startswith("-")} - {"-s"} == flags
