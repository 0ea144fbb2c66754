"""Cases of jurisdictions that are not of the Union, and of all of them by the name of their pack."""

from __future__ import annotations

from typing import Any

from ivr.rules.pack import MessageClass, Sender
from tests.unit.lawful import NOW
from tests.unit.pack_cases import (
    ELECTORAL,
    FLOOD,
    FRANCE,
    GERMAN,
    PAPERS,
    POLL,
    TOWN,
    UNION,
    Case,
    agreed,
    at,
    called,
    came_from,
    without,
)  # fmt: skip

EAST = "America/New_York"
AMERICAN = {
    "number": "+12025550123",
    "country": "US",
    "line_type": "fixed",
    "territory": "DC",
    "grants": (),
    "message_class": MessageClass.POLITICAL,
    "election": "",
    "sender": Sender.CANDIDATE,
    "dossier": PAPERS,
    "caller_id": "+12025550100",
    "caller_ids": frozenset({"+12025550100"}),
} | at("2026-11-25T11:00", EAST)
STATES: list[Case] = [
    ("a landline without consent", {}, "yes"),
    ("a mobile without consent", {"line_type": "mobile"}, "no US-1"),
    ("a line of unknown type without consent", {"line_type": "unknown"}, "no US-1"),
    ("nobody knows what line it is", {"line_type": None}, "no US-1"),
    ("a mobile with consent", {"line_type": "mobile"} | agreed(), "yes"),
    ("a mobile, consent to news of a school", {"line_type": "mobile"} | agreed(purpose="institutional_info"),
     "no US-1B"),
    ("a mobile, consent to another sponsor", {"line_type": "mobile"} | agreed(controller=8), "no US-1"),
    ("a mobile, legitimate interest", {"line_type": "mobile"} | agreed(basis="legitimate_interest"), "no US-1"),
    ("a state that nobody reviewed", {"territory": "TX"}, "no US-14"),
    ("of no known state", {"territory": None}, "no US-14-unknown"),
    ("toll-free", {"number": "+18885550123"}, "no US-3"),
    ("premium", {"number": "+19005550123"}, "no US-3"),
    ("an emergency code", {"number": "+12029110123"}, "no US-3"),
    ("in Canada", {"number": "+14165550123", "country": "CA"}, "no US-3"),
    ("three calls within the month", called(24 * 5, 24 * 10, 24 * 29), "hold US-2 until 2026-11-26 10:00"),
    ("two calls within the month", called(24 * 10, 24 * 29), "yes"),
    ("three calls within the month, with consent", called(24 * 5, 24 * 10, 24 * 29) | agreed(), "yes"),
    ("at half past eight", at("2026-11-25T08:30", EAST), "hold US-11 until 2026-11-25 14:00"),
    ("at eight in the evening", at("2026-11-25T20:00", EAST), "hold US-11 until 2026-11-26 14:00"),
    ("nine in the east, six in California", at("2026-11-25T06:00", "America/Los_Angeles"),
     "hold US-11 until 2026-11-25 17:00"),
    ("on Sunday", at("2026-11-29T11:00", EAST), "yes"),
    ("shows a French number", {"caller_id": "+33162123456"}, "hold US-12"),
    ("shows another's number", {"caller_id": "+12025559999"}, "hold US-12"),
    ("no address", without("address"), "hold US-4"),
    ("nobody knows who pays", without("payer"), "hold US-13"),
    ("asked to stop", {"suppressed": True}, "no suppressed"),
    ("patients", came_from("patient"), "no P-SRC-2"),
    ("nobody said where from", came_from("undeclared"), "no P-SRC-1"),
    ("a poll by mobile with consent to politics", POLL | {"line_type": "mobile"} | agreed(), "no US-1C"),
    ("a school by mobile with consent to politics", TOWN | {"line_type": "mobile"} | agreed(), "no US-1D"),
    ("a flood by mobile with consent to politics", FLOOD | {"line_type": "mobile"} | agreed(), "no US-1E"),
    ("another has the territory", {"message_class": ELECTORAL, "exclusive": False}, "hold P-EXC-1"),
    ("a school calls for a party", {"sender": Sender.PUBLIC_BODY}, "no P-CLS-2"),
    ("a party on the bins", TOWN | {"sender": Sender.PARTY}, "no P-CLS-1"),
]  # fmt: skip

