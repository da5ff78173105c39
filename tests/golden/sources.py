"""Small float networks of every kind that snn2hw reads, each the same wherever and whenever it is made.

Norse modules and NIR graphs have the shapes of the other tests' networks and weights from formulas; graphs that other
frameworks exported are those recorded in tests/fixtures; the checkpoint lies in this folder.
"""

import tempfile
import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import nir
import numpy as np

import snn2hw as sw
from tests.compiler import networks
from tests.golden import inside
from tests.golden.formulas import Formula, fill, numbers
from tests.sources.nir_nets import DT, FIXTURES, chain, cuba, file_of, full, lif, recorded, source

__all__ = ["CHECKPOINT", "SOURCES", "source_of", "through_file", "write_checkpoint"]

HERE = Path(__file__).parent
CHECKPOINT = HERE / "checkpoint.pt"
GAINS = {"SCNN": 1 / 8, "BatchNorm2d": 1 / 2, "MaxPool2d": 1 / 2, "constants": 1 / 2, "Lift": 1 / 4}
NORSE_NAMES = (
    "LIFCell",
    "LIFCell defaults",
    "LIFCell per neuron",
    "LIFCell two dts",
    "LIFCell custom start",
    "LIFBoxCell",
    "LIFBoxCell subtract",
    "LIFBoxCell per channel",
    "LIFRecurrentCell",
    "LICell",
    "LIBoxCell",
    "IAFCell",
    "LILinearCell",
    "LIFRecurrent",
    "Conv2d stride and padding",
    "Conv2d groups",
    "Conv1d stride, groups, same",
    "BatchNorm2d",
    "BatchNorm1d",
    "AvgPool2d",
    "MaxPool2d",
    "MaxPool1d",
    "Flatten, Dropout, Identity",
    "SCNN",
    "residual",
    "feedback by hand",
    "delays by hand",
    "constants",
    "learnable",
    "two states",
    "Lift",
    "mixed neurons",
)
RECORDED = (
    "snntorch/leaky_subtract",
    "snntorch/leaky_zero",
    "snntorch/leaky_zero_now",
    "snntorch/leaky_ties",
    "snntorch/rleaky_subtract",
    "snntorch/rleaky_one_to_one",
    "snntorch/synaptic_subtract",
    "snntorch/rsynaptic_subtract",
    "snntorch/conv",
    "spikingjelly/lif",
    "spikingjelly/if",
    "spikingjelly/cubalif",
    "spikingjelly/plif",
    "spikingjelly/ties",
    "spikingjelly/conv",
)


def _norse(name: str):
    from tests.sources.norse_zoo import ZOO

    case = ZOO[name](Formula(5))
    fill(case.module, 3, GAINS.get(name, 1.0))
    return sw.from_norse(case.module, case.shape, layout=case.layout)


def _recorded(case: str):
    return through_file(recorded(case).file, **recorded(case).how)


def through_file(content: bytes, **how):
    """Return what `sw.from_nir` reads in a file of these bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.nir"
        path.write_bytes(content)
        return sw.from_nir(path, **how)


def _written(graph, **how):
    return through_file(file_of(graph), **how)


def _norse_export():
    """Return a graph with the faults of Norse's own exporter: dt * tau, w_in = 1, r = 1 of an IF."""
    faulty = nir.CubaLIF(*full(6, 5e-6, 1e-5, 1.0, 0.0, 0.4, 0.0, 1.0))
    spiking = nir.IF(*full(4, 1.0, 0.75, 0.0))
    first, second = nir.Affine(numbers((6, 5), 21, -0.5, 1.0), numbers(6, 22, 0, 0.25)), nir.Linear(numbers((4, 6), 23))
    return _written(chain(first, faulty, second, spiking, shape=(5,)), dt=DT, dialect="norse")


def _exponential():
    nodes = (nir.Linear(numbers((7, 5), 31, -0.5, 1.0)), cuba(7), nir.Linear(numbers((3, 7), 32)), lif(3))
    return _written(chain(*nodes, shape=(5,)), dt=DT, scheme="exponential")


def _lava():
    return _written(chain(nir.Linear(numbers((5, 6), 33, -0.5, 1.5)), lif(5), shape=(6,)), dt=DT, dialect="lava-dl")


