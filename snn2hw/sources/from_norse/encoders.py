"""What makes spikes of an image before the first layer runs on the host: the network behind it is what is read.

What an encoder returns becomes the input of the network, step by step; the Source's notes name the encoder.
"""

from types import CodeType
from typing import Literal

from norse.torch.functional import encode
from torch import Tensor

from snn2hw.sources.expression.values import Constant, HeldInput, InputStep, Noise, Value, latest, parts
from snn2hw.sources.from_norse.tracer import BATCH, RANDOM_FACTORIES, Call, Rule, Tag, Tracer

__all__ = ["ENCODING", "RANDOM", "encoded", "is_of_inputs"]

Makes = Literal["all steps", "one step", "one image"]

ENCODING: dict[CodeType, Makes] = {
    encode.constant_current_lif_encode.__code__: "all steps",
    encode.poisson_encode.__code__: "all steps",
    encode.signed_poisson_encode.__code__: "all steps",
    encode.spike_latency_lif_encode.__code__: "all steps",
    encode.spike_latency_encode.__code__: "all steps",
    encode.poisson_encode_step.__code__: "one step",
    encode.signed_poisson_encode_step.__code__: "one step",
    encode.population_encode.__code__: "one image",
}
"""What Norse's encoding functions make, by the code that runs when they are called."""


def is_of_inputs(value: Value) -> bool:
    """Return whether a value is made of the network's input and constants alone."""
    if isinstance(value, InputStep | HeldInput | Constant):
        return True
    return bool(parts(value)) and all(map(is_of_inputs, parts(value)))


def encoded(rec: Tracer, call: Call, makes: Makes) -> None:
    """Say that what an encoder returned is an input of the network."""
    tag = next((tag for tag in map(rec.tag, call.args) if tag), None)
    if tag is None or not isinstance(call.out, Tensor):
        return
    if not all(map(is_of_inputs, tag.values)):
        rec.unknown(call, f"{call.name} encodes a signal of the network", "encode the input alone, on the host")
    elif makes == "all steps" and tag.lead != "B" and call.name != "spike_latency_encode":
        fix = 'give the encoder one image per sample: layout="static"'
        rec.unknown(call, f"{call.name} reads an image and gets all steps", fix, doubtful=True)
    else:
        _attach(rec, call, tag, makes)


def _attach(rec: Tracer, call: Call, tag: Tag, makes: Makes) -> None:
    before = next((v.encoder for v in tag.values if isinstance(v, InputStep) and v.encoder), "")
    name = f"{before}, then {call.name}" if before else f"{call.name} of {rec.where()}"
    lead = "TB" if makes == "all steps" else tag.lead
    shape = tuple(call.out.shape[len(lead) :])
    if makes == "one image":
        values: tuple[Value, ...] = (HeldInput(shape),) if lead == "B" else ()
    elif makes == "all steps":
        values = tuple(InputStep(t, shape, name) for t in range(call.out.shape[0]))
    else:
        time = latest(tag.values[0])
        step = rec.encoded[name] = rec.encoded.get(name, -1) + 1
        values = (InputStep(step if time is None else time, shape, name),)
    rec.attach(call.out, Tag(values, lead))


def _compared(rec: Tracer, call: Call) -> object:
    """``rand() < x`` is a spike with probability x: an encoder written by hand."""
    tags = [tag for tag in map(rec.tag, call.args[:2]) if tag]
    random = [tag for tag in tags if all(isinstance(v, Noise) for v in tag.values)]
    signals = [tag for tag in tags if tag not in random]
    if len(random) == len(signals) == 1 and all(is_of_inputs(v) for tag in signals for v in tag.values):
        given = Call("random draw", call.args, call.kwargs, call.out)
        makes: Makes = "all steps" if random[0].lead == "TB" and signals[0].lead == "B" else "one step"
        _attach(rec, given, signals[0], makes)
    elif random:
        fix = "draw random numbers on the host and feed them as input"
        rec.unknown(call, f"{call.name} of random numbers that differ in every call", fix)
    else:
        rec.unknown(call, f"{call.name} is not an operation of a spiking network")
    return None


def _drawn(rec: Tracer, call: Call) -> None:
    """``bernoulli(x)`` is a spike with probability x."""
    tag = rec.tag(call.args[0])
    if tag is not None and tag.lead == "B" and all(map(is_of_inputs, tag.values)):
        _attach(rec, Call("bernoulli", call.args, call.kwargs, call.out), tag, "one step")
    else:
        rec.unknown(call, "bernoulli draws spikes inside the network")


def _random(rec: Tracer, call: Call) -> None:
    """Random numbers differ in every call: they may be added to a signal, or compared with the input."""
    shape, where = tuple(call.out.shape), rec.where()
    if shape[:1] == (BATCH,):
        rec.attach(call.out, Tag((Noise(where, shape[1:]),)))
    elif shape[1:2] == (BATCH,):
        rec.attach(call.out, Tag((Noise(where, shape[2:]),) * shape[0], "TB"))
    else:
        rec.attach(call.out, Tag((Noise(where, shape),), ""))


RANDOM: dict[str, Rule] = {
    **dict.fromkeys((*RANDOM_FACTORIES, "rand_like", "randn_like"), _random),
    **dict.fromkeys(("lt", "gt", "le", "ge", "__lt__", "__gt__", "__le__", "__ge__"), _compared),
    "bernoulli": _drawn,
}
"""Rules for random numbers, by the torch function's name."""
