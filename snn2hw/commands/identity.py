"""Which model it was: what a run that begins with another model, or learns from it, keeps of it."""

from pathlib import Path

__all__ = ["identity_of"]


def identity_of(model: "Path | str | None") -> str:
    """Return the SHA-256 of a model's file, or of the name of a function that makes one."""
    from hashlib import sha256

    if model is None:
        return ""
    path = Path(model)
    if path.is_file():
        return sha256(path.read_bytes()).hexdigest()
    return sha256(str(model).encode()).hexdigest() if ":" in str(model) else ""