TORONTO = "America/Toronto"
CANADIAN = (
    AMERICAN
    | {
        "number": "+14165550123",
        "country": "CA",
        "territory": "ON",
        "caller_id": "+14165550100",
        "caller_ids": frozenset({"+14165550100"}),
    }
    | agreed()
    | at("2026-11-25T11:00", TORONTO)
)
VOTE = {"message_class": ELECTORAL, "election": "ca-federal-2029"}
CANADA: list[Case] = [
    ("in order", {}, "yes"),
    ("by legitimate interest, which is written down", agreed(basis="legitimate_interest", strong=False), "yes"),
    ("with no basis", {"grants": ()}, "no CA-7"),
    ("with a basis for something else", agreed(purpose="institutional_info"), "no CA-7B"),
    ("at nine", at("2026-11-25T09:00", TORONTO), "yes"),
    ("a second before nine", at("2026-11-25T08:59:59", TORONTO), "hold CA-4 until 2026-11-25 14:00"),
    ("a second before half past nine in the evening", at("2026-11-25T21:29:59", TORONTO)
     | agreed(hours=None), "yes"),
    ("at half past nine in the evening", at("2026-11-25T21:30", TORONTO) | agreed(hours=None),
     "hold CA-4 until 2026-11-26 14:00"),
    ("Saturday at half past nine", at("2026-11-28T09:30", TORONTO), "hold CA-4 until 2026-11-28 15:00"),
    ("Sunday, a second before six", at("2026-11-29T17:59:59", TORONTO), "yes"),
    ("Sunday at six", at("2026-11-29T18:00", TORONTO), "hold CA-4 until 2026-11-30 14:00"),
    ("half past nine in Toronto, in Vancouver", at("2026-11-25T06:30", "America/Vancouver") | agreed(hours=None),
     "hold CA-4 until 2026-11-25 17:00"),
    ("not registered, before the first call", without("voter_contact_registry"), "yes"),
    ("not registered, 47 hours on", without("voter_contact_registry") | {"first_call_at": NOW}
     | at("2026-11-27T04:30", TORONTO) | agreed(hours=None), "hold CA-4 until 2026-11-27 14:00"),
    ("not registered, 48 hours on", without("voter_contact_registry") | {"first_call_at": NOW}
     | at("2026-11-27T05:00", TORONTO), "hold CA-8"),
    ("no address", without("address"), "hold CA-1"),
    ("toll-free", {"number": "+18005550123"}, "no CA-6"),
    ("an emergency code", {"number": "+14169110123"}, "no CA-6"),
    ("in the United States", {"number": "+12025550123", "country": "US"}, "no CA-6"),
    ("shows a number that is not theirs", {"caller_id": "+14165559999"}, "hold CA-3"),
    ("on polling day", VOTE | at("2029-10-15T11:00", TORONTO), "no CA-SIL-1"),
    ("the day before, a Sunday", VOTE | at("2029-10-14T11:00", TORONTO), "yes"),
    ("an election of a province", VOTE | {"election": "ca-quebec-2030"}, "no CA-SIL-1-unknown"),
    ("five calls within the month", called(24, 48, 72, 96), "hold CA-FRQ-1 until 2026-12-21 10:00"),
    ("patients", came_from("patient"), "no P-SRC-2"),
    ("asked to stop", {"suppressed": True}, "no suppressed"),
    ("a poll with a basis for politics", POLL | agreed(), "no CA-7C"),
    ("a town with a basis for politics", TOWN | agreed(), "no CA-7D"),
    ("a flood with a basis for politics", FLOOD | agreed(), "no CA-7E"),
    ("another has the territory", VOTE | {"exclusive": False}, "hold P-EXC-1"),
    ("a town calls for a party", {"sender": Sender.PUBLIC_BODY}, "no P-CLS-2"),
    ("a party on the bins", TOWN | {"sender": Sender.PARTY}, "no P-CLS-1"),
    ("nobody said where from", came_from("undeclared"), "no P-SRC-1"),
    ("a flood at night", FLOOD | at("2026-11-29T03:00", TORONTO), "yes"),
]  # fmt: skip

