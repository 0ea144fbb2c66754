"""Listens are compared with those who saw the calls too, and whoever of them tells otherwise is heard."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.adapters import carrier_cdr
from ivr.adapters.pbx import cdr
from ivr.doors.cli import cli
from ivr.doors.report import as_audit
from ivr.errors import Refused
from ivr.rules.auditing import Kind
from ivr.rules.records import Campaign
from ivr.rules.segments import EndedBy, Listen, Play, Segment
from ivr.usecases.auditing import Audit, audit_of
from ivr.usecases.recording import end_result, listen_result, record
from tests.integration.scene import ON_SQLITE, Scene

SENT_MS = 20
HEARD_MS = (5_000, 2_100, 0, 3_000)
"""Of the answered calls; the last of the campaign's people is busy."""
Line = tuple[str, str, float]


def called(scene: Scene) -> tuple[Campaign, list[str]]:
    """Heard by the clock of the script: pre-roll from its beginning, the message right after it."""
    campaign = scene.campaign(len(HEARD_MS) + 1)
    attempts = scene.dialing(campaign, len(HEARD_MS) + 1)
    for attempt, heard_ms in zip(attempts, HEARD_MS, strict=False):
        plays = (
            Play(Segment.PREROLL, "p", min(heard_ms, 1_000), 1_000, 0),
            Play(Segment.MESSAGE, "m", max(heard_ms - 1_000, 0), 4_000, 1_000),
        )
        told = Listen(attempt, plays if heard_ms else (), ended_by=EndedBy.LISTENER, at_ms=50)
        record([listen_result(told), end_result(attempt, "answered", 9_000)], scene.store)
    record([end_result(attempts[-1], "busy", 100)], scene.store)
    return campaign, attempts


def seen_by_pbx(scene: Scene, attempts: list[str], talked_s: tuple[float | None, ...]) -> None:
    """Asterisk's file of those calls; None: it has none of it, 0: nobody answered."""
    file = cdr.file(scene.settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f'"{attempt}","1.0","{2 if s else ""}","{2 + s}","{1 + s}","{s}","{"ANSWERED" if s else "NO ANSWER"}"\n'
        for attempt, s in zip(attempts, talked_s, strict=True)
        if s is not None
    ]
    file.write_text("".join(lines))


def kinds(audit: Audit, witness: int = 0) -> list[tuple[Kind, int | None]]:
    return sorted((one.kind, one.apart_ms) for one in audit.verdicts[witness].disagreements)


def test_a_pbx_that_saw_the_same_agrees(scene: Scene) -> None:
    campaign, attempts = called(scene)
    seen_by_pbx(scene, attempts, (5.3, 5.2, 1.0, 2.8, 0))
    audit = audit_of(scene.store, scene.settings, campaign.name)
    [pbx] = audit.verdicts
    assert audit.agrees, pbx
    assert (pbx.calls, pbx.compared, pbx.unmeasured) == (5, 4, 0)
    assert (pbx.shortest_ms, pbx.longest_ms, pbx.greatest) == (-200, 3_100, None)


def test_each_way_to_disagree_is_told_and_the_greatest_stated(scene: Scene) -> None:
    campaign, attempts = called(scene)
    seen_by_pbx(scene, attempts, (3.9, 9.0, None, 0, 4.0))
    audit = audit_of(scene.store, scene.settings, campaign.name)
    assert kinds(audit) == [
        (Kind.ANSWERED_FOR_WITNESS_ONLY, None),
        (Kind.ANSWERED_IN_BOOKS_ONLY, None),
        (Kind.CALL_LONGER, 6_900),
        (Kind.HEARD_LONGER, -1_100),
        (Kind.NOT_WITNESSED, None),
    ]
    greatest = audit.verdicts[0].greatest
    assert greatest
    assert (greatest.attempt, greatest.apart_ms) == (attempts[1], 6_900)
    seen_by_pbx(scene, attempts, (0.1, 1.1, 1.0, 3.0, 0))
    greatest = audit_of(scene.store, scene.settings, campaign.name).verdicts[0].greatest
    assert greatest
    assert (greatest.attempt, greatest.apart_ms) == (attempts[0], -4_900), (
        "the greatest is the furthest apart either way"
    )


def test_what_is_forgotten_or_made_elsewhere_is_said_and_not_guessed(scene: Scene) -> None:
    campaign, attempts = called(scene)
    seen_by_pbx(scene, attempts, (60, 60, 60, 60, 0))
    with scene.store.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM listens")
    audit = audit_of(scene.store, scene.settings, campaign.name)
    assert (audit.agrees, audit.verdicts[0].compared, audit.verdicts[0].unmeasured) == (True, 0, 4)
    with scene.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE attempts SET pbx = 'pbx2'")
    audit = audit_of(scene.store, scene.settings, campaign.name)
    assert (audit.elsewhere, audit.verdicts[0].calls) == (5, 0)


