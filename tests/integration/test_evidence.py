"""The evidence of a campaign: whole on any machine, and one changed byte anywhere in it is found."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ivr.adapters import rule_packs
from ivr.adapters.signing import COMMENT, NotWhole, load_signing_key, opened, signed_zip
from ivr.adapters.store.suppressions import sponsor_scope
from ivr.doors.cli import cli
from ivr.errors import NotFound
from ivr.rules.records import Campaign
from ivr.usecases import campaigns, consenting, evidence, messages, uploading
from tests.integration.consents import SPONSOR, record, whole
from tests.integration.scene import Scene
from tests.integration.test_consents import NUMBER, listed


def members(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def written(scene: Scene) -> Path:
    record(scene, whole(NUMBER))
    campaign = scene.campaign(1, batch_id=listed(scene))
    scene.dialing(campaign)
    return evidence.write(scene.store, scene.settings, campaign.name, scene.settings.home / "evidence.zip")


def test_it_holds_what_was_played_decided_and_permitted_and_no_number(scene: Scene, written: Path) -> None:
    found = evidence.verify(written, evidence.key_of(scene.settings))
    assert found.campaign == "campaign-1"
    files = members(written)
    assert {f"audio/{sound}.alaw" for sound in ("pppppppp", "mmmmmmmm", "nnnnnnnn", "cccccccc")} < files.keys()
    packs = {name.partition("-")[0] for name in files if name.startswith("rules/")}
    assert packs == {"rules/fr", "rules/eu", "rules/common"}  # fr inherits from eu, and eu from common
    kinds = [json.loads(link["body"])["kind"] for link in json.loads(files["journal.json"])]
    assert {"campaign-made", "campaign-running", "sponsor-added"} <= set(kinds)
    [consent] = json.loads(files["consents.json"])
    assert "J'accepte" in consent["body"]
    assert json.loads(files["manifest.json"])["chains"]["consents"]["seq"] == 1
    for name, data in files.items():
        assert NUMBER[3:].encode() not in data, name
    assert scene.store.journal.entries("campaign:campaign-1")[-1]["kind"] == "evidence-written"


def decisions(scene: Scene, campaign: Campaign) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Those in the campaign's evidence, and the bodies of the consents beside them."""
    files = members(evidence.write(scene.store, scene.settings, campaign.name, scene.settings.home / "decisions.zip"))
    return json.loads(files["decisions.json"]), [json.loads(one["body"]) for one in json.loads(files["consents.json"])]


def test_a_call_is_there_with_the_permission_that_was_in_force_then_and_its_proof(scene: Scene) -> None:
    record(scene, whole(NUMBER))
    campaign, now = scene.campaign(1, batch_id=listed(scene)), datetime.now(UTC)
    [attempt] = scene.claim(campaign, 1, at=now)
    assert scene.begin(attempt, at=now) is not None
    record(scene, whole(NUMBER, act_ref="another day", captured_at=datetime.now(UTC).isoformat()))
    told, consents = decisions(scene, campaign)
    [call] = told["let_out"]
    assert (call["id"], told["let_out_of"], told["refused"], told["refused_of"]) == (attempt, 1, [], 0)
    [permission] = call["permissions"]
    assert (permission["purpose"], permission["basis"]) == ("political_advertising", "consent")
    assert permission["basis_ref"].partition(":")[2] in {one["proof"] for one in consents}
    assert len(consents) == 2, "the later one opens calls from now on, not that one"
    consenting.withdraw(scene.store, scene.settings, SPONSOR, NUMBER, [], "a letter")
    assert decisions(scene, campaign)[0]["let_out"] == [call], "what was permitted then stays so"


def test_a_refusal_is_there_with_its_rule(scene: Scene) -> None:
    campaign = scene.campaign(5)
    scene.dialing(campaign, 2)
    assert len(scene.claim(campaign, 1)) == 1, "claimed, and not let out yet"
    query = "SELECT number FROM contacts c JOIN targets t ON t.contact_id = c.id WHERE t.state = 'due'"
    for row in scene.rows(query):
        scene.store.suppressions.add(row[0], sponsor_scope(campaign.sponsor_id), "web", 5)
    assert scene.claim(campaign, 2) == []
    told, _ = decisions(scene, campaign)
    assert [one["permissions"] for one in told["let_out"]] == [[], []], "nobody agreed, and the base rules do not ask"
    assert [(one["rule"], one["asked_when"]) for one in told["refused"]] == [("suppressed", "claiming")] * 2
    assert {one["target_id"] for one in told["refused"]}.isdisjoint(one["target_id"] for one in told["let_out"])


