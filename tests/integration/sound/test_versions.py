"""`ivr campaign create` with several versions of the message: made of what may be played together, or refused."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from ivr.adapters.carrier.files import read_people
from ivr.adapters.carrier.orders import PEOPLE
from ivr.adapters.sound import g711
from ivr.adapters.store import Store
from ivr.doors.cli import cli
from ivr.rules.electorate import SegmentLengths, electorate
from ivr.rules.records import Origin
from ivr.rules.versions import borders, place, version_at
from ivr.settings import Settings, load
from ivr.usecases import lab, uploading
from ivr.usecases.uploading import Said

SETTINGS = '[pbx]\nsip_port = 0\nami_port = 0\nagi_port = 0\n[trunks.lab]\nhost = "127.0.0.1:5999"\n'
ABOUT = ("--sponsor=S", "--role=R", "--controller=C", "--source=X", "--website=w.example.org", "--trunk=lab")
Create = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    (tmp_path / "portevoix.toml").write_text(SETTINGS)
    (tmp_path / "people.csv").write_text("number\n" + "".join(f"01990000{n:02d}\n" for n in range(60)))
    return load(tmp_path / "portevoix.toml")


@pytest.fixture
def create(home: Settings, recordings: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Create:
    """`ivr campaign create`, where there are three messages: two of a person's voice, one of a machine's."""
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(cli, ["contacts", "import", "people.csv", "--name", "people"]).exit_code == 0
    store = Store(home)
    for name, kind, origin in (
        ("a", "mp3", Origin.HUMAN),
        ("b", "8k.mp3", Origin.EDITED),
        ("c", "wav", Origin.SYNTHETIC),
    ):
        uploading.add(store, home, recordings[kind], name, Said(origin, accept=("narrow",)))
    store.close()

    def run(name: str, *messages: str, contacts: str = "people", audience: str = "") -> Result:
        chosen = [f"--audience={audience}", *(f"--message={message}" for message in messages)]
        return CliRunner().invoke(cli, ["campaign", "create", name, f"--contacts={contacts}", *ABOUT, *chosen])

    return run


def test_an_audience_is_counted_made_and_told(create: Create) -> None:
    made = create("fixed", "a", audience="line=fixed")
    assert made.exit_code == 0, made.output
    assert "60 contacts of people are in the audience" in made.output
    assert "fixed: draft, 60 targets" in made.output
    assert "nobody of 'people'" in str(create("mobile", "a", audience="line=mobile").exception)
    assert "FR-LST-4" in str(create("martin", "a", audience="name=Martin").exception)


def test_versions_are_made_and_told(create: Create, home: Settings) -> None:
    made = create("two", "a=2", "b=1")
    assert made.exit_code == 0, made.output
    store = Store(home)
    try:
        campaign = store.campaigns.named("two")
        books = store.campaigns.books(campaign.id, 2)
        assert [(one.name, round(one.share, 4)) for one in campaign.versions] == [("a", 0.6667), ("b", 0.3333)]
        assert sum(part.targets for part in books.versions) == books.targets == 60
        assert f"version a (66.7%): {books.versions[0].targets} targets" in made.output
        assert campaign.message.sound == store.messages.named("a").sound
        shown = CliRunner().invoke(cli, ["campaign", "status", "two"])
        assert f"version b (33.3%) · 0/{books.versions[1].targets} called" in shown.output
    finally:
        store.close()


def test_the_notice_is_compared_with_every_version(create: Create, home: Settings) -> None:
    """The second version's rendering is made quieter on disk: `ivr notice check` hears it, and a start refuses it."""
    assert create("two", "a", "b").exit_code == 0
    checked = ["notice", "check", "two", "--json", "--language", "en"]
    assert json.loads(CliRunner().invoke(cli, checked).output)["findings"] == []
    with contextlib.closing(Store(home)) as store:
        file = home.sounds_dir / f"{store.messages.named('b').sound}.alaw"
    loud = g711.from_alaw(np.frombuffer(file.read_bytes(), np.uint8))
    file.write_bytes(g711.to_alaw((loud // 2).astype(np.int16)).tobytes())
    told = json.loads(CliRunner().invoke(cli, checked).output)["findings"]
    assert [(one["name"], one["values"]["part"]) for one in told] == [("loudness", "preroll"), ("loudness", "notice")]
    assert all("message 'b'" in one["says"] for one in told)
    assert "is not what was recorded" in str(CliRunner().invoke(cli, ["campaign", "start", "two"]).exception)


def test_the_lab_plans_each_person_by_the_version_they_drew(create: Create, home: Settings) -> None:
    people_of = ["lab", "people", "--count", "80", "--seed", "3"]
    assert create("early", "a", "b").exit_code == 0
    refused = CliRunner().invoke(cli, [*people_of, "--campaign", "early"])
    assert "80 of 80 people are no contacts yet" in str(refused.exception)
    importing = ["contacts", "import", str(lab.lab_dir(home) / lab.CONTACTS), "--name", "lab"]
    for command in (people_of, importing):
        assert CliRunner().invoke(cli, command).exit_code == 0
    assert create("late", "a", "b", contacts="lab").exit_code == 0
    assert CliRunner().invoke(cli, [*people_of, "--campaign", "late"]).exit_code == 0
    with contextlib.closing(Store(home)) as store:
        campaign = store.campaigns.named("late")
        contacts = store.contacts.ids(lab.numbers(80, 3))
    people = read_people(lab.lab_dir(home) / PEOPLE)
    ends = borders([one.share for one in campaign.versions])
    assert [one.version for one in people] == [version_at(place(campaign.id, contacts[p.number]), ends) for p in people]
    around = (campaign.preroll, campaign.notice, campaign.confirmation)
    for person in people:
        heard = campaign.to(person.version).message.length_ms
        lengths = SegmentLengths(around[0].length_ms, heard, around[1].length_ms, around[2].length_ms)
        assert person == replace(electorate(80, 3, lengths)[person.index], version=person.version)


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        (("a=0.5", "nobody=0.5"), "no message named 'nobody'"),
        (("a=0.5", "c=0.5"), "must say whether a machine made the voice"),
        (("a=1", "a=1"), "named twice"),
        (("a=1", "b=0"), "above 0"),
    ],
)
def test_what_cannot_be_played_together_is_refused(create: Create, messages: tuple[str, ...], why: str) -> None:
    refused = create("none", *messages)
    assert refused.exit_code != 0
    assert why in str(refused.exception or refused.output)
    assert "no campaign named" in str(CliRunner().invoke(cli, ["campaign", "status", "none"]).exception)
