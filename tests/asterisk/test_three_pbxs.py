"""One campaign over three Asterisk instances: one carrier's limits, one set of books, and one of them dies."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ivr.adapters.store import Store
from ivr.rules.electorate import Person
from ivr.rules.records import Override
from ivr.rules.states import CampaignState
from ivr.settings import Settings, load
from ivr.usecases import campaigns, health, running
from tests.crowd import crowd
from tests.faults.promises import kept
from tests.stack import Stack, alive, running_stack, wait_for, worst_second

pytestmark = [pytest.mark.asterisk, pytest.mark.faults, pytest.mark.timeout(180)]

RATE_CPS, CHANNELS = 10, 30
NODE = """\
var = "."
shared = "{shared}"
workers_originate = 0
workers_record = 0
[pbx]
name = "{name}"
sip_port = 0
ami_port = 0
agi_port = 0
rtp_first = {rtp}
rtp_last = {rtp_last}
[calls]
pause_above_alarm = false
ring_timeout_s = 4
grace_s = 0.6
[database]
url = "sqlite:///{database}"
[redis]
url = "{redis}"
[trunks.lab]
host = "{carrier}"
rate_cps = 10
channels = 30
ramp_s = 0
caller_id = "+33199000000"
"""


@dataclass
class Node:
    """A PBX of its own beside the first installation: Asterisk, AGI server and controller, and nothing else."""

    settings: Settings

    def up(self) -> None:
        running.up(self.settings, lambda _: None)

    def die(self) -> None:
        """Kill -9 of everything that it is."""
        states = health.supervisor(self.settings).states()
        boss = int((self.settings.state_dir / "supervisord.pid").read_text())
        pids = [boss, *(state.pid for state in states if state.pid)]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not any(alive(pid) for pid in pids), "its death", 15)


@contextlib.contextmanager
def node(folder: Path, first: Stack, number: int) -> Iterator[Node]:
    resolved = Settings.model_validate_json(first.settings.resolved_file.read_text(encoding="utf-8"))
    folder.mkdir()
    rtp = resolved.pbx.rtp_last + 2 + (number - 2) * 400
    text = NODE.format(
        shared=first.settings.var_dir,
        name=f"pbx{number}",
        rtp=rtp,
        rtp_last=rtp + 398,
        database=first.settings.var_dir / "portevoix.db",
        redis=first.settings.redis_url,
        carrier=resolved.trunks["lab"].host,
    )
    (folder / "portevoix.toml").write_text(text, encoding="utf-8")
    made = Node(load(folder / "portevoix.toml"))
    made.up()
    try:
        yield made
    finally:
        running.down_if_up(made.settings)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("first")) as up:
        up.store.limits.set(Override("trunk:lab", None, CHANNELS, 1, "test"))
        yield up


def called_by(store: Store, pbx: str) -> int:
    with store.database.read() as connection:
        query = "SELECT count(*) FROM attempts WHERE dialing_at_ms IS NOT NULL AND pbx = ?"
        return int(connection.exec_driver_sql(query, (pbx,)).scalar_one())


def test_one_of_three_dies_and_comes_back(stack: Stack, tmp_path: Path) -> None:
    with node(tmp_path / "two", stack, 2), node(tmp_path / "three", stack, 3) as third:
        wait_for(lambda: len(stack.store.pbxs.all()) == 3, "three PBXs")
        people = crowd(stack.new_numbers(120))
        campaign = stack.start("three", people)
        for name in ("pbx1", "pbx2", "pbx3"):
            wait_for(lambda: called_by(stack.store, name) >= 3, f"calls by {name}")  # noqa: B023
        stack.wait_called(25)
        third.die()
        before = {name: called_by(stack.store, name) for name in ("pbx1", "pbx2", "pbx3")}
        wait_for(lambda: parts(stack.store).get("pbx3") == 0, "its part to be free", 10)
        wait_for(lambda: sum(parts(stack.store).values()) == RATE_CPS, "the others to have it", 5)
        wait_for(lambda: not claims_of(stack.store, "pbx3"), "what it had claimed to be due again", 5)
        assert all(called_by(stack.store, name) > before[name] for name in ("pbx1", "pbx2"))
        died_with = called_by(stack.store, "pbx3")
        assert stack.line.most_at_once <= CHANNELS, "its calls are still on the carrier's line, and count"
        stack.line.strand(people_of(stack.store, "pbx3", people))
        campaigns.pause(stack.store, campaign.name)  # however long it takes to come back, there is work left for it
        third.up()
        campaigns.start(stack.store, stack.settings, campaign.name)
        wait_for(lambda: called_by(stack.store, "pbx3") > died_with, "calls by pbx3 again", 30)
        wait_for(lambda: stack.state(campaign) is CampaignState.FINISHED, "the end of the campaign", 60)
        stack.hang_up_everybody()
        assert worst_second(stack.line.invited_ms) <= RATE_CPS
        assert stack.line.most_at_once <= CHANNELS
        kept(stack.finished(campaign), lines_cut=30)


def people_of(store: Store, pbx: str, people: list[Person]) -> set[int]:
    """Those whose calls are open on that PBX in the books."""
    with store.database.read() as connection:
        query = """SELECT contacts.number FROM attempts JOIN targets ON targets.id = attempts.target_id
            JOIN contacts ON contacts.id = targets.contact_id
            WHERE attempts.state IN ('dialing', 'answered') AND attempts.pbx = ?"""
        numbers = set(connection.exec_driver_sql(query, (pbx,)).scalars())
    return {person.index for person in people if person.number in numbers}


def parts(store: Store) -> dict[str, float]:
    return {part.pbx: part.rate_cps for part in store.pbxs.parts() if part.scope == "trunk:lab"}


def claims_of(store: Store, pbx: str) -> int:
    with store.database.read() as connection:
        query = "SELECT count(*) FROM attempts WHERE state = 'claimed' AND pbx = ?"
        return int(connection.exec_driver_sql(query, (pbx,)).scalar_one())
