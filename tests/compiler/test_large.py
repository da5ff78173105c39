"""Ten million synapses compile within a minute and four gigabytes, and the user sees how far it is."""

import json
import subprocess
import sys

import pytest

SECONDS, BYTES = 60, 4 << 30

SCRIPT = """
import json, resource, sys
import nir
import numpy as np
from snn2hw.compiler.checker import check_certificate
from snn2hw.compiler.compile import compile_source
from tests.compiler.networks import Builder, lif, readout

rng = np.random.default_rng(0)
sizes = (2000, 2500, 2000, 10)
b = Builder(rng)
last = b.add("input", nir.Input(np.array([sizes[0]])))
for i in range(1, len(sizes)):
    fc = b.add(f"fc{i}", nir.Linear(b.normal(sizes[i], sizes[i - 1], scale=20 / sizes[i - 1] ** 0.5)), last)
    last = b.add(f"layer{i}", lif() if i < len(sizes) - 1 else readout(), fc)
source = b.source(last)
data = (rng.random((32, 20, sizes[0])) < 0.2).astype(np.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
told = []
compiled = compile_source(source, "loihi1", data, weight_bits=int(sys.argv[1]), progress=lambda *row: told.append(row))
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "seconds": used.ru_utime - before,
    "bytes": used.ru_maxrss * 1024,
    "told": told,
    "synapses": sum(c.wiring.weight.size for p in compiled.program.populations for c in p.inputs),
    "sqnr_db": [q for made in compiled.layers for q in made.sqnr_db],
    "faults": check_certificate(compiled.program, compiled.certificate.to_json()),
}))
"""


@pytest.mark.full
@pytest.mark.parametrize("bits", [8, 4])
def test_ten_million_synapses_take_less_than_a_minute_and_four_gigabytes(bits):
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(bits)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["synapses"] > 10_000_000
    assert found["faults"] == []
    assert found["seconds"] < SECONDS
    assert found["bytes"] < BYTES
    assert {stage for stage, _, _ in found["told"]} == {"calibrate", "quantize", "certify"}
    assert min(found["sqnr_db"]) > 6 * bits - 18
