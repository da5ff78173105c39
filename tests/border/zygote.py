"""A process that forks a command for each line it is told, and has imported all that the first of them needed.

Each line on standard input is [words, seconds after which to kill or null] as JSON; each answer is a wait status.
"""

import contextlib
import importlib
import json
import os
import signal
import sys
import time
import warnings
from pathlib import Path

NEEDED = Path("needed.json")


def main() -> None:
    warnings.simplefilter("ignore")
    import snn2hw.commands  # noqa: F401

    for line in sys.stdin:
        words, after_s = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _run(words)
        if after_s is not None:
            time.sleep(after_s)
            os.kill(pid, signal.SIGKILL)  # nobody has waited for it: the number is still its own
        print(os.waitpid(pid, 0)[1], flush=True)
        if NEEDED.exists():
            for name in json.loads(NEEDED.read_text()):
                with contextlib.suppress(ImportError):
                    importlib.import_module(name)
            NEEDED.unlink()


def _run(words: list[str]) -> None:
    """Run a command in a session of its own, write down what it has imported if it is the first, and end."""
    from snn2hw.commands import main as command

    code = 99
    try:
        os.setsid()
        log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        first = "snn2hw.commands." + words[0] not in sys.modules
        code = command(words)
        sys.stdout.flush()
        if first:
            NEEDED.write_text(json.dumps([name for name in sys.modules if name != "__main__"]))
    finally:
        os._exit(code)


main()