LONDON = "Europe/London"
BRITISH = (
    AMERICAN
    | {
        "number": "+442071234567",
        "country": "GB",
        "territory": "GB",
        "caller_id": "+442071230000",
        "caller_ids": frozenset({"+442071230000"}),
    }
    | agreed()
    | at("2026-11-25T11:00", LONDON)
)
KINGDOM: list[Case] = [
    ("in order", {}, "yes"),
    ("agreed to calls by people", agreed(channel="live_voice"), "no UK-1"),
    ("agreed with another party", agreed(controller=8), "no UK-1"),
    ("legitimate interest", agreed(basis="legitimate_interest"), "no UK-1"),
    ("a proof with a hole", agreed(strong=False), "no UK-1"),
    ("agreed to news of the council", agreed(purpose="institutional_info"), "no UK-3"),
    ("no address", without("address"), "hold UK-2"),
    ("shows nothing", {"caller_id": None}, "hold caller-id-granted-unknown"),
    ("shows a premium number", {"caller_id": "+449012345678"}, "hold UK-2B"),
    ("shows a French number", {"caller_id": "+33162123456"}, "hold UK-2B"),
    ("shows another's number", {"caller_id": "+442079999999"}, "hold UK-2B"),
    ("a second before nine", at("2026-11-25T08:59:59", LONDON) | agreed(hours=None),
     "hold UK-8 until 2026-11-25 09:00"),
    ("at eight in the evening", at("2026-11-25T20:00", LONDON), "hold UK-8 until 2026-11-26 09:00"),
    ("on Saturday", at("2026-11-28T11:00", LONDON), "yes"),
    ("on Sunday", at("2026-11-29T11:00", LONDON), "hold UK-8 until 2026-11-30 09:00"),
    ("after the clocks go forward", at("2027-03-29T08:59", LONDON) | agreed(hours=None),
     "hold UK-8 until 2027-03-29 08:00"),
    ("on the day of a vote", {"message_class": ELECTORAL} | at("2027-05-06T11:00", LONDON), "yes"),
    ("patients", came_from("patient"), "no UK-LST-1"),
    ("customers", came_from("customer_internal"), "no UK-LST-1"),
    ("a French number", {"number": "+33639980001", "country": "FR"}, "no UK-NUM-1"),
    ("a short number", {"line_type": "special"}, "no UK-NUM-1"),
    ("asked to stop", {"suppressed": True}, "no suppressed"),
    ("five calls within the month", called(24, 48, 72, 96), "hold UK-FRQ-1 until 2026-12-21 10:00"),
    ("a poll with consent to politics", POLL | agreed(), "no UK-3B"),
    ("a poll, consent in one box with other things", POLL | agreed(purpose="poll", explicit=False), "no UK-3B"),
    ("a poll with consent to polls", POLL, "yes"),
    ("the council on its services, by law", TOWN | agreed(purpose="institutional_info", basis="legal_obligation"),
     "yes"),
    ("the council on itself, by law", TOWN | {"message_class": MessageClass.INSTITUTIONAL}
     | agreed(purpose="institutional_info", basis="legal_obligation"), "no UK-1"),
    ("a flood, consent to politics", FLOOD | agreed(), "no UK-INS-2"),
    ("another has the territory", {"message_class": ELECTORAL, "exclusive": False}, "hold P-EXC-1"),
    ("the council calls for a party", {"sender": Sender.PUBLIC_BODY}, "no P-CLS-2"),
    ("a party on the bins", TOWN | {"sender": Sender.PARTY}, "no P-CLS-1"),
    ("nobody said where from", came_from("undeclared"), "no P-SRC-1"),
    ("the council on itself, consent to politics", TOWN | {"message_class": MessageClass.INSTITUTIONAL} | agreed(),
     "no UK-INS-1"),
    ("a flood at night", FLOOD | at("2026-11-29T03:00", LONDON), "yes"),
]  # fmt: skip

