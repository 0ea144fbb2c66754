"""Cases of each jurisdiction, one a line: what is told of a call, when, and what the law says of it.

Written from the laws and the authorities' notes that the packs name, not from the packs: hours, days and ends of holds
are worked out by hand, in UTC. What a line does not change is in order: a person who agreed, papers, a granted number,
a working morning.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ivr.rules.frequency import SponsorCall
from ivr.rules.gate_facts import Source
from ivr.rules.pack import MessageClass, Sender
from ivr.rules.windows import Hours
from tests.unit.lawful import CAMPAIGN, GRANT, NOW

Case = tuple[str, dict[str, Any], str]
OTHER_CAMPAIGN = 71
PAPERS = frozenset(
    {"legal_name", "controlling_entity", "payer", "data_protection_contact", "declaration", "mandate", "address",
     "voter_contact_registry", "cdp_receipt", "impact_assessment", "processor_contract", "eu_eligibility"}
)  # fmt: skip
ELECTORAL = MessageClass.ELECTORAL


def at(text: str, zone: str = "Europe/Paris") -> dict[str, Any]:
    """It is then, by the clock of the place, where the person is."""
    return {"now": datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)), "zones": (ZoneInfo(zone),)}


def agreed(**changed: Any) -> dict[str, Any]:
    """What the person agreed to is so in some respects."""
    return {"grants": (replace(GRANT, **changed),)}


def came_from(*kinds: str, disclosed: bool = False) -> dict[str, Any]:
    return {"sources": tuple(Source(kind, disclosed) for kind in kinds)}


def called(*hours_ago: float, answered: bool = False, campaign: int = OTHER_CAMPAIGN) -> dict[str, Any]:
    """The sponsor's earlier calls to this person, before the usual moment."""
    return {"calls": tuple(SponsorCall(NOW - timedelta(hours=ago), campaign, answered) for ago in hours_ago)}


def without(*papers: str) -> dict[str, Any]:
    return {"dossier": PAPERS - set(papers)}


def message(kind: MessageClass, purpose: str, sender: Sender = Sender.PUBLIC_BODY, **grant: Any) -> dict[str, Any]:
    """A message about no election, to somebody who agreed to just that."""
    told = {"message_class": kind, "sender": sender, "election": ""}
    return told | came_from("direct_form") | agreed(purpose=purpose, **grant)


TOWN = message(MessageClass.SERVICE_INFO, "institutional_info")
POLL = message(MessageClass.POLL, "poll", Sender.OTHER)
FLOOD = message(MessageClass.EMERGENCY, "emergency", basis="legal_obligation", strong=False, explicit=False)

