"""What Prometheus is told: true while everything answers, and telling what is silent when something does not."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ivr.adapters.metrics import Exporter
from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.rules.records import Halt, PbxBeat
from ivr.settings import HOME, Settings
from ivr.usecases import metering
from ivr.usecases.campaigns import now_ms
from tests.integration.conftest import RedisServer
from tests.integration.scene import ON_SQLITE, Scene, wait_for
from tests.prometheus import program

LIVE = {
    "link": True, "live": 7, "originated": 40, "waiting": 2, "events_dropped": 0,
    "breakers": {"lab": {"state": "parked", "until_ms": None, "why": ""}}, "worst_second": {"lab": 3},
}  # fmt: skip


def scraped(port: int) -> dict[str, float]:
    """Every sample by its name and labels, as they stand in the text."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        lines = [line for line in answer.read().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


@contextlib.contextmanager
def exporting(store: Store, queues: Queues, settings: Settings) -> Iterator[int]:
    with contextlib.closing(Exporter("127.0.0.1", 0, lambda: metering.families(store, queues, settings))) as exporter:
        yield exporter.port


def test_it_tells_what_the_books_the_beats_and_redis_say(
    make_scene: Callable[..., Scene], queues: Queues, shared_redis: RedisServer
) -> None:
    scene = make_scene(shared_redis.url)
    campaign = scene.campaign(people=3)
    scene.store.pbxs.beat(PbxBeat("pbx1", 5, now_ms(), True, 30, 7), None, (), lambda *_: ([], []))
    queues.publish_live("pbx1", LIVE, ttl_s=600)
    scene.store.halts.begin(Halt(1, "me", ""))
    with exporting(scene.store, queues, scene.settings) as port:
        told = scraped(port)
    expected = {
        "portevoix_database_up": 1, "portevoix_redis_up": 1, "portevoix_halted": 1,
        'portevoix_campaigns{state="running"}': 1,
        f'portevoix_campaign_calls_total{{campaign="{campaign.name}"}}': 0,
        'portevoix_trunk_rate_limit_cps{trunk="lab"}': 50, 'portevoix_trunk_channels_limit{trunk="lab"}': 30,
        'portevoix_pbx_link_up{pbx="pbx1"}': 1, 'portevoix_originates_total{pbx="pbx1"}': 40,
        'portevoix_trunk_parked{pbx="pbx1",trunk="lab"}': 1, 'portevoix_workers{queue="record"}': 0,
    }  # fmt: skip
    assert {name: told.get(name) for name in expected} == expected
    assert told["portevoix_disk_free_bytes"] < told["portevoix_disk_size_bytes"]
    assert not re.search(r"\d{8}", " ".join(told)), "no number, no attempt stands in a label"


@ON_SQLITE
def test_a_silent_source_is_told_and_the_others_go_on(scene: Scene, redis_server: RedisServer) -> None:
    with contextlib.closing(Queues(redis_server.url)) as queues, exporting(scene.store, queues, scene.settings) as port:
        redis_server.kill()
        told = scraped(port)
        assert (told["portevoix_redis_up"], told["portevoix_database_up"]) == (0, 1)
        assert "portevoix_results_waiting" not in told
        with scene.store.database.write() as connection:
            connection.exec_driver_sql("DROP TABLE halts")
        told = scraped(port)
        assert (told["portevoix_redis_up"], told["portevoix_database_up"]) == (0, 0)


@ON_SQLITE
@pytest.mark.timeout(240)
def test_a_killed_redis_fires_its_alert_in_a_real_prometheus(
    scene: Scene, redis_server: RedisServer, tmp_path: Path
) -> None:
    with (
        contextlib.closing(Queues(redis_server.url)) as queues,
        exporting(scene.store, queues, scene.settings) as port,
        prometheus(tmp_path, port) as ask,
    ):
        wait_for(lambda: ask("portevoix_redis_up == 1"), "the first scrape", 60)
        assert not ask('ALERTS{alertname="PortevoixRedisDown"}')
        redis_server.kill()
        wait_for(lambda: ask('ALERTS{alertname="PortevoixRedisDown",alertstate="firing"}'), "the alert", 60)
        assert not ask('ALERTS{alertname="PortevoixDatabaseDown"}')


@contextlib.contextmanager
def prometheus(folder: Path, port: int) -> Iterator[Callable[[str], list[object]]]:
    """A Prometheus with our rules and configuration, but that it scrapes `port` each second and waits for no alert."""
    binary = program("prometheus")
    for file in ("prometheus.yml", "alerts.yml"):
        text = (HOME / "asterisk" / "monitoring" / file).read_text(encoding="utf-8")
        text = re.sub(r"(interval|timeout): \w+", r"\1: 2s", text).replace(":9464", f":{port}")
        (folder / file).write_text(re.sub(r"for: \w+", "for: 0s", text), encoding="utf-8")
    argv = [binary, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([*argv, "--web.listen-address=127.0.0.1:0"], stdout=log, stderr=log)

    def address() -> str:
        found = re.search(r"Listening on\D* address=(\S+)", (folder / "prometheus.log").read_text())
        return found[1] if found else ""

    def ask(query: str) -> list[object]:
        url = f"http://{address()}/api/v1/query?query={urllib.parse.quote(query)}"
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=30) as answer:
            return list(json.load(answer)["data"]["result"])
        return []  # it is not ready

    try:
        wait_for(address, "Prometheus", 60)
        yield ask
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder / "data", ignore_errors=True)