def carrier_file(folder: Path, lines: list[Line], header: str = "Numéro appelé;Début;Durée facturée") -> Path:
    path = folder / "carrier.csv"
    path.write_text("\n".join([header, *(f"{number};{began};{seconds}" for number, began, seconds in lines)]))
    return path


def number(person: int) -> str:
    return f"063998{1000 + person}"


def test_the_carriers_file_is_a_witness_too(scene: Scene, tmp_path: Path) -> None:
    campaign, attempts = called(scene)
    seen_by_pbx(scene, attempts, (5.3, 2.2, 1.0, 3.0, 0))
    began = "01/01/1970 01:00:10"  # in the campaign's zone, an hour ahead of UTC
    lines: list[Line] = [
        (number(0), began, 6), (number(1), began, 60), (number(3), "1970-01-01T00:00:10Z", 3), (number(4), began, 0),
        (number(0), "01/01/1970 12:00:00", 30), ("0639989999", began, 9), ("nobody", began, 9),
    ]  # fmt: skip
    audit = audit_of(scene.store, scene.settings, campaign.name, carrier_file(tmp_path, lines))
    assert audit.verdicts[0].agrees
    assert kinds(audit, 1) == [(Kind.CALL_LONGER, 57_900), (Kind.NOT_IN_BOOKS, None), (Kind.NOT_WITNESSED, None)]
    assert audit.unread == (8,)
    with pytest.raises(Refused, match="by lab"):
        audit_of(scene.store, scene.settings, campaign.name, tmp_path / "carrier.csv", "other")


@pytest.mark.parametrize(
    ("header", "cells", "read"),
    [
        ("dst,start,billsec", "33639981000,2026-11-25 18:00:05,62", 62_000),
        ("Called number\tCall date\tDuration", "+33 6 39 98 10 00\t2026-11-25T18:00:05+01:00\t00:01:02", 62_000),
        ("b_number|start_time|bill_seconds", "0639981000|1764090005|62.5", 62_500),
        ("Destinataire;Date/heure;Durée (s)", '"0639981000";25/11/2026 18:00:05;"62,5"', 62_500),
    ],
)
def test_files_of_any_make_are_read(tmp_path: Path, header: str, cells: str, read: int) -> None:
    path = tmp_path / "cdr.csv"
    path.write_text(f"{header}\n{cells}\n")
    [one], unread = carrier_cdr.read(path, "Europe/Paris")
    assert (one.digits.removeprefix("33").removeprefix("0"), one.talked_ms, unread) == ("639981000", read, [])
    assert datetime.fromtimestamp(one.began_at_ms / 1000, UTC).strftime("%d %H:%M:%S") == "25 17:00:05"


def test_a_file_without_its_columns_says_which(tmp_path: Path) -> None:
    path = tmp_path / "cdr.csv"
    path.write_text("dst,price\n0639981000,3\n")
    with pytest.raises(Refused, match="the beginning of the call nor its seconds; its columns: dst, price"):
        carrier_cdr.read(path, "UTC")


@ON_SQLITE
def test_the_command_says_it_in_two_languages_without_whole_numbers(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign, attempts = called(scene)
    monkeypatch.setenv("IVR_VAR", str(scene.settings.var_dir))
    assert as_audit.WORDS["fr"].keys() == as_audit.WORDS["en"].keys()
    seen_by_pbx(scene, attempts, (5.3, 2.2, 1.0, 3.0, 0))
    agreed = CliRunner().invoke(cli, ["report", "audit", campaign.name, "--language", "en"])
    assert (agreed.exit_code, "agrees: no disagreement" in agreed.output) == (0, True), agreed.output
    seen_by_pbx(scene, attempts, (5.3, 60, 1.0, 3.0, 0))
    shown = CliRunner().invoke(cli, ["report", "audit", campaign.name])
    assert shown.exit_code == 1
    assert f"le plus grand écart : 57,9 s pour l'appel {attempts[1]} vers +336******01" in shown.output
    told = CliRunner().invoke(cli, ["report", "audit", campaign.name, "--json"])
    assert told.exit_code == 1
    found = json.loads(told.output)
    assert (found["schema"], found["agrees"]) == ("portevoix.audit/1", False)
    assert found["verdicts"][0]["greatest"]["apart_ms"] == 57_900
    for output in (shown.output, told.output):
        assert "39981" not in output