def test_a_sample_is_drawn_by_hash_and_says_of_how_many(scene: Scene) -> None:
    campaign = scene.campaign(12)
    attempts = scene.dialing(campaign, 12)
    drawn = scene.store.decisions.sample(campaign.id, campaign.sponsor_id, 5)
    assert (drawn.let_out_of, len(drawn.let_out)) == (12, 5)
    first = sorted(attempts, key=lambda attempt: hashlib.sha256(attempt.encode()).digest())[:5]
    assert {one["id"] for one in drawn.let_out} == set(first)


def test_it_has_the_rules_as_they_were_at_each_start(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "verify", lambda *_: None)  # the sounds are made up
    monkeypatch.setattr(uploading, "verify_message", lambda *_: None)
    packs, file = tmp_path / "packs", tmp_path / "evidence.zip"
    shutil.copytree(rule_packs.FOLDER, packs)
    monkeypatch.setattr(rule_packs, "FOLDER", packs)
    [french] = packs.glob("fr-*.yaml")
    first = french.read_bytes()
    name = scene.campaign(1, start=False).name

    def french_in_evidence() -> set[bytes]:
        found = members(evidence.write(scene.store, scene.settings, name, file))
        return {data for member, data in found.items() if member.startswith("rules/fr")}

    for _ in range(2):  # what is kept already is not kept again
        campaigns.start(scene.store, scene.settings, name)
        campaigns.pause(scene.store, name)
    french.write_bytes(first + b"# changed after the start\n")
    assert french_in_evidence() == {first}
    campaigns.start(scene.store, scene.settings, name)
    assert french_in_evidence() == {first, french.read_bytes()}
    kinds = [entry["kind"] for entry in scene.store.journal.entries(f"campaign:{name}")]
    assert kinds.count("rules-kept") == 2
    kept = scene.settings.shared_dir / "packs"
    next(one for one in kept.iterdir() if one.read_bytes() == first).write_bytes(b"other rules")
    with pytest.raises(NotFound, match="from a backup"):
        french_in_evidence()


def test_one_changed_byte_is_found(written: Path) -> None:
    data = written.read_bytes()
    rand = random.Random(5)
    ends = [0, len(data) - COMMENT - 1, *range(len(data) - COMMENT, len(data), 7)]
    for at in [*ends, *(rand.randrange(len(data)) for _ in range(400))]:
        changed = bytearray(data)
        changed[at] ^= 1 << rand.randrange(8)
        written.write_bytes(changed)
        with pytest.raises(NotWhole):
            evidence.verify(written)
    for cut in (data[:-1], data + b"0", data[1:], b"", data[:COMMENT]):
        written.write_bytes(cut)
        with pytest.raises(NotWhole):
            evidence.verify(written)


def test_one_signed_by_somebody_else_is_found_by_who_knows_the_key(scene: Scene, written: Path, tmp_path: Path) -> None:
    files, key = opened(written.read_bytes())
    files["books.json"] = b"{}"
    other = load_signing_key(tmp_path / "other.key")
    written.write_bytes(signed_zip(other, files))
    with pytest.raises(NotWhole, match="manifest"):
        evidence.verify(written)
    with pytest.raises(NotWhole, match="another key"):
        evidence.verify(written, key)


def test_the_commands(scene: Scene, written: Path) -> None:
    config = scene.settings.home / "portevoix.toml"
    config.write_text(f"[database]\nurl = '{scene.settings.database.url}'\n", encoding="utf-8")
    run, with_config = CliRunner().invoke, ["--config", str(config), "evidence"]
    again = scene.settings.home / "again.zip"
    assert run(cli, [*with_config, "campaign-1", "--output", str(again)]).exit_code == 0
    key = run(cli, [*with_config, "key"]).output.strip()
    checked = run(cli, ["evidence", "verify", str(again), "--key", key])
    assert (checked.exit_code, "whole: campaign campaign-1" in checked.output) == (0, True)
    assert isinstance(run(cli, ["evidence", "verify", str(again), "--key", "0" * 64]).exception, NotWhole)
    assert isinstance(run(cli, ["evidence", "verify", "/nowhere.zip"]).exception, NotFound)
    assert isinstance(run(cli, [*with_config, "no-campaign"]).exception, NotFound)