FRANCE: list[Case] = [
    ("in order", {}, "yes"),
    ("one second before ten", at("2026-11-25T09:59:59"), "hold FR-HRS-2 until 2026-11-25 09:00"),
    ("one second before one o'clock", at("2026-11-25T12:59:59"), "yes"),
    ("at lunch", at("2026-11-25T13:00"), "hold FR-HRS-2 until 2026-11-25 13:00"),
    ("at eight in the evening", at("2026-11-25T20:00"), "hold FR-HRS-2 until 2026-11-26 09:00"),
    ("on Friday evening", at("2026-11-27T20:00"), "hold FR-HRS-2 until 2026-11-30 09:00"),
    ("at Christmas, a Friday", at("2026-12-25T11:00"), "hold FR-HRS-2 until 2026-12-28 09:00"),
    ("on Easter Monday", at("2027-03-29T11:00"), "hold FR-HRS-2 until 2027-03-30 08:00"),
    ("on Good Friday", at("2027-03-26T11:00"), "yes"),
    ("on Good Friday in the Moselle", at("2027-03-26T11:00") | {"department": "57"},
     "hold FR-HRS-2 until 2027-03-30 08:00"),
    ("on 27 April in Mayotte", at("2027-04-27T11:00", "Indian/Mayotte") | {"territory": "YT"},
     "hold FR-HRS-2 until 2027-04-28 07:00"),
    ("on 27 April in Paris", at("2027-04-27T11:00"), "yes"),
    ("in hours that the person did not name", agreed(hours=Hours.parse("18:00-19:00")),
     "hold FR-HRS-1 until 2026-11-25 17:00"),
    ("the person named no hours", agreed(hours=None), "no FR-HRS-1"),
    ("nobody knows where they are", {"zones": ()}, "no FR-HRS-1-unknown"),
    ("eve of the ballot", at("2027-04-17T11:00"), "no FR-SIL-1"),
    ("two minutes before the eve", at("2027-04-16T23:58"), "no FR-SIL-1"),
    ("a second sooner", at("2027-04-16T23:57:59"), "hold FR-HRS-1 until 2027-04-17 07:00"),
    ("Friday in Guadeloupe, which votes on Saturday", at("2027-04-16T11:00", "America/Guadeloupe")
     | {"territory": "GP"}, "no FR-SIL-1"),
    ("Friday in La Réunion, which votes on Sunday", at("2027-04-16T11:00", "Indian/Reunion") | {"territory": "RE"},
     "yes"),
    ("Friday, nobody knows where they vote", at("2027-04-16T00:00") | {"territory": None}, "no FR-SIL-1"),
    ("Thursday, nobody knows where they vote", at("2027-04-15T16:00") | {"territory": None}, "yes"),
    ("a second before the last polls close", at("2027-04-18T19:59:59"), "no FR-SIL-1"),
    ("when the last polls have closed", at("2027-04-18T20:00"), "hold FR-HRS-2 until 2027-04-19 08:00"),
    ("between the rounds", at("2027-04-20T11:00"), "yes"),
    ("eve of the second round", at("2027-05-01T11:00"), "no FR-SIL-1"),
    ("a party's message on the eve", at("2027-04-17T11:00") | {"message_class": MessageClass.POLITICAL,
     "sender": Sender.PARTY}, "no FR-SIL-1"),
    ("an election that is in no calendar", {"election": "fr-municipal-2032"}, "no FR-SIL-1-unknown"),
    ("asked to stop", {"suppressed": True}, "no suppressed"),
    ("agreed with another candidate", agreed(controller=8), "no FR-CNS-1"),
    ("agreed to news of the town hall", agreed(purpose="institutional_info"), "no FR-CNS-1"),
    ("agreed to text messages", agreed(channel="sms"), "no FR-CNS-1"),
    ("legitimate interest", agreed(basis="legitimate_interest"), "no FR-CNS-1"),
    ("a proof with a hole", agreed(strong=False), "no FR-CNS-1"),
    ("withdrawn this minute", agreed(ends_at=NOW), "no FR-CNS-1"),
    ("agreed a year ago", agreed(given_at=NOW - timedelta(days=365)), "no FR-CNS-4"),
    ("agreed a year ago less a second", agreed(given_at=NOW - timedelta(days=365) + timedelta(seconds=1)), "yes"),
    ("agreed with other things in one box", agreed(explicit=False), "no TT-12"),
    ("a broker's file with consent and notice", came_from("purchased", disclosed=True) | agreed(direct=False),
     "no TT-12"),
    ("a rented file whose people were told nothing", came_from("rented"), "no FR-LST-3"),
    ("a file of patients", came_from("patient"), "no FR-LST-1"),
    ("members, who are also on a payroll", came_from("member", "hr_payroll"), "no FR-LST-1"),
    ("members", came_from("member"), "yes"),
    ("nobody said where from", came_from("undeclared"), "no P-SRC-1"),
    ("may be sixteen", {"birth_year": 2009}, "no TT-13"),
    ("is eighteen this year", {"birth_year": 2008}, "yes"),
    ("of no known age", {"birth_year": None}, "no TT-13-unknown"),
    ("of no known age, and said to be of age", {"birth_year": None} | agreed(age_attested=True), "yes"),
    ("a Belgian number", {"number": "+3225012345", "country": "BE"}, "no FR-NUM-1"),
    ("a short number", {"line_type": "special"}, "no FR-NUM-1"),
    ("shows a mobile", {"caller_id": "+33612345678"}, "hold FR-CLI-2"),
    ("shows a landline of Paris", {"caller_id": "+33188335074"}, "hold FR-CLI-1"),
    ("shows a free number", {"caller_id": "+33800123456"}, "hold FR-CLI-1"),
    ("shows a platform's number", {"caller_id": "+33937123456"}, "hold FR-CLI-1"),
    ("shows another's verified number", {"caller_id": "+33270123456"}, "hold FR-CLI-3"),
    ("shows nothing", {"caller_id": None}, "hold caller-id-granted-unknown"),
    ("was called 23 hours ago", called(23), "hold FR-FRQ-2B until 2026-11-25 11:00"),
    ("was called yesterday", called(24), "yes"),
    ("heard two messages within the month", called(24 * 10, 24 * 20, answered=True),
     "hold FR-FRQ-2 until 2026-12-05 10:00"),
    ("was tried four times within the month", called(24 * 10, 24 * 15, 24 * 20, 24 * 29),
     "hold FR-FRQ-1 until 2026-11-26 10:00"),
    ("has heard this campaign", called(24 * 40, answered=True, campaign=CAMPAIGN), "no FR-FRQ-2D"),
    ("was tried twice by this campaign", called(24 * 40, 24 * 45, campaign=CAMPAIGN), "no FR-FRQ-2C"),
    ("a friend named them, and they were called", came_from("referral") | called(24 * 99), "no FR-FRQ-4"),
    ("the agent's order is missing", {"dossier": PAPERS - {"mandate"}}, "hold FR-FIN-1"),
    ("controlled from who knows where", without("eu_eligibility"), "hold TT-2"),
    ("nothing was declared", without("declaration"), "hold TT-1"),
    ("nobody knows who pays", without("payer"), "hold TT-4"),
    ("no impact assessment", without("impact_assessment"), "hold FR-DPIA-1"),
    ("another has the territory", {"exclusive": False}, "hold P-EXC-1"),
    ("before consent was the law", at("2026-08-10T11:00"), "hold pack-effective"),
    ("the town hall on its bins", TOWN, "yes"),
    ("the town hall on its bins, by its register", TOWN | came_from("public_service"), "yes"),
    ("the town hall, by a campaign's members", TOWN | came_from("member"), "no FR-LST-6"),
    ("the town hall on what it built, in October", TOWN | {"message_class": MessageClass.INSTITUTIONAL}
     | at("2026-10-01T11:00") | agreed(purpose="institutional_info", given_at=NOW - timedelta(days=99)), "no FR-CAM-3"),
    ("the same on the last day of September", TOWN | {"message_class": MessageClass.INSTITUTIONAL}
     | at("2026-09-30T11:00") | agreed(purpose="institutional_info", given_at=NOW - timedelta(days=99)), "yes"),
    ("the town hall on its bins, two weeks before the ballot", TOWN | at("2027-04-01T11:00"), "no FR-CAM-4"),
    ("the town hall calls for a vote", {"sender": Sender.PUBLIC_BODY}, "no FR-CAM-3"),
    ("a candidate on the bins", TOWN | {"sender": Sender.CANDIDATE}, "no P-CLS-1"),
    ("a flood at three on a Sunday night", FLOOD | at("2026-11-29T03:00"), "yes"),
    ("a flood, on the eve of the ballot", FLOOD | at("2027-04-17T03:00"), "yes"),
    ("a poll with consent to politics", POLL | agreed(), "no EU-POL-1"),
    ("a poll with consent to polls", POLL, "yes"),
    ("nobody answers for the data", without("data_protection_contact"), "hold EU-GDPR-1"),
    ("the town hall, consent to politics", TOWN | agreed(), "no FR-INS-1"),
    ("a flood, consent to politics", FLOOD | agreed(), "no FR-INS-2"),
    ("the town hall calls for a vote, in summer", {"sender": Sender.PUBLIC_BODY} | at("2026-09-01T11:00")
     | agreed(given_at=NOW - timedelta(days=99)), "no P-CLS-2"),
]  # fmt: skip