DAKAR = "Africa/Dakar"
SENEGALESE = (
    AMERICAN
    | {
        "number": "+221771234567",
        "country": "SN",
        "line_type": "mobile",
        "territory": "SN",
        "caller_id": "+221331230000",
        "caller_ids": frozenset({"+221331230000"}),
    }
    | agreed()
    | at("2026-11-25T11:00", DAKAR)
)
SENEGAL: list[Case] = [
    ("in order", {}, "yes"),
    ("no receipt of the CDP", without("cdp_receipt"), "hold SN-1"),
    ("a town hall without receipt", TOWN | without("cdp_receipt"), "hold SN-1"),
    ("sponsorships", came_from("parrainage"), "no SN-5"),
    ("sponsorships, by an institution", TOWN | came_from("parrainage"), "no SN-5"),
    ("people of a voting platform", came_from("poll"), "no SN-4"),
    ("customers of a company", came_from("customer_internal"), "no SN-4"),
    ("a broker's file", came_from("rented", disclosed=True), "no SN-4"),
    ("a public body's file", came_from("public_service"), "no SN-4"),
    ("the electoral file, and consent", came_from("electoral_roll"), "yes"),
    ("the electoral file alone", came_from("electoral_roll") | {"grants": ()}, "no SN-2"),
    ("not in so many words", agreed(explicit=False), "no SN-2"),
    ("legitimate interest", agreed(basis="legitimate_interest"), "no SN-2"),
    ("agreed with another candidate", agreed(controller=8), "no SN-2"),
    ("agreed to news of the town hall", agreed(purpose="institutional_info"), "no SN-3"),
    ("urges a vote of which no decree gives the day", {"message_class": ELECTORAL, "election": "sn-2029"},
     "no SN-8-unknown"),
    ("a second before nine", at("2026-11-25T08:59:59", DAKAR) | agreed(hours=None), "hold SN-9 until 2026-11-25 09:00"),
    ("at seven in the evening", at("2026-11-25T19:00", DAKAR), "hold SN-9 until 2026-11-26 09:00"),
    ("on Saturday", at("2026-11-28T11:00", DAKAR), "yes"),
    ("on Sunday", at("2026-11-29T11:00", DAKAR), "hold SN-9 until 2026-11-30 09:00"),
    ("a French number", {"number": "+33639980001", "country": "FR"}, "no SN-NUM-1"),
    ("shows another's number", {"caller_id": "+221339999999"}, "hold SN-CLI-1"),
    ("five calls within the month", called(24, 48, 72, 96), "hold SN-FRQ-1 until 2026-12-21 10:00"),
    ("asked to stop", {"suppressed": True}, "no suppressed"),
    ("a poll with consent to politics", POLL | agreed(), "no SN-3B"),
    ("a town hall, consent to politics", TOWN | agreed(), "no SN-INS-1"),
    ("a flood, consent to politics", FLOOD | agreed(), "no SN-INS-2"),
    ("a town hall calls for a party", {"sender": Sender.PUBLIC_BODY}, "no P-CLS-2"),
    ("a party on the bins", TOWN | {"sender": Sender.PARTY}, "no P-CLS-1"),
    ("a town hall: nobody said where from", TOWN | came_from("undeclared"), "no P-SRC-1"),
    ("a poll with consent to polls", POLL, "yes"),
    ("a flood at night", FLOOD | at("2026-11-29T03:00", DAKAR), "yes"),
]  # fmt: skip

WITHOUT_A_CALENDAR = {"eu": {"TT-2", "P-EXC-1"}, "sn": {"SN-8B", "P-EXC-1"}}
"""Rules of electoral messages alone: none goes out while no day of a ballot is known, and that is said first."""
PACKS: dict[str, tuple[dict[str, Any], list[Case]]] = {
    "fr": ({}, FRANCE),
    "eu": (GERMAN, UNION),
    "us": (AMERICAN, STATES),
    "ca": (CANADIAN, CANADA),
    "gb": (BRITISH, KINGDOM),
    "sn": (SENEGALESE, SENEGAL),
}
