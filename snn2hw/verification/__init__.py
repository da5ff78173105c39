"""Does every executor compute the same? Every spike, u and v is compared, and the first divergence located."""

from snn2hw.verification.executors import EXECUTORS
from snn2hw.verification.lockstep import BASELINE, verify
from snn2hw.verification.verdict import Verdict, VerdictRow

__all__ = ["BASELINE", "EXECUTORS", "Verdict", "VerdictRow", "verify"]
