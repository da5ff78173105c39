"""Does every executor compute the same? Every spike, u and v is compared, and the first divergence located."""

from snn2hw.verify.executors import EXECUTORS
from snn2hw.verify.verdict import Row, Verdict
from snn2hw.verify.verify import verify

__all__ = ["EXECUTORS", "Row", "Verdict", "verify"]