GERMAN = {
    "number": "+493012345678",
    "country": "DE",
    "line_type": "fixed",
    "territory": None,
    "message_class": MessageClass.POLITICAL,
    "election": "",
    "sender": Sender.PARTY,
    "caller_id": "+493098765432",
    "caller_ids": frozenset({"+493098765432"}),
    "dossier": PAPERS,
} | at("2026-11-25T11:00", "Europe/Berlin")
UNION: list[Case] = [
    ("in order", {}, "yes"),
    ("urges a vote of which nobody knows the day", {"message_class": ELECTORAL, "election": "de-bundestag-2029"},
     "no EU-SIL-1-unknown"),
    ("agreed with another party", agreed(controller=8), "no EU-EPD-1"),
    ("legitimate interest", agreed(basis="legitimate_interest"), "no EU-EPD-1"),
    ("agreed to text messages", agreed(channel="sms"), "no EU-EPD-1"),
    ("a proof with a hole", agreed(strong=False), "no EU-EPD-1"),
    ("in one box with other things", agreed(explicit=False), "no TT-12"),
    ("agreed with a broker", came_from("rented", disclosed=True) | agreed(direct=False), "no TT-12"),
    ("agreed to news, not to advertising", agreed(purpose="political_information"), "no TT-12"),
    ("agreed a year ago", agreed(given_at=NOW - timedelta(days=366)), "no EU-CNS-4"),
    ("named no hours", agreed(hours=None), "no EU-HRS-1"),
    ("customers", came_from("customer_internal"), "no EU-LST-1"),
    ("people of a poll", came_from("poll"), "no EU-LST-1"),
    ("numbers from the web", came_from("scraped"), "no EU-LST-1"),
    ("may be sixteen", {"birth_year": 2009}, "no TT-13"),
    ("of no known age", {"birth_year": None}, "no TT-13-unknown"),
    ("a number of Switzerland", {"number": "+41443643532", "country": "CH"}, "no EU-NUM-1"),
    ("a number that was not granted", {"caller_id": "+493011111111"}, "hold EU-CLI-1"),
    ("at lunch", at("2026-11-25T13:30", "Europe/Berlin"), "hold EU-HRS-2 until 2026-11-25 13:00"),
    ("on Saturday", at("2026-11-28T11:00", "Europe/Berlin"), "hold EU-HRS-2 until 2026-11-30 09:00"),
    ("at Christmas", at("2026-12-25T11:00", "Europe/Berlin"), "hold EU-HRS-2 until 2026-12-28 09:00"),
    ("was called 23 hours ago", called(23), "hold EU-FRQ-2B until 2026-11-25 11:00"),
    ("has heard this campaign", called(24 * 40, answered=True, campaign=CAMPAIGN), "no EU-FRQ-2D"),
    ("nobody answers for the data", without("data_protection_contact"), "hold EU-GDPR-1"),
    ("no processor's contract", without("processor_contract"), "hold EU-DPIA-1"),
    ("nothing was declared", without("declaration"), "hold TT-1"),
    ("an institution, by members of a party", TOWN | came_from("member"), "no EU-LST-6"),
    ("an institution", TOWN, "yes"),
    ("a flood at night", FLOOD | at("2026-11-29T03:00", "Europe/Berlin"), "yes"),
    ("a poll with consent to politics", POLL | agreed(), "no EU-POL-1"),
    ("nobody knows who pays", without("payer"), "hold TT-4"),
    ("an institution, consent to politics", TOWN | agreed(), "no EU-INS-1"),
    ("a flood, consent to politics", FLOOD | agreed(), "no EU-INS-2"),
    ("an institution calls for a party", {"sender": Sender.PUBLIC_BODY}, "no P-CLS-2"),
    ("a party on the bins", TOWN | {"sender": Sender.PARTY}, "no P-CLS-1"),
    ("nobody said where from", came_from("undeclared"), "no P-SRC-1"),
    ("heard two messages within the month", called(24 * 10, 24 * 20, answered=True),
     "hold EU-FRQ-2 until 2026-12-05 10:00"),
    ("was tried four times within the month", called(24 * 10, 24 * 15, 24 * 20, 24 * 29),
     "hold EU-FRQ-1 until 2026-11-26 10:00"),
    ("was tried twice by this campaign", called(24 * 40, 24 * 45, campaign=CAMPAIGN), "no EU-FRQ-2C"),
    ("a friend named them, and they were called", came_from("referral") | called(24 * 99), "no EU-FRQ-4"),
]  # fmt: skip