def _pooled():
    """Scale, convolution, average pool, neurons, a pool of spikes behind an OR, a dense readout."""
    nodes = (
        nir.Scale(np.full((2, 9, 8), 4.0)),
        nir.Conv2d(None, numbers((3, 2, 2, 3), 41, -0.5, 1.0), (1, 1), (0, 1), 1, 1, numbers(3, 42, 0, 0.25)),
        nir.AvgPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        lif(3),
        nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        nir.Threshold(np.array([0.5])),
        nir.Flatten(None, 0, -1),
        nir.Affine(numbers((4, 12), 43), numbers(4, 44)),
        nir.LI(*full(4, 0.02, 1.0, 0.25)),
    )
    return source(chain(*nodes, shape=(2, 9, 8)))


def _signals():
    """Two one-dimensional convolutions, the second with groups, stride and dilation."""
    first = nir.Conv1d(None, numbers((4, 2, 3), 51, -1.0, 2.0), 1, 1, 1, 1, numbers(4, 52, 0, 0.25))
    second = nir.Conv1d(None, numbers((4, 2, 3), 53, -1.0, 2.0), 2, 0, 2, 2, numbers(4, 54))
    return source(chain(first, lif(4), second, cuba(4), shape=(2, 15)))


def _delayed():
    """A delay of four steps, of spikes that a loop has shaped, beside a skip without."""
    nodes = {
        "input": nir.Input(np.array([4])),
        "in": nir.Linear(numbers((6, 4), 61, -0.5, 1.5)),
        "cell": cuba(6),
        "loop": nir.Affine(numbers((6, 6), 62, -0.75, 0.5), numbers(6, 63, 0, 0.25)),
        "late": nir.Delay(np.full(6, 4 * DT)),
        "behind": nir.Affine(numbers((3, 6), 64, -0.5, 1.5), numbers(3, 65, 0, 0.5)),
        "skip": nir.Linear(numbers((3, 4), 66)),
        "out": lif(3, v_leak=0.125, v_reset=-0.25),
        "output": nir.Output(None),
    }
    edges = [("input", "in"), ("in", "cell"), ("cell", "loop"), ("loop", "cell"), ("cell", "late"), ("late", "behind")]
    edges += [("behind", "out"), ("input", "skip"), ("skip", "out"), ("out", "output")]
    return sw.from_nir(nir.NIRGraph(nodes, edges, type_check=False), dt=DT)


def _delay_per_neuron():
    late = nir.Delay(DT * np.array([1.0, 3.0, 0.0, 3.0, 2.0]))
    nodes = (late, nir.Affine(numbers((4, 5), 67, -0.5, 1.5), numbers(4, 68, 0, 0.25)), cuba(4))
    return source(chain(*nodes, shape=(5,)))


def _slow_leak():
    """Leak in half a second with small numbers, where rounding leaks as much as the register does."""
    nodes = (nir.Linear(numbers((6, 5), 69, -0.75, 1.0)), lif(6, tau=0.5, r=500.0, v_threshold=3.0))
    return source(chain(*nodes, shape=(5,)))


def _registers():
    """Return a network whose weights and thresholds are register values of Loihi already, for ``scale=1``."""
    share = {"tau": DT * 4096 / 512, "r": 4096 / 512}
    even = np.rint(numbers((6, 5), 71, -60, 90)) * 2
    nodes = (nir.Linear(even), lif(6, v_threshold=150.0, **share), nir.Linear(np.rint(numbers((3, 6), 72, 1, 80))))
    return source(chain(*nodes, lif(3, v_threshold=90.0, **share), shape=(5,)))


def _register_biases():
    """Return register values with biases: of a leak towards 80, of an affine map, behind a synaptic filter."""
    share, whole = {"tau": DT * 4096 / 512, "r": 4096 / 512}, {"tau_mem": DT * 8, "r": 8.0, "tau_syn": DT * 4}
    first = nir.Affine(np.rint(numbers((6, 5), 73, -60, 90)) * 2, np.rint(numbers(6, 74, -20, 40)))
    second = nir.Affine(np.rint(numbers((3, 6), 75, -60, 70)) * 2, np.rint(numbers(3, 76, 1, 40)))
    leaky = lif(6, v_threshold=150.0, v_leak=80.0, **share)
    return source(chain(first, leaky, second, cuba(3, v_threshold=200.0, w_in=4.0, **whole), shape=(5,)))


