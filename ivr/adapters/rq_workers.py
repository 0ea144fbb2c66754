"""The two kinds of RQ worker: one does its jobs itself, the other forks a work-horse for each, with limits."""

from __future__ import annotations

import resource
from collections.abc import Callable
from typing import Any

from rq import Queue, SimpleWorker, Worker, worker_registration
from rq.job import Job

HORSE_MEMORY_BYTES = 4 << 30
"""Address space, of which the models that judge a recording take the most; a decoder has a limit of its own."""
HORSE_CPU_S = 180
Struck = Callable[[list[Any], int], None]
"""Is told the arguments of a job whose work-horse was killed, and which process it was."""


class _Registering:
    """Registers anew when Redis has forgotten everything: it works all the same, and is to be counted."""

    connection: Any
    key: str

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        super().heartbeat(timeout, pipeline)  # type: ignore[misc]  # RQ's worker, beside this class
        if pipeline is None and not self.connection.hexists(self.key, "queues"):
            self.connection.hset(self.key, mapping=self.serialize())  # type: ignore[attr-defined]
            worker_registration.register(self)  # type: ignore[arg-type]


class PlainWorker(_Registering, SimpleWorker):
    """Does each job in its own process: nothing is forked for a batch of calls."""

    ending = False

    def handle_warm_shutdown_request(self) -> None:
        """The worker ends after this job, which may ask."""
        PlainWorker.ending = True
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]


def told_to_end() -> bool:
    """Whether the worker of this process was told to end: a job that could go on for long is to be over."""
    return PlainWorker.ending


class ForkingWorker(_Registering, Worker):
    """Each job has a process of its own, which may take so much memory and processor time and no more."""

    struck: Struck | None = None

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """The job is done within the limits, and the process over."""
        for limit, most in ((resource.RLIMIT_AS, HORSE_MEMORY_BYTES), (resource.RLIMIT_CPU, HORSE_CPU_S)):
            hard = resource.getrlimit(limit)[1]
            allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(limit, (allowed, allowed))
        super().main_work_horse(job, queue)

    def handle_work_horse_killed(self, job: Job, retpid: Any, ret_val: Any, rusage: Any) -> None:
        """Whoever must know that the job was cut off is told, before RQ tries it again or gives it up."""
        super().handle_work_horse_killed(job, retpid, ret_val, rusage)  # type: ignore[no-untyped-call]
        if self.struck:
            self.struck(list(job.args), int(retpid or 0))
