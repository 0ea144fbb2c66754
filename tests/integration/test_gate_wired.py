"""A campaign that names a rule pack is asked what the pack demands, from the books, at claiming and before dialing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from sqlalchemy import insert, update

from ivr.adapters.store import schema
from ivr.adapters.store.proofs import caller_id_grants, purpose_grants
from ivr.doors.cli import cli
from ivr.errors import NotFound, Refused
from ivr.rules.dossier import NAMES, Dossier
from ivr.rules.gate import Kind, Verdict
from ivr.rules.records import Campaign
from ivr.usecases import drafting, explaining
from ivr.usecases.drafting import Rules
from tests.integration.rig import trunk
from tests.integration.scene import ON_SQLITE, Scene

PARIS = ZoneInfo("Europe/Paris")
NOON = datetime(2026, 11, 25, 11, tzinfo=PARIS)  # a Wednesday
CALLER_ID = "+33162123456"
DOSSIER = asdict(Dossier(**{name: f"the {name}" for name in NAMES})) | {"type": "candidate"}
ELECTORAL = {"pack": "fr", "message_class": "electoral_campaign", "election": "fr-presidential-2027"}
LAWFUL: dict[str, Any] = {"hours": "00:00-24:00", "expires_at_ms": None} | ELECTORAL


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


@pytest.fixture
def france(make_scene: Callable[..., Scene]) -> Scene:
    """An installation with a trunk that is no lab and shows a number that may be shown."""
    return make_scene(trunks={"lab": trunk(host="sip.example.net", caller_id=CALLER_ID)})


def lawful(scene: Scene, people: int = 3, sponsor: str = "Jeanne Martin", **values: Any) -> Campaign:
    """A running campaign under the French pack of which everything is in order, and everybody agreed."""
    made = scene.campaign(people, sponsor=sponsor, **(LAWFUL | values))
    with scene.store.database.write() as connection:
        connection.execute(update(schema.sponsors).values(dossier=DOSSIER))
        source = {"source_type": "direct_form"}
        connection.execute(update(schema.source_batches).where(schema.source_batches.c.id == made.batch_id), source)
        connection.execute(update(schema.contacts).values(departement="75", birth_year=1980))
        shown = {"number": CALLER_ID, "evidence": "a contract", "from_ms": 1, "granted_by": "tester"}
        connection.execute(insert(caller_id_grants).values(sponsor_id=made.sponsor_id, **shown))
        grant = {
            "sponsor_id": made.sponsor_id, "purpose": "political_advertising", "channel": "automated_voice",
            "basis": "consent", "basis_ref": "1", "hours": "08:00-21:00", "timezone": "Europe/Paris",
            "from_ms": ms(NOON - timedelta(days=30)), "to_ms": ms(NOON + timedelta(days=300)),
        }  # fmt: skip
        for contact in contacts_of(scene, made):
            connection.execute(insert(purpose_grants).values(contact_id=contact, **grant))
    return scene.store.campaigns.named(made.name)


def contacts_of(scene: Scene, campaign: Campaign) -> list[int]:
    rows = scene.rows(f"SELECT contact_id FROM targets WHERE campaign_id = {campaign.id} ORDER BY id")  # noqa: S608
    return [row[0] for row in rows]


def change(scene: Scene, sql: str) -> None:
    with scene.store.database.write() as connection:
        connection.exec_driver_sql(sql)


def refused(scene: Scene, campaign: Campaign) -> dict[str, int]:
    return scene.store.campaigns.books(campaign.id).not_allowed


def said(scene: Scene, campaign: Campaign, at: datetime = NOON) -> Verdict:
    """What the Gate would say of the campaign's first person."""
    number = scene.rows(
        f"SELECT c.number FROM contacts c JOIN targets t ON t.contact_id = c.id "  # noqa: S608
        f"WHERE t.campaign_id = {campaign.id} ORDER BY t.id"
    )[0][0]
    return explaining.explained(scene.store, scene.settings, number, campaign.name, at.isoformat()).verdict


