"""What Intel's challenge of denoisers (N-DNS) calls power, latency and their product, of a program on a sound.

    power = (synops + 10 updates) / seconds        PDP = power * latency

Not watts and joules: operations. Every neuron is updated in every step, the readout's too; synops are those that the
messages caused, the host's too. The latency is that of the window, the time until a sample that came in can go out: the
challenge adds the measured time of computing, which is not known here and is less than a hop where a stream keeps up.
"""

from dataclasses import dataclass

from sim.program import Program
from sim.trace import Counts
from snn2hw.costs.listening.account import snn_nj
from snn2hw.costs.listening.frames import Frames
from snn2hw.costs.price_files import get_table

__all__ = ["ChallengeProxy", "challenge_proxy"]

TABLE = "ndns_proxy"


@dataclass(frozen=True)
class ChallengeProxy:
    """Operations a second, the seconds of the window, and the operations that are their product."""

    ops_per_s: float
    latency_s: float

    @property
    def pdp_ops(self) -> float:
        """Return the product of power and latency."""
        return self.ops_per_s * self.latency_s

    def to_json(self) -> dict[str, float]:
        """Return plain values."""
        return {"ops_per_s": self.ops_per_s, "latency_s": self.latency_s, "pdp_ops": self.pdp_ops}

    def __str__(self) -> str:
        mega, ms = self.ops_per_s / 1e6, self.latency_s * 1e3
        return f"N-DNS proxies: {mega:,.2f} M-ops/s, {ms:,.1f} ms of window, PDP {self.pdp_ops / 1e6:,.3f} M-ops"


def challenge_proxy(program: Program, counts: Counts, frames: Frames, latency_s: float) -> ChallengeProxy:
    """Return it of a run over all frames; no gate, and no neuron is spared an update."""
    thousands = snn_nj(program, counts, len(frames.messages), "skipping", "clocked", get_table(TABLE))
    return ChallengeProxy(thousands * 1e3 / frames.seconds, latency_s)
