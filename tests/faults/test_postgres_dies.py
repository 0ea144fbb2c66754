"""PostgreSQL goes away under a whole installation that keeps its books there, in mid-campaign, and comes back."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from ivr.rules.segments import Segment
from tests.crowd import crowd, stopper
from tests.faults.promises import kept
from tests.postgres import PostgresServer
from tests.stack import SETTINGS, Stack, running_stack, wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.faults, pytest.mark.timeout(120)]

AWAY_S = 3.0


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """As durable as an installation's: a crash takes nothing that was committed."""
    server = PostgresServer(durable=True)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="module")
def stack_on_postgres(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    text = SETTINGS.replace("[database]\n", f'[database]\nurl = "{postgres.create()}"\n')
    with running_stack(tmp_path_factory.mktemp("postgres"), text=text) as up:
        yield up


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_restarted_in_mid_campaign(stack_on_postgres: Stack, postgres: PostgresServer, how: signal.Signals) -> None:
    stack = stack_on_postgres
    campaign = stack.start(f"postgres-{how.name}", crowd(stack.new_numbers(60)))
    stack.wait_talking(10)
    away(postgres, how)
    kept(stack.finished(campaign, 60))
    assert len(stack.line.called) == 60, "whoever was not called yet is called afterwards"


def test_away_while_9_is_pressed(stack_on_postgres: Stack, postgres: PostgresServer) -> None:
    stack = stack_on_postgres
    people = [stopper(index, number, Segment.MESSAGE, 900) for index, number in stack.new_numbers(30)]
    campaign = stack.start("postgres-away-while-9", people)
    stack.wait_talking(8)
    away(postgres, signal.SIGQUIT)
    verdict = stack.finished(campaign, 60)
    kept(verdict)
    assert len(verdict.stopped) == 30


def away(postgres: PostgresServer, how: signal.Signals) -> None:
    """The server is away for a while."""
    postgres.stop(how)
    stopped_s = time.monotonic()
    wait_for(lambda: time.monotonic() - stopped_s > AWAY_S, "a few seconds")
    postgres.start()
