"""Who does the calls of a study: processes of this machine, or the workers of a cluster."""

import queue
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sim.cores import cores_here
from sim.errors import InputError
from snn2hw.calls.call import IN, CallAnswer, CommandCall
from snn2hw.calls.worker import Caller
from snn2hw.cluster.asking import asked_for
from snn2hw.cluster.called import packed_files
from snn2hw.cluster.client import Cluster
from snn2hw.cluster.message import Message

__all__ = ["ProcessTeam", "Team", "TeamThere"]


class Team(Protocol):
    """Does calls, each by the name of its setting, and yields (name, answer) as they come."""

    def answers(self, calls: Mapping[str, CommandCall], folder: Path) -> Iterator[tuple[str, CallAnswer]]:
        """Do them; ``folder`` holds a folder for each, where what was begun is gone on with."""


@dataclass(frozen=True)
class ProcessTeam:
    """So many processes of this machine, which go with this one; a call whose process dies is begun again.

    They take turns where there are fewer cores: no more work at once than can, since they would only wait for one
    another, each with its data in caches that the others want.
    """

    processes: int
    inputs: Mapping[str, Path]

    def answers(self, calls: Mapping[str, CommandCall], folder: Path) -> Iterator[tuple[str, CallAnswer]]:
        """Do the calls, each in a folder of its own."""
        callers = [Caller() for _ in range(min(self.processes, len(calls)))]
        free: queue.SimpleQueue[Caller] = queue.SimpleQueue()
        for caller in callers:
            free.put(caller)

        def one(name: str) -> tuple[str, CallAnswer]:
            caller = free.get()
            try:
                out = folder / name
                out.mkdir(parents=True, exist_ok=True)
                answer = caller.call(calls[name].placed(self.inputs), out, out)
                return name, answer.told({str(path): path.name for path in self.inputs.values()})
            finally:
                free.put(caller)

        with ThreadPoolExecutor(max(1, min(len(callers), cores_here()))) as pool:
            try:
                for done in as_completed([pool.submit(one, name) for name in calls]):
                    yield done.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                for caller in callers:
                    caller.end(for_good=True)


@dataclass(frozen=True)
class TeamThere:
    """The workers of a cluster; input files are sent to each that needs them, once."""

    cluster: Cluster
    inputs: Mapping[str, Path]

    def answers(self, calls: Mapping[str, CommandCall], folder: Path) -> Iterator[tuple[str, CallAnswer]]:
        """Do the calls; what they write stays with the worker and goes."""
        requests = (
            (name, Message(asked_for("call", call=self._named(call).to_json(), wanted=[])))
            for name, call in calls.items()
        )
        for path in self.inputs.values():
            if path.is_dir():
                fix = "give files, or write the absolute path of a folder that every worker has into the command"
                raise InputError(f"{path}: is a folder, which is not sent to workers", fix)
        shared = packed_files(list(self.inputs.values()))
        for name, answer in self.cluster.as_done(requests, shared):
            yield name, CallAnswer.of(answer.facts["answer"])

    def _named(self, call: CommandCall) -> CommandCall:
        return call.placed({name: Path(f"{IN}{path.name}") for name, path in self.inputs.items()})
