"""Settings of the whole suite."""

import os

from hypothesis import settings

settings.register_profile("default", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
settings.load_profile("default")
