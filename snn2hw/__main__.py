"""``python -m snn2hw``: the command line."""

import sys

from snn2hw.commands import main

sys.exit(main())