def test_a_lawful_campaign_calls_and_writes_down_no_refusal(france: Scene) -> None:
    campaign = lawful(france)
    attempts = france.claim(campaign, 3, at=NOON)
    assert len(attempts) == 3
    begun = [france.begin(attempt, at=NOON) for attempt in attempts]
    assert all(begun)
    assert france.store.attempts.may_leave_many(attempts, france.ask(NOON)) == set(attempts)
    assert refused(france, campaign) == {}


OF_A_PERSON = [
    ("DELETE FROM purpose_grants", "FR-CNS-1"),
    ("UPDATE purpose_grants SET revoked_at_ms = 1", "FR-CNS-1"),
    ("UPDATE purpose_grants SET channel = 'sms'", "FR-CNS-1"),
    ("UPDATE purpose_grants SET purpose = 'institutional_info'", "FR-CNS-1"),
    ("UPDATE purpose_grants SET scope = 'fr-municipal-2032'", "FR-CNS-1"),
    ("UPDATE purpose_grants SET from_ms = 1", "FR-CNS-4"),
    ("UPDATE purpose_grants SET hours = ''", "FR-HRS-1"),
    ("UPDATE source_batches SET source_type = 'undeclared'", "P-SRC-1"),
    ("UPDATE source_batches SET source_type = 'poll'", "FR-LST-1"),
    ("UPDATE source_batches SET source_type = 'rented', political_reuse_disclosed = false", "FR-LST-3"),
    ("UPDATE source_batches SET source_type = 'rented', political_reuse_disclosed = true", "TT-12"),
    ("UPDATE contacts SET birth_year = 2012", "TT-13"),
    ("UPDATE contacts SET birth_year = NULL", "TT-13-unknown"),
    ("UPDATE contacts SET line_type = 'special'", "FR-NUM-1"),
]


def test_what_is_not_known_or_not_allowed_of_a_person_refuses_them(france: Scene) -> None:
    for sql, rule in OF_A_PERSON:
        campaign = lawful(france, 2)
        change(france, sql)
        assert france.claim(campaign, 2, at=NOON) == [], sql
        assert refused(france, campaign) == {rule: 2}, sql
    rows = france.rows("SELECT rule, rule_pack, asked_when FROM refusals ORDER BY id")
    assert [tuple(row) for row in rows[::2]] == [(rule, "fr/2026-11-22", "claiming") for _, rule in OF_A_PERSON]


def test_whoever_attested_their_age_is_called_without_a_year_of_birth(france: Scene) -> None:
    campaign = lawful(france, 2)
    change(france, "UPDATE contacts SET birth_year = NULL")
    change(france, "UPDATE purpose_grants SET age_attested = true")
    assert len(france.claim(campaign, 2, at=NOON)) == 2
    assert refused(france, campaign) == {}


OF_THE_CAMPAIGN = [
    ("UPDATE sponsors SET dossier = '{}'", "FR-CAM-3-unknown"),
    ("UPDATE caller_id_grants SET revoked_at_ms = 1", "FR-CLI-3"),
    ("UPDATE campaigns SET message_class = ''", "message-class-unknown"),
]


def test_what_is_wrong_with_the_campaign_holds_everybody_and_refuses_nobody(france: Scene) -> None:
    for sql, rule in OF_THE_CAMPAIGN:
        campaign = lawful(france, 2)
        change(france, sql)
        assert france.claim(campaign, 2, at=NOON) == []
        assert refused(france, campaign) == {}
        verdict = said(france, france.store.campaigns.named(campaign.name))
        assert (verdict.kind, verdict.rule, verdict.until) == (Kind.HOLD, rule, None)


def test_what_changes_between_claim_and_originate_lets_no_call_out(france: Scene) -> None:
    campaign = lawful(france, 1)
    attempt = france.claim(campaign, 1, at=NOON)[0]
    change(france, "UPDATE purpose_grants SET revoked_at_ms = 1")
    assert france.begin(attempt, at=NOON) is None
    assert refused(france, campaign) == {"FR-CNS-1": 1}
    assert france.rows("SELECT asked_when FROM refusals")[0][0] == "dialing"


