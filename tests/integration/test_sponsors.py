"""Sponsors' dossiers: what a start still lacks under each country's rules, and the numbers they may show."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ivr.doors.cli import cli
from ivr.errors import BadSetting, NotFound, Refused
from ivr.rules.dossier import DEMANDS, MEANINGS, NAMES, Dossier, lacking
from ivr.rules.records import Review
from ivr.usecases import campaigns, messages, sponsors, uploading
from ivr.usecases.campaigns import now_ms
from tests.integration.rig import trunk
from tests.integration.scene import CALLER_ID, Scene

FULL = asdict(Dossier(**{name: f"the {name}" for name in NAMES})) | {"type": "candidate"}


def names(scene: Scene, pack: str, campaign: str = "") -> list[str]:
    return [lack.name for lack in sponsors.lacks(scene.store, scene.settings, "Jeanne Martin", pack, campaign)]


def test_every_field_is_explained_and_every_demand_is_a_field() -> None:
    assert set(MEANINGS) == set(NAMES)
    for pack, demands in DEMANDS.items():
        assert set(demands) <= set(NAMES)
        assert lacking(Dossier(**FULL), pack) == []
        for name in demands:
            assert lacking(Dossier(**FULL | {name: " "}), pack)[0] == name


def test_a_pack_that_is_not_known_wants_everything() -> None:
    assert lacking(Dossier(), "atlantis") == list(NAMES)
    assert lacking(Dossier(), "base") == []


def test_in_france_a_candidate_buys_through_a_financial_agent() -> None:
    assert lacking(Dossier(**FULL | {"mandate": ""}), "fr") == ["mandate"]
    assert lacking(Dossier(**FULL | {"mandate": "", "type": "public_body"}), "fr") == []


def test_a_start_lacks_what_nobody_gave(scene: Scene) -> None:
    sponsors.add(scene.store, "Jeanne Martin", {"legal_name": "Jeanne Martin", "type": "candidate"})
    assert names(scene, "base") == []
    assert {"payer", "controlling_entity", "data_protection_contact", "declaration", "mandate"} < set(
        names(scene, "fr")
    )
    sponsors.change(scene.store, "Jeanne Martin", FULL)
    assert names(scene, "fr") == []
    said = {"notice": "Votre numéro : Formulaire  du 3 mars 2026, avec votre accord."}
    campaign = scene.campaign(1, start=False, texts=said)
    assert names(scene, "fr", campaign.name) == ["approvals", "source_label"]
    for label, right in (("une autre liste", False), ("formulaire du 3 mars 2026.", True)):
        with scene.store.database.write() as connection:
            connection.exec_driver_sql(f"UPDATE source_batches SET source_label_fr = '{label}'")  # noqa: S608
        assert ("source_label" not in names(scene, "fr", campaign.name)) is right, label
    with pytest.raises(Refused, match="lacks approvals"):
        sponsors.require(scene.store, scene.settings, campaign, "fr")
    [message] = scene.store.messages.of_campaign(campaign.id)
    for by in ("anne", "luc"):
        scene.store.messages.approve(message, Review(by, now_ms()))
    sponsors.require(scene.store, scene.settings, campaign, "fr")


def test_a_campaign_of_a_pack_does_not_start_without_what_it_demands(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "verify", lambda *_: None)  # the sounds are made up
    monkeypatch.setattr(uploading, "verify_message", lambda *_: None)
    scene.campaign(1, start=False)
    of_pack = scene.campaign(1, start=False, pack="fr")
    assert campaigns.startable(scene.store, scene.settings, "campaign-1").pack == "base"
    with pytest.raises(Refused, match="lacks legal_name"):
        campaigns.start(scene.store, scene.settings, of_pack.name)
    assert scene.store.campaigns.named(of_pack.name).state == "draft"


def test_a_real_trunk_shows_only_a_number_that_was_granted(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(trunks={"carrier": trunk(host="192.0.2.1")})
    sponsors.add(scene.store, "Jeanne Martin", FULL)
    sponsors.add(scene.store, "Jean Dupont", FULL)
    campaign = scene.campaign(1, start=False, trunks=["carrier"])

    def lacks_it() -> bool:
        return "caller_id_grant" in names(scene, "fr", campaign.name)

    def granted(to: str, first: str = "", last: str = "") -> None:
        sponsors.grant_caller_id(scene.store, scene.settings, to, CALLER_ID, "contract 12", (first, last))

    assert lacks_it()
    granted("Jean Dupont")
    granted("Jeanne Martin", "2020-01-01", "2020-12-31")
    granted("Jeanne Martin", "2099-01-01")
    assert lacks_it()
    granted("Jeanne Martin")
    assert not lacks_it()
    sponsors.revoke_caller_id(scene.store, scene.settings, "Jeanne Martin", CALLER_ID)
    assert lacks_it()
    with pytest.raises(NotFound):
        sponsors.revoke_caller_id(scene.store, scene.settings, "Jeanne Martin", CALLER_ID)
    kinds = [entry["kind"] for entry in scene.store.journal.entries("sponsor:Jeanne Martin")]
    assert kinds == ["sponsor-added", *["caller-id-granted"] * 3, "caller-id-revoked"]


def test_what_is_none_is_refused(scene: Scene) -> None:
    store = scene.store
    with pytest.raises(Refused, match="printable"):
        sponsors.add(store, "Jeanne\nMartin", {})
    sponsors.add(store, "Jeanne Martin", {})
    with pytest.raises(Refused, match="already"):
        sponsors.add(store, "Jeanne Martin", {})
    for given in ({"payer": "a\nb"}, {"payer": "x" * 501}, {"colour": "red"}, {"type": "king"}, {}):
        with pytest.raises(Refused):
            sponsors.change(store, "Jeanne Martin", given)
    with pytest.raises(NotFound, match="sponsor list"):
        sponsors.change(store, "Nobody", FULL)
    with pytest.raises(BadSetting, match="no day"):
        sponsors.grant_caller_id(store, scene.settings, "Jeanne Martin", CALLER_ID, "x", ("tomorrow", ""))
    with pytest.raises(Refused, match="grant can be read"):
        sponsors.grant_caller_id(store, scene.settings, "Jeanne Martin", CALLER_ID, " ")
    other = scene.campaign(1, sponsor="Jean Dupont")
    with pytest.raises(Refused, match="not this sponsor's"):
        sponsors.lacks(store, scene.settings, "Jeanne Martin", "fr", other.name)


def test_the_commands(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "portevoix.toml").write_text(f"[database]\nurl = '{scene.settings.database.url}'\n", encoding="utf-8")
    evidence = tmp_path / "grant.txt"
    evidence.write_text("granted", encoding="utf-8")

    def run(*words: str) -> Result:
        return CliRunner().invoke(cli, ["--config", str(tmp_path / "portevoix.toml"), "sponsor", *words])

    assert run("add", "Jeanne Martin", "--legal-name", "Jeanne Martin", "--type", "candidate").exit_code == 0
    lacking_ = run("check", "Jeanne Martin", "--pack", "fr")
    assert lacking_.exit_code == 1
    assert "lacking: payer: who pays for the calls" in lacking_.output
    assert [lack["name"] for lack in json.loads(run("check", "Jeanne Martin", "--pack", "us", "--json").output)] == [
        "identity", "controlling_entity", "payer", "data_protection_contact",
    ]  # fmt: skip
    given = [word for name, text in FULL.items() for word in (f"--{name.replace('_', '-')}", text)]
    assert run("set", "Jeanne Martin", *given).exit_code == 0
    assert run("check", "Jeanne Martin").exit_code == 0
    assert run("caller-id", "Jeanne Martin", CALLER_ID, "--evidence", str(evidence)).exit_code == 0
    shown = json.loads(run("show", "Jeanne Martin", "--json").output)
    assert shown["dossier"] == FULL
    [granted] = shown["caller_ids"]
    assert granted["evidence_sha256"] == hashlib.sha256(b"granted").hexdigest()
    assert f"caller ID {CALLER_ID}: from" in run("show", "Jeanne Martin").output
    assert run("caller-id", "Jeanne Martin", CALLER_ID, "--revoke").exit_code == 0
    assert "revoked" in run("show", "Jeanne Martin").output
    assert "Jeanne Martin" in run("list").output
