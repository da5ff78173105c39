"""A process that has imported everything and forks a command for each line it is told: to be killed in the middle.

Each line on standard input is a JSON list of words; each answer is the number of the process that runs them, and after
that has ended its wait status.
"""

import importlib
import json
import os
import sys
import warnings


def main() -> None:
    warnings.simplefilter("ignore")
    from snn2hw.commands import COMMANDS

    wanted = json.loads(sys.stdin.readline())
    for verb in wanted:
        importlib.import_module(COMMANDS[verb].module)
    for name in ("numba", "h5py", "nir", "snn2hw.sources.from_nir", "snn2hw.compiler.compile"):
        importlib.import_module(name)
    if {"train", "tune"} & set(wanted):
        importlib.import_module("tests.norse_first")
        importlib.import_module("torch").set_num_threads(1)
        for name in ("snn2hw.train.fit", "snn2hw.train.report", "snn2hw.train.tuning.tune", "snn2hw.audio.corpora"):
            importlib.import_module(name)
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _run(json.loads(line))
        print(pid, flush=True)
        print(os.waitpid(pid, 0)[1], flush=True)


def _run(words: list[str]) -> None:
    """Run a command in a session of its own, and end."""
    from snn2hw.commands import main as command

    code = 99
    try:
        os.setsid()
        log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        code = command(words)
        sys.stdout.flush()
    finally:
        os._exit(code)


main()
