"""Workers and Redis die: that costs delay, and nothing else."""

from __future__ import annotations

import contextlib

import pytest
import redis

from ivr.adapters.queues import GROUP, RESULTS
from ivr.usecases import health
from tests.crowd import crowd
from tests.faults.promises import kept
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.faults, pytest.mark.timeout(90)]


def test_both_workers_are_killed_in_the_middle_of_a_job(stack: Stack) -> None:
    campaign = stack.start("workers-killed", crowd(stack.new_numbers(36)))
    with contextlib.closing(redis.Redis.from_url(stack.settings.redis_url)) as client:
        stack.wait_called(8)
        stack.hold_without_lock("originate-0")
        wait_for(lambda: client.llen("rq:queue:originate"), "a job to originate")
        with stack.database_locked():
            stack.hold("originate-0", held=False)
            wait_for(lambda: client.zcard("rq:wip:originate"), "that job in its transaction")
            stack.kill("originate-0")
        stack.wait_called(20)
        stack.hold_without_lock("record-0")
        wait_for(lambda: client.xlen(RESULTS) and client.llen("rq:queue:record"), "results and a job to record them")
        with stack.database_locked():
            stack.hold("record-0", held=False)
            wait_for(lambda: client.xpending(RESULTS, GROUP)["pending"], "results in the hands of that job")
            stack.kill("record-0")
    verdict = stack.finished(campaign)
    kept(verdict)
    assert verdict.check.ok, verdict.check


def test_redis_is_killed(stack: Stack) -> None:
    campaign = stack.start("redis-killed", crowd(stack.new_numbers(40)))
    stack.wait_talking(10)
    stack.kill("redis")
    verdict = stack.finished(campaign)
    kept(verdict)
    assert verdict.check.ok, verdict.check


def test_redis_forgets_everything(stack: Stack) -> None:
    campaign = stack.start("redis-flushed", crowd(stack.new_numbers(40)))
    with contextlib.closing(redis.Redis.from_url(stack.settings.redis_url)) as client:
        stack.wait_called(14)
        client.flushall()
        stack.wait_called(24)
        stack.hold_without_lock("record-0")
        wait_for(lambda: len(stack.line.called) == 40 and not stack.line.talking, "the last call")
        wait_for(lambda: client.xlen(RESULTS) >= 20, "results that nobody has recorded")
        client.flushall()
        stack.hold("record-0", held=False)
    wait_for(lambda: all(part.works for part in health.status(stack.settings)), "every part", 15)
    verdict = stack.finished(campaign)
    kept(verdict)
    assert verdict.check.ok, verdict.check
