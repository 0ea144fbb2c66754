"""The process that prepares the recordings that are sent in: an RQ worker which forks a work-horse for each."""

from __future__ import annotations

from typing import Any

from ivr.adapters.queues import MEDIA
from ivr.doors import media_jobs, worker
from ivr.settings import Settings
from ivr.usecases import receiving

__all__ = ["media_jobs", "run"]  # imported before it forks, so that no work-horse has to


def run(settings: Settings) -> None:
    """Works on the queue `media` until SIGTERM; what was left waiting or half written is looked after first."""
    queues = worker.answering(settings)
    receiving.resume(queues, settings)

    def struck(arguments: list[Any], pid: int) -> None:
        receiving.struck(settings, str(arguments[0]), pid)

    queues.work(MEDIA, worker.name_of(settings, MEDIA), struck)
