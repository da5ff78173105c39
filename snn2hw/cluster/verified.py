"""A verification whose chunks are compared by the workers of a cluster: the verdict of one machine, put together."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from sim.compare import Divergence
from sim.errors import InputError
from sim.program import Program
from snn2hw.chunks.chunked_run import later_samples
from snn2hw.chunks.samples import SampleSet
from snn2hw.cluster.asking import asked_for
from snn2hw.cluster.client import Cluster
from snn2hw.cluster.message import Message
from snn2hw.cluster.program_bytes import program_bytes
from snn2hw.verification.lockstep import BASELINE, InputHash, chunk_of, named_executors, verdict_of
from snn2hw.verification.verdict import Verdict, VerdictRow

__all__ = ["verify_there"]

GOES_ON = ("baseline", "equal")


def verify_there(
    cluster: Cluster,
    program: Program,
    samples: SampleSet,
    against: Collection[str],
    *,
    timeout_s: float,
    progress: Callable[[int], object],
    chunk: int | None = None,
) -> Verdict:
    """Do as `snn2hw.verification.verify`, elsewhere; which worker had which chunk is not seen in the verdict."""
    names = named_executors(against, {})
    own = [name for name in names if ":" in name]
    if own:
        fix = "workers import nothing of yours: leave it out, or verify without --scheduler"
        raise InputError(f"--against {own[0]} with --scheduler", fix)
    rows = {name: VerdictRow(name, "baseline" if name == BASELINE else "equal", 0, 0.0) for name in names}
    seen, sizes = InputHash(), list[int]()

    def requests() -> Any:
        for _, spikes in samples.chunks(program, chunk or chunk_of(program, samples.steps)):
            seen.add(spikes)
            sizes.append(len(spikes))
            yield Message(asked_for("verify", against=list(names), timeout_s=timeout_s), {"spikes": spikes})

    start = 0
    for number, answer in enumerate(cluster.ordered(requests(), program_bytes(program))):
        if rows[BASELINE].status in GOES_ON:
            for said in answer.facts["verdict"]["rows"]:
                rows[said["executor"]] = _joined(rows[said["executor"]], _row(said), start)
        start += sizes[number]
        progress(sizes[number])
    return verdict_of(program, samples, seen, rows.values())


def _row(said: dict[str, Any]) -> VerdictRow:
    found = said["divergence"]
    divergence = None if found is None else Divergence(**{**found, "neuron": tuple(found["neuron"])})
    return VerdictRow(**{**said, "divergence": divergence, "losses": tuple(said["losses"])})


def _joined(row: VerdictRow, more: VerdictRow, start: int) -> VerdictRow:
    """Add what one more chunk said, as the lockstep of one machine does: nothing after the first that was not equal."""
    if row.status not in GOES_ON:
        return row
    divergence = more.divergence
    if divergence is not None:
        divergence = replace(divergence, sample=divergence.sample + start)
    return replace(
        more,
        values=row.values + more.values,
        seconds=row.seconds + more.seconds,
        divergence=divergence,
        counts=None if more.counts is None else later_samples(more.counts, start),
        losses=tuple(dict.fromkeys((*row.losses, *more.losses))),
    )
