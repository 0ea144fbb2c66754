"""The services of docker-compose.yml without Docker: each is started by its own command, and together they call.

Command, environment, settings file and health check are those of the file; a folder stands for each place that a
container would see. PostgreSQL is the tests' own.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ivr.adapters.ports import Ports
from ivr.adapters.store import Store
from ivr.settings import Settings, load
from tests import compose
from tests.crowd import crowd
from tests.faults.promises import kept
from tests.postgres import PostgresServer
from tests.stack import LENGTHS_MS, Stack, rendered, wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(400)]

PEOPLE = 16
NOT_STARTED = {"setup", "node"}
"""Runs once before them; sleeps."""
SETTINGS = """\
[pbx]
sip_port = {sip}
ami_port = {ami}
agi_port = {agi}
rtp_first = {rtp}
rtp_last = {rtp_last}
[calls]
pause_above_alarm = false
ring_timeout_s = 4
grace_s = 0.6
[database]
url = "{database}"
[lab]
enabled = true
sip_port = {lab_sip}
media_port = {lab_media}
[metrics]
port = {metrics}
[trunks.lab]
host = "127.0.0.1:{lab_sip}"
rate_cps = 10
channels = 50
ramp_s = 0
caller_id = "+33199000000"
"""


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@dataclass
class Machine:
    """A machine on which the compose file is up, but for Docker."""

    started: compose.Started
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def up(self) -> None:
        """Each service runs, and its health check says so."""
        assert self.started.run(compose.ours()["setup"], compose.ours()["setup"]["command"]) == 0, self.log
        for name, service in compose.ours().items():
            if name not in NOT_STARTED:
                self.running[name] = self.started.popen(service, service["command"])
        for name, service in compose.ours().items():
            if "healthcheck" in service:
                wait_for(lambda: self.healthy(name), f"a healthy {name}", 120)  # noqa: B023

    def healthy(self, name: str) -> bool:
        assert self.running[name].poll() is None, f"{name} has ended: {self.log}"
        service = compose.ours()[name]
        kind, *words = service["healthcheck"]["test"]
        assert kind == "CMD"
        return self.started.run(service, words) == 0

    def down(self) -> dict[str, int]:
        """Nothing runs any more; how each ended. As Docker: the other way round, SIGTERM, then SIGKILL."""
        ended = {}
        for name, process in reversed(self.running.items()):
            process.terminate()
            try:
                ended[name] = process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                ended[name] = process.wait()
        return ended

    @property
    def log(self) -> str:
        return self.started.log.read_text(encoding="utf-8", errors="replace")[-3000:]


def settings_file(folder: Path, database: str) -> Path:
    ports = Ports()
    loopback = "127.0.0.1"
    rtp = 20000 + os.getpid() % 40 * 1000
    text = SETTINGS.format(
        sip=ports.udp("", loopback, 0), ami=ports.tcp("", 0), agi=ports.tcp("", 0), rtp=rtp, rtp_last=rtp + 398,
        metrics=ports.tcp("", 0),
        lab_sip=ports.udp("", loopback, 0), lab_media=ports.udp("", loopback, 0), database=database,
    )  # fmt: skip
    ports.release()
    file = folder / "portevoix.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture
def places(tmp_path: Path, postgres: PostgresServer) -> dict[str, Path]:
    """A folder for each place that the services see, the settings file among them."""
    folders = {place: tmp_path / place.lstrip("/") for place in ("/var/lib/portevoix", "/srv/portevoix")}
    for folder in folders.values():
        folder.mkdir(parents=True, mode=0o700)
    file = settings_file(tmp_path, postgres.create())
    return folders | {"/etc/portevoix/portevoix.toml": file, "/opt/portevoix/cache": load(file).cache_dir}


def settings_of(places: dict[str, Path]) -> Settings:
    settings = load(places["/etc/portevoix/portevoix.toml"])
    return settings.model_copy(update={"var": places["/var/lib/portevoix"], "shared": str(places["/srv/portevoix"])})


def test_a_campaign_over_the_services(tmp_path: Path, places: dict[str, Path]) -> None:
    machine = Machine(compose.Started(places, tmp_path / "log"))
    settings = settings_of(places)
    try:
        machine.up()
        store = Store(settings)
        stack = Stack(settings, store, rendered(settings, LENGTHS_MS))
        campaign = stack.campaign("composed", crowd(stack.new_numbers(PEOPLE)))
        words = ["ivr", "campaign", "start", campaign.name, "--detach"]
        assert machine.started.run(compose.ours()["controller"], words) == 0, machine.log
        kept(stack.finished(campaign, 120))
        store.close()
    finally:
        ended = machine.down()
    assert set(ended.values()) <= {0}, ended
    assert not settings.resolved_file.exists(), "nothing but the compose file's own settings was used"