def test_silence_is_where_the_person_votes(france: Scene) -> None:
    """A call that could still be heard at midnight in Paris, and Friday morning of who votes nobody knows where."""
    campaign = lawful(france, 1)
    change(france, f"UPDATE purpose_grants SET from_ms = {ms(datetime(2027, 1, 1, tzinfo=UTC))}, to_ms = NULL")  # noqa: S608
    friday = datetime(2027, 4, 16, 11, tzinfo=PARIS)
    assert said(france, campaign, friday).kind is Kind.YES
    assert said(france, campaign, friday + timedelta(days=1)).rule == "FR-SIL-1"
    change(france, "UPDATE contacts SET departement = NULL")
    assert said(france, campaign, friday).rule == "FR-SIL-1"
    change(france, "UPDATE contacts SET departement = '987'")
    assert said(france, campaign, friday).rule == "FR-HRS-2", "it is still Thursday night in Tahiti"
    change(france, "UPDATE contacts SET zone = 'Pacific/Marquesas'")
    change(france, "UPDATE purpose_grants SET hours = '00:00-24:00', timezone = ''")
    tahiti = datetime(2027, 4, 15, 19, 45, tzinfo=ZoneInfo("Pacific/Tahiti"))
    assert said(france, campaign, tahiti).rule == "FR-HRS-2", "20:15 in the Marquesas"


def test_two_campaigns_of_a_sponsor_share_how_often_a_person_is_called(france: Scene) -> None:
    first = lawful(france, 1)
    second = france.campaign(1, **(LAWFUL | {"batch_id": first.batch_id}))
    one, two = france.claim(first, 1, at=NOON)[0], france.claim(second, 1, at=NOON)[0]
    assert france.begin(one, at=NOON) is not None
    assert france.begin(two, at=NOON) is None, "the first one is on the line"
    assert france.claim(second, 1, at=NOON) == []
    verdict = said(france, second, NOON + timedelta(hours=1))
    assert (verdict.rule, verdict.until) == ("FR-FRQ-2B", NOON + timedelta(days=1))


def test_two_campaigns_of_a_sponsor_never_call_a_person_in_one_moment(france: Scene) -> None:
    """Both claimed, both asked about in the same transaction."""
    first = lawful(france, 1)
    second = france.campaign(1, **(LAWFUL | {"batch_id": first.batch_id}))
    both = [france.claim(first, 1, at=NOON)[0], france.claim(second, 1, at=NOON)[0]]
    begun = france.store.attempts.begin_dialing_many(both, france.ask(NOON), ms(NOON))
    assert [dialable.attempt for dialable in begun] == both[:1]


def test_calls_that_the_carrier_failed_are_not_the_persons(france: Scene) -> None:
    campaign = lawful(france, 1)
    attempt = france.claim(campaign, 1, at=NOON)[0]
    france.begin(attempt, at=NOON)
    change(france, "UPDATE attempts SET state = 'ended', outcome = 'congestion', blame = 'carrier'")
    change(france, "UPDATE targets SET state = 'due', outcome = 'congestion'")
    assert said(france, campaign, NOON + timedelta(hours=1)).rule != "FR-FRQ-2B"
    change(france, "UPDATE attempts SET outcome = 'no_answer', blame = 'person'")
    change(france, "UPDATE campaigns SET retry = 'no_answer=5m; most=3'")
    later = france.store.campaigns.named(campaign.name)
    assert said(france, later, NOON + timedelta(hours=1)).rule == "FR-FRQ-2B"


