"""`snn2hw compile` as a user meets it."""

import json

import nir
import numpy as np
import pytest

from exporters.program_file import read_program_file
from sim.engines import run
from snn2hw.commands import main
from snn2hw.compiler.checker import check_certificate
from snn2hw.files.rasters import write_raster
from snn2hw.sources.from_nir import from_nir
from tests.compiler.networks import convolutional, raster


@pytest.fixture
def model(tmp_path):
    """Return a NIR file and a raster file beside it."""
    rng = np.random.default_rng(0)
    source = convolutional(rng)
    data = raster(source, rng)
    nir.write(tmp_path / "net.nir", source.graph)
    write_raster(tmp_path / "x.npz", data, np.arange(len(data)) % 4)
    return tmp_path


def _compile(folder, *options):
    common = ["compile", str(folder / "net.nir"), "--dt", "1e-3", "--data", str(folder / "x.npz")]
    return main([*common, "-o", str(folder / "p.nir"), *options])


def test_a_compiled_file_holds_program_certificate_and_report(model, capsys):
    assert _compile(model, "--weight-bits", "4") == 0
    written = read_program_file(model / "p.nir")
    certificate, report = written.attachments["certificate"], written.attachments["quantization"]
    assert check_certificate(written.program, certificate) == []
    assert report["digest"] == written.program.digest
    assert [row["name"] for row in report["rows"]] == ["lif1", "or", "lif2", "readout"]
    out = capsys.readouterr().out
    assert "no sum leaves the accumulator, no u wraps" in out
    assert "SQNR dB" in out
    assert written.program.digest[:12] in out


def test_the_file_is_what_the_library_makes(model):
    from snn2hw.compiler.compile import compile_source

    assert _compile(model) == 0
    with np.load(model / "x.npz") as arrays:
        data = arrays["spikes"]
    program = compile_source(from_nir(model / "net.nir", dt=1e-3), "loihi1", data).program
    written = read_program_file(model / "p.nir").program
    assert written.digest == program.digest
    np.testing.assert_array_equal(run(written, data).output, run(program, data).output)


def test_mixed_bits_are_listed_and_stored(model, capsys):
    assert _compile(model, "--weight-bits", "mixed", "--budget", "0.2", "--decoder", "max") == 0
    assert "weight bits, " in capsys.readouterr().out
    layers = read_program_file(model / "p.nir").program.record["weights"]["layers"]
    assert min(layers.values()) < 8


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--weight-bits", "9"], 2, "9 bits; Intel Loihi 1 has 2..8"),
        (["--weight-bits", "few"], 2, "'few' is no number of bits"),
        (["--scale", "-1"], 2, "'-1' is no scale"),
        (["--target", "loihi9"], 2, "target 'loihi9' is unknown"),
        (["--scale", "1"], 2, "is no whole number  fix: compile with scale='auto'"),
    ],
)
def test_a_mistake_is_one_message_and_writes_nothing(model, capsys, options, code, message):
    assert _compile(model, *options) == code
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (model / "p.nir").exists()


def test_what_the_machine_cannot_say_is_the_answer_no(model, capsys):
    assert _compile(model, "--dialect", "sinabs") == 1
    assert "several spikes in one step" in capsys.readouterr().err
    assert not (model / "p.nir").exists()


def test_without_data_there_is_a_certificate_and_no_report(model):
    assert main(["compile", str(model / "net.nir"), "--dt", "1e-3", "--steps", "9", "-o", str(model / "p.nir")]) == 0
    attachments = read_program_file(model / "p.nir").attachments
    assert json.loads(json.dumps(attachments))["certificate"]["steps"] == 9
    assert "quantization" not in attachments


def test_certify_checks_the_certificate_of_a_file_and_finds_a_forged_one(model, capsys):
    from exporters.program_file import write_program

    assert _compile(model) == 0
    capsys.readouterr()
    path = str(model / "p.nir")
    assert main(["certify", path]) == 0
    assert "every bound holds for messages 0..1, 40 steps" in capsys.readouterr().out
    assert main(["certify", path, "--steps", "7"]) == 0
    assert "7 steps" in capsys.readouterr().out
    written = read_program_file(model / "p.nir")
    forged = json.loads(json.dumps(written.attachments["certificate"]))
    forged["bounds"]["lif1"]["u"][1] -= 1
    write_program(written.program, model / "forged.nir", attachments={"certificate": forged})
    assert main(["certify", str(model / "forged.nir")]) == 1
    assert "population 'lif1': u is stated as" in capsys.readouterr().out
    write_program(written.program, model / "bare.nir")
    assert main(["certify", str(model / "bare.nir")]) == 2
    assert "carries no certificate" in capsys.readouterr().err


def test_without_data_the_output_says_that_nothing_was_calibrated(model, capsys):
    assert main(["compile", str(model / "net.nir"), "--dt", "1e-3", "-o", str(model / "q.nir")]) == 0
    assert "no --data: nothing was calibrated, input taken as 0..1\n" in capsys.readouterr().out
    assert _compile(model) == 0
    assert "no --data" not in capsys.readouterr().out