def _samples(shape, seed: int = 81):
    return numbers((24, *shape), seed, 0.0, 1.0)


def _torch_cnn():
    from torch import nn

    layers = (nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(4, 5, 3))
    ann = nn.Sequential(*layers, nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Dropout(), nn.Linear(5, 3)).eval()
    return fill(ann, 82)


def _converted(**options):
    return sw.convert(sw.read_ann(_torch_cnn(), (1, 8, 8)), _samples((1, 8, 8)), **options).source


def _onnx(**options):
    from tests.conversion.ann_zoo import Build, normed

    build = Build((2, 8, 8))
    build.rng = Formula(9)
    normed(build)
    with tempfile.TemporaryDirectory() as folder:
        ann = sw.read_ann(build.write(Path(folder) / "net.onnx"))
        return sw.convert(ann, _samples((2, 8, 8), 83), **options).source


def write_checkpoint(path: Path) -> None:
    """Write a finished run of `snn2hw train` as that verb writes it, with weights from a formula."""
    mel = inside.LogMel()
    recipe = inside.Recipe(layout=inside.Layout((inside.Stage(2, 3, 2, pool=True),), hidden=5), steps=6)
    low = tuple(-60.0 + band / 4 for band in range(mel.bands))
    scale = inside.Normaliser(low, tuple(value + 40.0 for value in low), recipe.levels)
    front = inside.FrontEnd(mel, scale, inside.encoder_of(recipe), recipe.decoder, ("no", "yes"))
    weights = fill(inside.build(recipe, 2), 91, 4.0).state_dict()
    values = {"recipe": inside.recipe_to(recipe), "weights": weights, "front": inside.to_json(front)}
    inside.write_checkpoint(path, values | {"accuracy": {"test": 0.5}})


def _random(build: Callable, **options):
    return build(Formula(options.pop("seed", 11)), **options)


def _plain(**options):
    return _random(networks.dense, bias=0.25, **options)


SOURCES: dict[str, Callable] = {
    **{f"norse/{name}": partial(_norse, name) for name in NORSE_NAMES},
    **{case: partial(_recorded, case) for case in RECORDED},
    "nir/norse export": _norse_export,
    "nir/exponential": _exponential,
    "nir/lava-dl": _lava,
    "nir/dense lif": _plain,
    "nir/dense cuba": partial(_plain, neuron=networks.cuba, seed=12),
    "nir/dense leak": partial(_plain, neuron=partial(networks.lif, 0.1, -0.2), seed=13),
    "nir/dense subtract": partial(_plain, reset="subtract", seed=14),
    "nir/dense fires at": partial(_plain, semantics=inside.Semantics("nir", fires_at=">="), seed=15),
    "nir/keyword spotter": partial(_random, networks.convolutional),
    "nir/recurrent": partial(_random, networks.recurrent),
    "nir/recurrent subtract": partial(_random, networks.recurrent, neuron=networks.lif, reset="subtract"),
    "nir/pooled": _pooled,
    "nir/signals": _signals,
    "nir/delayed": _delayed,
    "nir/delay per neuron": _delay_per_neuron,
    "nir/slow leak": _slow_leak,
    "nir/registers": _registers,
    "nir/register biases": _register_biases,
    "nir/trained": lambda: sw.from_nir(FIXTURES / "trained" / "fsdd_hardware_direct.nir"),
    "ann/torch": _converted,
    "ann/torch lif to zero": partial(_converted, neuron="lif", reset="value", percentile=99.0, leak_steps=64.0),
    "ann/onnx": _onnx,
    "ann/onnx per layer": partial(_onnx, per="layer"),
    "train/checkpoint": lambda: inside.load_source(str(CHECKPOINT)),
}
"""Name to the function that makes it."""


@cache
def source_of(name: str):
    """Return a source, made once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch and Norse call what torch has deprecated
        return SOURCES[name]()
