"""The doctor finds what was broken on purpose, says nothing of what is well, and changes nothing."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ivr.adapters.pbx import cdr, instance, programs
from ivr.adapters.queues import Queues
from ivr.adapters.sound import confine
from ivr.adapters.store import locks, schema
from ivr.doors.cli import cli
from ivr.errors import NotReady, ProgramMissing
from ivr.rules.findings import Finding, Weight
from ivr.rules.gate import YES
from ivr.rules.records import Way
from ivr.settings import Pbx, Settings, Trunk
from ivr.usecases import doctoring, halting, surroundings, witnesses
from ivr.usecases.campaigns import now_ms
from ivr.usecases.originating import first_id_of, new_attempt_id
from ivr.usecases.recording import end_result, listen_result, record
from ivr.usecases.who import login_name
from tests.integration.conftest import RedisServer
from tests.integration.scene import Scene, listen

MakeScene = Callable[..., Scene]
DAY_MS = 86_400_000
OTHER = "0" * 27


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witnesses, "LOOK_AGAIN_S", 0)


def on_the_pbx(monkeypatch: pytest.MonkeyPatch, *channels: str) -> None:
    monkeypatch.setattr(instance, "uniqueids", lambda _settings: set(channels))


def wrote(scene: Scene, attempt: str, disposition: str, ended_ms: int | None = None) -> None:
    """Asterisk wrote a CDR."""
    path = cdr.file(scene.settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    at_s = (ended_ms or now_ms() - 30_000) / 1000
    with path.open("a") as file:
        file.write(f"{attempt},{at_s - 9},{at_s - 5},{at_s},9,5,{disposition}\n")


def old(scene: Scene, *attempts: str) -> None:
    """All that happened to them was a minute ago."""
    then = now_ms() - 60_000
    instants = {"claimed_at_ms": then, "dialing_at_ms": then}
    with scene.store.database.write() as connection:
        connection.execute(schema.attempts.update().where(schema.attempts.c.id.in_(attempts)).values(**instants))


def ended(scene: Scene, attempt: str, outcome: str, ago_ms: int = 60_000, heard: bool = True) -> None:
    results = [end_result(attempt, outcome, now_ms() - ago_ms)]
    if heard:
        results.append(listen_result(listen(attempt)))
    record(results, scene.store)


def named(findings: list[Finding], weight: Weight = Weight.WRONG) -> dict[str, tuple[str, ...]]:
    return {one.name: one.attempts for one in findings if one.weight is weight}


def look(scene: Scene) -> list[Finding]:
    return witnesses.compare(scene.store, scene.settings, DAY_MS)


def test_all_agree(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    live, over, busy = scene.dialing(scene.campaign(3), 3)
    ended(scene, over, "answered")
    ended(scene, busy, "busy", heard=False)
    old(scene, live)
    wrote(scene, over, "ANSWERED")
    wrote(scene, busy, "BUSY")
    wrote(scene, "pbx1-1700000000.1", "ANSWERED")  # somebody rang up; that is no attempt of ours
    on_the_pbx(monkeypatch, live, "pbx1-1700000000.2")
    (found,) = look(scene)
    assert (found.name, found.weight) == ("witnesses", Weight.OK)


def test_each_difference_is_told_with_its_attempts(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = scene.campaign(9)
    lost, heard_of, hangs, contradicted, in_outbox, unheard = scene.dialing(campaign, 6)
    [forgotten] = scene.claim(campaign, 1)
    for attempt in (hangs, contradicted):
        ended(scene, attempt, "answered")
    for attempt in (in_outbox, unheard):
        ended(scene, attempt, "answered", heard=False)
    old(scene, lost, heard_of, forgotten)
    wrote(scene, heard_of, "ANSWERED")
    wrote(scene, contradicted, "NO ANSWER")
    wrote(scene, "1" * 27, "ANSWERED")
    wrote(scene, "2" * 27, "ANSWERED", now_ms() - 2 * DAY_MS)  # before the span
    folder = scene.settings.var_dir / "outbox"
    folder.mkdir()
    (folder / "agi-1.jsonl").write_text(json.dumps(listen_result(listen(in_outbox))) + "\n")
    on_the_pbx(monkeypatch, hangs, OTHER)
    before = scene.rows("SELECT * FROM attempts")
    assert named(look(scene)) == {
        "claim-without-order": (forgotten,),
        "end-not-heard": (heard_of,),
        "no-trace": (lost,),
        "channel-without-owner": (OTHER,),
        "channel-after-end": (hangs,),
        "call-not-in-books": ("1" * 27,),
        "answer-differs": (contradicted,),
        "result-not-recorded": (in_outbox,),
        "listen-missing": (unheard,),
    }
    assert scene.rows("SELECT * FROM attempts") == before


def test_people_called_more_often_than_allowed_are_told_and_others_are_not(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_the_pbx(monkeypatch)
    now = datetime.now(UTC)
    for retry, times, told in (("busy=1s x3; spacing=1s; per_day=9; most=3; jitter=0", 3, False), ("", 2, True)):
        campaign = scene.campaign(1, retry=retry)
        for minutes in range(times):
            at = now - timedelta(minutes=10 - minutes)
            with scene.store.database.write() as connection:  # a bug that makes people due again
                due = schema.targets.update().where(schema.targets.c.campaign_id == campaign.id)
                connection.execute(due.values(state="due", due_at_ms=0, outcome=""))
            [attempt] = scene.store.attempts.claim(
                campaign.id, Way("pbx1", "lab"), [new_attempt_id(at)], lambda _: YES, int(at.timestamp() * 1000)
            )
            scene.store.attempts.begin_dialing_many([attempt], lambda _: YES, int(at.timestamp() * 1000))
            ended(scene, attempt, "busy", heard=False)
        assert named(look(scene)) == ({"called-too-often": (attempt,)} if told else {})


def test_a_released_attempt_that_the_pbx_carries_is_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    [attempt] = scene.dialing(scene.campaign(1))
    scene.store.attempts.take_back_many([attempt])
    old(scene, attempt)
    on_the_pbx(monkeypatch, attempt)
    assert named(look(scene)) == {"sent-but-released": (attempt,)}


def test_news_under_way_at_the_first_look_is_no_difference(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt, stays = scene.dialing(scene.campaign(2), 2)
    old(scene, attempt, stays)
    on_the_pbx(monkeypatch)
    monkeypatch.setattr(time, "sleep", lambda _s: ended(scene, attempt, "busy", heard=False))
    assert named(look(scene)) == {"no-trace": (stays,)}


def test_a_difference_that_only_the_second_look_finds_is_no_difference_yet(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, stays = scene.dialing(scene.campaign(2), 2)
    old(scene, live, stays)
    on_the_pbx(monkeypatch, live)
    monkeypatch.setattr(time, "sleep", lambda _s: on_the_pbx(monkeypatch))
    assert named(look(scene)) == {"no-trace": (stays,)}


def test_a_state_is_as_old_as_itself_not_as_its_claim(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    hung_up, answered = scene.dialing(scene.campaign(2), 2)
    old(scene, hung_up, answered)
    ended(scene, hung_up, "answered", ago_ms=1000)
    scene.store.attempts.answer_many({answered: now_ms() - 1000})
    on_the_pbx(monkeypatch, hung_up)
    assert named(look(scene)) == {}


def test_without_asterisk_open_calls_are_not_judged(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    sent, told = scene.dialing(scene.campaign(2), 2)
    old(scene, sent, told)
    wrote(scene, told, "ANSWERED")

    def nobody(_settings: Settings) -> set[str]:
        raise NotReady

    monkeypatch.setattr(instance, "uniqueids", nobody)
    (found,) = look(scene)
    assert (found.name, found.weight) == ("open-calls", Weight.NOTE)
    assert found.says.startswith("2 calls are open")


def test_open_calls_of_another_pbx_are_not_looked_for_on_this_one(
    scene: Scene, make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    [attempt] = scene.dialing(scene.campaign(1))
    old(scene, attempt)
    on_the_pbx(monkeypatch)
    other = make_scene(pbx=Pbx(name="pbx2"))
    assert named(look(other)) == {}
    on_the_pbx(monkeypatch, attempt)
    assert named(look(other)) == {}, "a renamed PBX carries calls under its old name: they are in the books"


def _examine(scene: Scene, file: Path | None = None) -> list[Finding]:
    return doctoring.examine(scene.settings, file, DAY_MS)


def _says(findings: list[Finding], weight: Weight = Weight.WRONG) -> str:
    return "\n".join(f"{one.name}: {one.says}" for one in findings if one.weight is weight)


def _free(**values: object) -> Pbx:
    return Pbx(**({"sip_port": 0, "ami_port": 0, "agi_port": 0} | values))


def test_with_nothing_up_and_nothing_wrong(make_scene: MakeScene) -> None:
    scene = make_scene(pbx=_free())
    scene.campaign(2, start=False)
    found = _examine(scene)
    assert _says(found) == ""
    assert "nothing is up here" in _says(found, Weight.NOTE)
    assert "books: balance in all 1 campaigns" in _says(found, Weight.OK)
    assert "requests: none is late; 0 wait for an answer" in _says(found, Weight.OK)


def test_what_a_running_campaign_lacks(make_scene: MakeScene) -> None:
    scene = make_scene(pbx=_free())
    campaign = scene.campaign(1)
    (scene.settings.sounds_dir / f"{campaign.notice.sound}.alaw").unlink()
    gone = make_scene(pbx=_free(), trunks={})
    said = _says(_examine(gone))
    assert "campaigns: nothing is up, and these are to call: campaign-1" in said
    assert campaign.notice.sound in said
    assert "there is no trunk named 'lab'" in said


def test_a_halt_is_noted_and_not_wrong(make_scene: MakeScene) -> None:
    scene = make_scene(pbx=_free())
    halting.halt(scene.store, "a drill")
    found = _examine(scene)
    assert _says(found) == ""
    assert f"{login_name()} halted it (a drill)" in _says(found, Weight.NOTE)


def test_books_that_do_not_balance_and_a_clock_set_back(make_scene: MakeScene) -> None:
    scene = make_scene(pbx=_free())
    campaign = scene.campaign(2)
    future = first_id_of(now_ms() + 3_600_000) + "0" * 16
    scene.store.attempts.claim(campaign.id, Way("pbx1", "lab"), [future], scene.ask(), now_ms())
    assert re.search(
        "the clock was set back: the newest attempt is of 3[56][0-9]{2} s from now", _says(_examine(scene))
    )


def test_a_lost_suppression_key_is_told_and_no_new_one_made(make_scene: MakeScene) -> None:
    scene = make_scene(pbx=_free())
    key = scene.settings.var_dir / "keys" / "suppression.key"
    key.unlink()
    assert "suppression.key is missing" in _says(_examine(scene))
    assert not key.exists()


def test_old_tables_a_damaged_and_a_locked_database(make_scene: MakeScene, tmp_path: Path) -> None:
    scene = make_scene(pbx=_free(), database={"busy_timeout_s": 0.1})
    with scene.store.database.write() as connection:
        locks.changing_answers(connection)
        assert "stayed locked" in _says(_examine(scene))
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    assert "its tables are not those of this version" in _says(_examine(scene))
    scene.store.close()
    if scene.on_postgres:
        return
    (scene.settings.var_dir / "portevoix.db").write_bytes(b"hello " * 1000)
    for name in ("portevoix.db-wal", "portevoix.db-shm"):
        (scene.settings.var_dir / name).unlink(missing_ok=True)
    assert "the database is damaged" in _says(_examine(scene))


def test_a_redis_that_keeps_nothing_and_buried_results(
    make_scene: MakeScene, shared_redis: RedisServer, queues: Queues
) -> None:
    scene = make_scene(shared_redis.url, pbx=_free())
    queues.publish_results([{"x": 1}])
    [(entry, text)] = queues.read_results("w", 1)
    queues.bury(entry, text, "no kind")
    queues._redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        said = _says(_examine(scene))
    finally:
        queues._redis.config_set("maxmemory-policy", "noeviction")
    assert "Redis may forget what waits (policy allkeys-lru)" in said
    assert "Redis keeps no append-only file" in said
    assert "1 results could not be recorded" in said


def test_a_redis_that_is_away_hides_nothing_else(make_scene: MakeScene) -> None:
    found = _examine(make_scene("unix:///nowhere/redis.sock", pbx=_free()))
    assert "redis: Redis does not answer" in _says(found)
    assert "books: balance" in _says(found, Weight.OK)


def test_ports_disk_rooms_and_programs(make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks(name: str, _cache: Path) -> programs.Program:
        raise ProgramMissing(f"{name} is not on this machine")

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        scene = make_scene(pbx=_free(ami_port=port, rtp_first=20000, rtp_last=20099, channels=60))
        monkeypatch.setattr(surroundings, "LEAST_FREE_BYTES", 10**18)
        monkeypatch.setattr(programs, "find", lacks)
        said = _says(_examine(scene))
    assert f"setting pbx.ami_port: port {port}" in said
    assert "suffice for 50 calls at once, pbx.channels allows 60" in said
    assert "GB free for" in said
    assert "asterisk: asterisk is not on this machine" in said


@pytest.mark.parametrize(
    ("kind", "says"),
    [("landlock", "decoder: recordings are read behind landlock"), ("limits", "decoder: this kernel has no Landlock")],
)
def test_what_keeps_the_decoder_in(
    kind: str, says: str, make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confine, "walls", lambda: kind)
    found = _examine(make_scene(pbx=_free()))
    assert says in _says(found, Weight.OK if kind == "landlock" else Weight.NOTE)
    assert "decoder" not in _says(found)


def test_a_password_that_others_may_read(make_scene: MakeScene, tmp_path: Path) -> None:
    file = tmp_path / "portevoix.toml"
    file.write_text("")
    trunk = Trunk(host="sip.example.org", password="hidden", caller_id="+33199000000")
    scene = make_scene(pbx=_free(), trunks={"carrier": trunk})
    file.chmod(0o644)
    found = _examine(scene, file)
    assert "holds a trunk's password and others may read it" in _says(found)
    assert "hidden" not in str(found)
    file.chmod(0o600)
    assert _says(_examine(scene, file)) == ""


def ivr(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--config", str(home / "portevoix.toml"), *arguments])


def test_the_command_on_an_empty_folder_and_with_bad_settings(tmp_path: Path) -> None:
    file = tmp_path / "portevoix.toml"
    file.write_text("[pbx]\nsip_port = 0\nami_port = 0\nagi_port = 0\n")
    ran = ivr(tmp_path, "doctor")
    assert (ran.exit_code, ran.output.splitlines()[-1]) == (0, "nothing is wrong")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["portevoix.toml"], "looking leaves nothing behind"
    file.write_text("[pbx]\nnonsense = 0\n")
    ran = ivr(tmp_path, "doctor", "--json")
    told = json.loads(ran.output)
    assert (ran.exit_code, told["wrong"]) == (1, 1)
    assert "unknown setting pbx.nonsense" in told["findings"][0]["says"]


def test_the_command_tells_ids_for_people_and_for_programs(scene: Scene) -> None:
    attempts = scene.claim(scene.campaign(7), 7)
    old(scene, *attempts)
    text = f"[pbx]\nsip_port = 0\nami_port = 0\nagi_port = 0\n[database]\nurl = '{scene.settings.database.url}'\n"
    (scene.settings.home / "portevoix.toml").write_text(text)
    ran = ivr(scene.settings.home, "doctor")
    assert ran.exit_code == 1
    assert "7: people were chosen to be called, but no order" in ran.output
    assert f"{sorted(attempts)[4]} and 2 more (--json)" in ran.output
    told = json.loads(ivr(scene.settings.home, "doctor", "--json").output)["findings"]
    assert next(one for one in told if one["name"] == "claim-without-order")["attempts"] == sorted(attempts)
