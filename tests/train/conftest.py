"""Norse is imported before the tests do, and torch keeps to one thread."""

import torch

import tests.norse_first  # noqa: F401

torch.set_num_threads(1)  # small networks lose by more, and the most where other work shares the cores
