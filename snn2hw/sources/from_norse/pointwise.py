"""Rules for what happens to every element alone: sums, constant factors, copies, rectifiers."""

from typing import Any

import numpy as np
from torch import Tensor

from snn2hw.sources.expression.operations import Scale
from snn2hw.sources.expression.values import Applied, Constant, Value, total
from snn2hw.sources.from_norse.spikes import is_spikes
from snn2hw.sources.from_norse.tracer import KEEPS, Call, Rule, Tag, Tracer, numbers

__all__ = ["POINTWISE"]


def _factor(rec: Tracer, call: Call, tag: Tag, factor: Any) -> None:
    """``factor`` times the signal: one number, or numbers that spread over the signal's shape."""
    plain = rec.value(factor, tag, 0)
    if not isinstance(plain, Constant) or plain.shape != tag.shape:
        rec.unknown(call, "multiplies two signals" if rec.tag(factor) else "multiplies and changes the shape")
        return
    rec.apply(call, tag, Scale(plain.array))


def _multiply(rec: Tracer, call: Call) -> None:
    a, b = call.args[0], call.args[1] if len(call.args) > 1 else call.kwargs["other"]
    if (tag := rec.tag(a)) is not None:
        _factor(rec, call, tag, b)
    elif (tag := rec.tag(b)) is not None:
        _factor(rec, call, tag, a)


def _divide(rec: Tracer, call: Call) -> None:
    given = call.bind(input=None, other=None, rounding_mode=None)
    tag = rec.tag(given["input"])
    if tag is None or rec.tag(given["other"]) or given["rounding_mode"] is not None:
        rec.unknown(call, "divides by a signal, or rounds")
    else:
        _factor(rec, call, tag, 1.0 / numbers(given["other"]))


def _negate(rec: Tracer, call: Call) -> None:
    tag = rec.tag(call.args[0])
    if tag is not None:
        _factor(rec, call, tag, -1.0)


def _add(sign_a: float, sign_b: float) -> Rule:
    def rule(rec: Tracer, call: Call) -> None:
        given = call.bind(input=None, other=None, alpha=1)
        a, b = call.args[0], given["other"]
        tags = [tag for tag in (rec.tag(a), rec.tag(b)) if tag is not None]
        like = max(tags, key=lambda tag: (len(tag.values), len(tag.lead)))
        shape = tuple(call.out.shape[len(like.lead) :])
        if any(tag.shape != shape or tag.lead != like.lead for tag in tags):
            rec.unknown(
                call, f"adds signals of shapes {' and '.join(str(tag.shape) for tag in tags)}", "make them equal"
            )
            return
        path = rec.path or call.name
        factors = sign_a, sign_b * float(given["alpha"])
        values = []
        for index in range(len(like.values)):
            terms = [_times(rec.value(x, like, index), f, path) for x, f in zip((a, b), factors, strict=True)]
            values.append(total(terms, shape))
        rec.attach(call.out, Tag(tuple(values), like.lead, like.decoded))

    return rule


def _times(value: Value, factor: float, path: str) -> Value:
    if factor == 1.0:
        return value
    if isinstance(value, Constant):
        return Constant(value.array * factor)
    return Applied(Scale(np.full(value.shape, factor)), value, value.shape, f"{path}_scale")


def _keep(rec: Tracer, call: Call) -> None:
    """The result is the argument: detach, clone, to, dropout in evaluation."""
    tag = rec.tag(call.args[0] if call.args else call.kwargs["input"])
    if tag is not None and isinstance(call.out, Tensor):
        rec.attach(call.out, tag)


def _rectify(rec: Tracer, call: Call) -> None:
    """A rectifier, or a clamp to 0 and 1, leaves spikes as they are."""
    given = call.bind(input=None, min=None, max=None)
    tag = rec.tag(call.args[0])
    kept = call.name != "clamp" or (given["min"] in (0, None) and (given["max"] is None or given["max"] >= 1))
    if tag is not None and kept and all(is_spikes(v, rec.threads) for v in tag.values):
        rec.attach(call.out, tag)
    else:
        rec.unknown(call, f"{call.name} is not an operation of a spiking network")


def _dropout(rec: Tracer, call: Call) -> None:
    if call.bind(input=None, p=0.5, training=True)["training"]:
        rec.unknown(call, "dropout that is always on", "use nn.Dropout, or pass training=self.training")
    else:
        _keep(rec, call)


POINTWISE: dict[str, Rule] = {
    **dict.fromkeys(("mul", "multiply", "__rmul__"), _multiply),
    **dict.fromkeys(("div", "divide", "true_divide", "__truediv__"), _divide),
    **dict.fromkeys(("neg", "negative"), _negate),
    **dict.fromkeys(("add", "__radd__"), _add(1.0, 1.0)),
    **dict.fromkeys(("sub", "subtract"), _add(1.0, -1.0)),
    **dict.fromkeys(("__rsub__", "rsub"), _add(-1.0, 1.0)),
    **dict.fromkeys(("relu", "relu6", "clamp", "clamp_min", "abs"), _rectify),
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout"), _dropout),
    **dict.fromkeys((*KEEPS, "type", "type_as", "cuda"), _keep),
}
"""By the torch function's name."""
