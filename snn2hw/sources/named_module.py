"""``package.module:function`` as a torch module: imported from the working folder, called, and looked at.

    def build(classes, shape): ...        # is given what it names, if that is known: by `snn2hw train`, both

A file may say which function made it. That it does is no reason to run code: such a file is read where the user named
the function too, by training it in this process or in SNN2HW_TRUST. The standard library's are never called: no
function of it makes a network.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from inspect import Parameter, isfunction, signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import InputError, Snn2hwError

if TYPE_CHECKING:
    import torch

__all__ = ["is_named", "made_module", "named_module", "refuse_unnamed", "trust"]

TRUST = "SNN2HW_TRUST"
"""The variable with functions that files may name, with commas."""
_trusted: set[str] = set()

TOLD = ("classes", "shape")
"""What a function may name to be told it: how many classes there are, and the shape of one step of one sample."""


def is_named(model: str) -> bool:
    """Return whether a name is that of a function, ``package.module:function``."""
    place, colon, name = model.partition(":")
    return bool(colon) and all(part.isidentifier() for part in (*place.split("."), name))


def trust(model: str) -> None:
    """Have files name a function that the user named in this process."""
    _trusted.add(model)


def refuse_unnamed(model: str, where: str) -> None:
    """Refuse a file whose function nobody but the file has named."""
    if model not in _trusted and model not in os.environ.get(TRUST, "").replace(" ", "").split(","):
        what = f"{where}: reading it would import and call {model}, which only the file names"
        raise InputError(what, f"look at that code, and set {TRUST}={model} if you would run it")


def named_module(model: str, input_shape: Sequence[int] | None) -> "tuple[torch.nn.Module, Sequence[int]]":
    """Import ``package.module:function`` and return the module it makes, and its input shape."""
    found = _imported(model)
    is_maker = callable(found) and (isinstance(found, type) or not hasattr(found, "state_dict"))
    known = {} if input_shape is None else {"shape": tuple(input_shape)}
    module, shape = _parted(_called(model, found, known) if is_maker else found)
    shape = input_shape if shape is None else shape
    _refuse_no_module(model, module)
    if shape is None:
        raise InputError(f"{model!r}: says no input shape", "return (module, shape), or give --input-shape 1,32,32")
    if input_shape is not None and tuple(shape) != tuple(input_shape):
        what = f"{model!r}: says the input shape {tuple(shape)}, the command line {tuple(input_shape)}"
        raise InputError(what, "leave --input-shape out")
    return module, shape


def made_module(model: str, classes: int, shape: tuple[int, ...]) -> "torch.nn.Module":
    """Return a new module of ``package.module:function``, which is told the classes and the shape if it names them."""
    if model.split(".")[0].split(":")[0] in sys.stdlib_module_names:
        raise InputError(f"{model!r}: is of Python itself, and makes no network", "name a function of your own")
    found = _imported(model)
    if not (isfunction(found) or isinstance(found, type)):
        what = f"{model!r}: is a {type(found).__name__}, and its weights are there already"
        raise InputError(what, "name a function that makes the module: weights are drawn from the seed of the run")
    module, said = _parted(_called(model, found, {"classes": classes, "shape": shape}))
    _refuse_no_module(model, module)
    network: torch.nn.Module = module
    if said is not None and tuple(said) != shape:
        fix = "let it read that, which is what it is fed"
        raise InputError(f"{model!r}: says the input shape {tuple(said)}, not {shape}", fix)
    return network


def _imported(model: str) -> Any:
    place, colon, name = model.partition(":")
    if not (place and colon and name):
        fix = "name a .nir file, a checkpoint model.pt, or package.module:function"
        raise InputError(
            f"{model!r} is no model" if not Path(model).exists() else f"{model}: unknown kind of file", fix
        )
    sys.path.insert(0, str(Path.cwd()))
    try:
        return getattr(import_module(place), name)
    except ModuleNotFoundError as error:
        raise InputError(f"{model!r}: no module {error.name!r}", "run from the folder that holds it") from None
    except AttributeError:
        raise InputError(f"{model!r}: {place} has no {name!r}", "check the name after the colon") from None
    except Exception as error:  # whatever that module raises when it is imported
        raise _not_ours(model, error) from None
    finally:
        sys.path.pop(0)


def _called(model: str, maker: Any, known: Mapping[str, Any]) -> Any:
    """Call what makes a module with what is known of `TOLD` and it names."""
    try:
        asked = dict(signature(maker).parameters)
    except (TypeError, ValueError):  # a few builtins have none
        asked = {}
    wanted = [name for name, p in asked.items() if name in TOLD and name not in known and p.default is Parameter.empty]
    if wanted:
        fix = f"give {' and '.join(wanted)} a default; `snn2hw train` says both"
        raise InputError(f"{model!r}: asks for {' and '.join(wanted)}, and nothing here says that", fix)
    try:
        return maker(**{name: value for name, value in known.items() if name in asked})
    except Exception as error:  # whatever that function raises
        raise _not_ours(model, error) from None


def _parted(made: Any) -> tuple[Any, Any]:
    """Return a module and the input shape that was returned with it, None if there is none."""
    return made if isinstance(made, tuple) and len(made) == 2 else (made, None)


def _refuse_no_module(model: str, module: Any) -> None:
    if not hasattr(module, "state_dict"):
        raise InputError(f"{model!r}: returns a {type(module).__name__}", "return a torch module, or (module, shape)")


def _not_ours(model: str, error: Exception) -> Exception:
    """Say that the code which makes the model failed, not ours."""
    if isinstance(error, Snn2hwError):
        return error
    return InputError(f"{model!r}: stops with {type(error).__name__}: {error}", "correct it; try it in Python")
