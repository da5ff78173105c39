"""How one case of the fuzzer ended."""

from dataclasses import dataclass

__all__ = ["TrialResult"]


@dataclass(frozen=True)
class TrialResult:
    """How a case ended: ``kind`` is read, refused or equal, or foreign, memory, outside, differs, hang or crash."""

    kind: str
    error: str

    def like(self, other: "TrialResult") -> bool:
        """Tell whether two cases fail the same way."""
        same_place = self.kind != "foreign" or self.error == other.error
        return self.kind == other.kind and same_place
