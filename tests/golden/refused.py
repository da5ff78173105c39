"""Networks that cannot be compiled, or not for every chip: what `sw.check`, or the reader, says of each."""

from collections.abc import Callable
from functools import partial

import nir
import numpy as np

import snn2hw as sw
from tests.golden import inside
from tests.golden.formulas import Formula, fill, numbers
from tests.golden.sources import through_file
from tests.sources.nir_nets import DT, FIXTURES, chain, cuba, full, lif, recorded, source

__all__ = ["REFUSED", "said_of"]


def _recorded(case: str):
    return through_file(recorded(case).file, **recorded(case).how)


def _chain(*nodes, size=2, **how):
    return source(chain(*nodes, shape=(size,)), **how)


def _several():
    readout = nir.LI(*full(2, 0.01, 1, 0))
    nodes = (lif(2, tau=DT / 2), lif(2), lif(2, v_threshold=-0.5), cuba(2, r=-1.0), readout, lif(2))
    return _chain(*nodes, semantics=inside.Semantics(spikes_per_step="many", fires_at=">="))


def _long_delay():
    return _chain(nir.Delay(np.full(2, 100 * DT)), nir.Linear(np.eye(2)), lif(2), reset="subtract")


def _ring():
    nodes = {"input": nir.Input(np.array([2])), "a": lif(2), "b": lif(2), "output": nir.Output(None)}
    edges = [("input", "a"), ("input", "b"), ("a", "b"), ("b", "a"), ("b", "output")]
    return source(sw.from_nir(nir.NIRGraph(nodes, edges, type_check=False), dt=DT).graph)


def _dialect(dialect: str, **how):
    return sw.from_nir(chain(lif(2), shape=(2,)), dialect=dialect, **how)


def _unknown_modules():
    import norse.torch as norse
    from torch import nn

    module = norse.SequentialState(nn.Linear(4, 3), norse.LSNNCell(), nn.Softmax(-1))
    return sw.from_norse(fill(module, 1), (4,))


def _relus():
    from torch import nn

    return sw.from_norse(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), (4,))


def _maximum_of_rates():
    from torch import nn

    ann = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2), nn.Sigmoid())
    return sw.convert(sw.read_ann(fill(ann, 2), (1, 6, 6)), numbers((4, 1, 6, 6), 1)).source


def _zoo(name: str):
    from tests.sources.norse_zoo import ZOO

    case = ZOO[name](Formula(5))
    return sw.from_norse(fill(case.module, 3), case.shape, layout=case.layout)


REFUSED: dict[str, tuple[Callable, str | None]] = {
    "several problems at once": (_several, None),
    "a long delay, subtracting, on Loihi 1": (_long_delay, "loihi1"),
    "a long delay, subtracting, on Loihi 2": (_long_delay, "loihi2"),
    "a long delay, subtracting, on no chip": (_long_delay, "fixed"),
    "a ring": (_ring, None),
    "tau of zero": (partial(_chain, lif(2, tau=0.0), cuba(2, tau_syn=0.0)), None),
    "a reset above the threshold": (partial(_chain, lif(2, v_reset=0.5)), None),
    "a threshold below zero": (partial(_chain, nir.Linear(np.eye(2)), nir.Threshold(np.full(2, -0.5))), None),
    "four axes": (lambda: source(chain(lif((2, 2, 2, 2)), shape=(2, 2, 2, 2))), None),
    "sinabs": (partial(_recorded, "sinabs/iaf"), "loihi2"),
    "sinabs convolutional": (partial(_recorded, "sinabs/conv"), None),
    "rockpool": (partial(_recorded, "rockpool/lif"), None),
    "spyx": (partial(_recorded, "spyx/rcubalif"), None),
    "snntorch, reset now": (partial(_recorded, "snntorch/leaky_subtract_now"), None),
    "snntorch, dead step": (partial(_recorded, "snntorch/synaptic_zero"), None),
    "snntorch on Loihi 1": (partial(_recorded, "snntorch/leaky_subtract"), "loihi1"),
    "a subtracting cell on Loihi 1": (partial(_zoo, "nested sequences"), "loihi1"),
    "no time step": (partial(_dialect, "nir"), None),
    "another dialect": (partial(_dialect, "snntorch"), None),
    "no dialect": (partial(_dialect, "brian", dt=DT), None),
    "unknown modules": (_unknown_modules, None),
    "no neurons": (_relus, None),
    "a maximum of rates": (_maximum_of_rates, None),
    "nothing wrong": (partial(sw.from_nir, FIXTURES / "trained" / "fsdd_hardware_direct.nir"), "loihi1"),
}
"""What it is to the function that makes it, and the chip that it is checked for."""


def said_of(name: str) -> list[str]:
    """Return every problem as the line that a user sees."""
    make, target = REFUSED[name]
    try:
        return [str(problem) for problem in sw.check(make(), target)]
    except inside.ProblemsError as error:
        return [error.origin, *map(str, error.problems)]
    except sw.Snn2hwError as error:
        return [str(error)]
