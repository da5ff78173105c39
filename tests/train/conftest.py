"""Import Norse before the tests do: it uses `torch.jit.script`, whose deprecation is not this project's to mend."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import norse.torch  # noqa: F401

import torch

torch.set_num_threads(1)  # small networks lose by more, and the most where other work shares the cores
