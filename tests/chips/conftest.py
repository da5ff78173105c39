"""Norse is imported before the tests do."""

import tests.norse_first  # noqa: F401
