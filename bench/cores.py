"""Which core does what: Asterisk apart from everything else, so that its own limit is what shows."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

EVERY = frozenset(os.sched_getaffinity(0))
_HALF = len(EVERY) // 2
OWN, REST = frozenset(sorted(EVERY)[_HALF:]), frozenset(sorted(EVERY)[:_HALF])
"""Asterisk's cores when it is set apart, and everything else's: half of the machine each."""


@contextlib.contextmanager
def apart(asterisk: int, others: Iterable[int]) -> Iterator[None]:
    """These processes run on the other cores than Asterisk, with all that they start; afterwards on any core again."""
    placed = {asterisk: OWN} | dict.fromkeys([os.getpid(), *others], REST)
    try:
        for pid, cores in placed.items():
            _put(pid, cores)
        yield
    finally:
        for pid in placed:
            _put(pid, EVERY)


def family(pid: int) -> list[psutil.Process]:
    """The process and all that it has started; none of one that has ended."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_s(pid: int) -> float:
    """CPU seconds that the process and all that it has started, also those that have ended, have spent."""
    spent = 0.0
    for process in family(pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            spent += times.user + times.system + times.children_user + times.children_system
    return spent


def own_cpu_s(pid: int) -> float:
    """CPU seconds that the process alone has spent."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def busy_s(cores: Iterable[int]) -> float:
    """Seconds that these cores have been busy, with whatever."""
    each = psutil.cpu_times(percpu=True)
    return float(sum(sum(each[core]) - each[core].idle - each[core].iowait for core in cores))


def _put(pid: int, cores: frozenset[int]) -> None:
    """Every thread of the process and of what it has started; a thread is placed like the one that starts it."""
    for process in family(pid):
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{process.pid}/task").iterdir():
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(int(task.name), cores)
