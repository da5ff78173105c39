"""What stands in every request: what is to be done, and which code asks."""

from typing import Any

from snn2hw.cluster.code import code_digest

__all__ = ["asked_for"]


def asked_for(do: str, **facts: Any) -> dict[str, Any]:
    """Return the facts of a request, with who asks."""
    from snn2hw import __version__

    return {"do": do, "version": __version__, "code": code_digest(), **facts}