def test_an_election_belongs_to_who_came_first_where_they_came(france: Scene) -> None:
    first = lawful(france, 1, territory="75")
    rival = lawful(france, 1, sponsor="Paul Durand", territory="75")
    elsewhere = lawful(france, 1, sponsor="Paul Durand", territory="13")
    change(france, "UPDATE contacts SET departement = '75'")
    assert said(france, first).kind is Kind.YES
    assert said(france, rival).rule == "P-EXC-1"
    assert said(france, elsewhere).kind is Kind.YES
    change(france, f"UPDATE campaigns SET territory = '' WHERE id = {elsewhere.id}")  # noqa: S608
    assert said(france, replace(elsewhere, territory="")).rule == "P-EXC-1", "the whole holds the part"


def test_a_campaign_without_a_pack_is_asked_as_before(scene: Scene) -> None:
    campaign = scene.campaign(2)
    assert (campaign.pack, campaign.message_class, campaign.election) == ("base", "", "")
    attempts = scene.claim(campaign, 2)
    assert all(scene.begin(attempt) for attempt in attempts)
    assert said(scene, campaign).rule_pack == "base/3"


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        (Rules(message_class="political"), "belong to a rule pack"),
        (Rules("fr"), "say what the message is"),
        (Rules("fr", "gossip"), "say what the message is"),
        (Rules("fr", "political", "fr-municipal-2032"), "fr-presidential-2027"),
        (Rules("sn", "political", "sn-2029"), "empty"),
    ],
)
def test_what_a_draft_says_of_its_rules_must_fit(rules: Rules, why: str) -> None:
    with pytest.raises(Refused, match=why):
        drafting._rules(rules)
    with pytest.raises(NotFound, match="base, ca"):
        drafting._rules(Rules("atlantis", "political"))


@ON_SQLITE
def test_explaining_in_plain_french_and_english(france: Scene, tmp_path: Path) -> None:
    campaign = lawful(france, 1)
    change(france, "DELETE FROM purpose_grants")
    number = france.rows("SELECT number FROM contacts")[0][0]
    config = tmp_path / "portevoix.toml"
    config.write_text(f'var = "{france.settings.var_dir}"\n[trunks.lab]\nhost = "sip.example.net"\n'
                      f'caller_id = "{CALLER_ID}"\n')  # fmt: skip
    argv = ["--config", str(config), "gate", "explain", number, "--campaign", campaign.name, "--at", "2026-11-25T11:00"]
    french = CliRunner().invoke(cli, [*argv, "--language", "fr"])
    assert french.exit_code == 1, french.output
    told = " ".join(french.output.split())
    assert "NON, par la règle FR-CNS-1. Un automate n'appelle pour la politique que les personnes qui y ont" in told
    assert "(source : Code électoral L.49, 3°)" in told, "a rule that says yes tells where it is written, too"
    assert "Règles : fr/2026-11-22. La personne est à appeler." in french.output
    assert "source : CNIL on robocalls" in " ".join(french.output.split())
    assert number not in french.output
    english = CliRunner().invoke(cli, [*argv, "--language", "en"])
    assert "NO, by rule FR-CNS-1. A machine calls for politics only people who agreed" in " ".join(
        english.output.split()
    )
    told = json.loads(CliRunner().invoke(cli, [*argv, "--json"]).output)
    assert told["verdict"]["rule"] == "FR-CNS-1"
    assert [step["rule"] for step in told["steps"]][:2] == ["installation-halted", "campaign-running"]
    nobody = CliRunner().invoke(cli, [*argv[:4], "+33639989999", *argv[5:]])
    assert "in no list" in str(nobody.exception or nobody.output)


def test_the_rules_can_be_read(tmp_path: Path) -> None:
    config = tmp_path / "portevoix.toml"
    config.write_text("")
    every = CliRunner().invoke(cli, ["--config", str(config), "gate", "rules", "--language", "en"]).output
    assert all(f"{name}/2026-11-22" in every for name in ("ca", "eu", "fr", "gb", "sn", "us"))
    french = CliRunner().invoke(cli, ["--config", str(config), "gate", "rules", "fr", "--language", "fr"]).output
    assert "FR-SIL-1 Aucun appel en série" in french
    assert "incertain : the law names no end" in french
