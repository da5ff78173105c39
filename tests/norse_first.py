"""Import Norse before the tests do: it uses `torch.jit.script`, whose deprecation is not this project's to mend."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import norse.torch  # noqa: F401
