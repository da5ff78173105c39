"""The cures that many errors share: which name was meant, and which extra brings a package."""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["EXTRAS", "install", "meant", "one_of"]

PACKAGES = {
    "onnx": ("onnx", "onnxruntime"),
    "audio": ("soundfile", "soxr", "espeakng_loader", "PIL"),
    "explain": ("captum",),
    "scores": ("pesq", "pystoi"),
    "plot": ("matplotlib",),
    "sweep": ("optuna",),
    "distributed": ("distributed",),
    "vision": ("torchvision",),
    "train": ("torch", "norse", "onnxscript"),
}
"""Extra of snn2hw to the packages that it installs and that are asked for, by the names they are imported under."""
EXTRAS = {package: extra for extra, packages in PACKAGES.items() for package in packages}
"""Package, by the name it is imported under, to the extra of snn2hw that installs it."""


def install(package: str) -> str:
    """Return what to type for a package that is missing.

    >>> install("torch")
    'pip install "snn2hw[train]"'
    """
    extra = EXTRAS.get(package.partition(".")[0])
    return f"pip install {package}" if extra is None else f'pip install "snn2hw[{extra}]"'


def meant(given: str, known: Iterable[str]) -> str | None:
    """Return the known name that ``given`` is a slip of.

    >>> meant("verfy", ["run", "verify"])
    'verify'
    """
    near = get_close_matches(given, list(known), n=1)
    return near[0] if near else None


def one_of(given: str, known: Iterable[str]) -> str:
    """Return the choices, and which of them was meant.

    >>> one_of("loihi3", ["loihi1", "fixed"]), one_of("x", ["loihi1", "fixed"])
    ("one of loihi1, fixed (did you mean 'loihi1'?)", 'one of loihi1, fixed')
    """
    names = list(known)
    near = meant(given, names)
    return f"one of {', '.join(names)}" + (f" (did you mean {near!r}?)" if near else "")
