from contextlib import suppress
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.rules.numbers import LineType, NumberRefused, Reason, dialled, mask, parse, zones

MOBILE = "+33612345678"


@pytest.mark.parametrize(
    "raw",
    [
        "06 12 34 56 78",
        "06.12.34.56.78",
        "06-12-34-56-78",
        "+33 (0)6 12 34 56 78",
        "0033612345678",
        "00 33 (0) 6 12 34 56 78",
        "+33 0612345678",
        "33612345678",
        "612345678",  # a spreadsheet dropped the zero
        "612345678.0",
        "612345678,0",
        "6.12345678E8",
        "6,12345678E+08",
        "3.3612345678E10",
        "'0612345678",
        '="0612345678"',
        "０６１２３４５６７８",
        "٠٦١٢٣٤٥٦٧٨",
        "+33\u202f6\u00a012 34 56 78",
        "\u202a+33612345678\u202c",  # as copied from a telephone's contacts
        "06\u201112\u201134\u201156\u201178",
        "  0612345678\t",
    ],
)
def test_what_people_and_spreadsheets_write(raw: str) -> None:
    assert parse(raw, "FR").e164 == MOBILE
    assert parse(raw, "FR").line_type is LineType.MOBILE


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", Reason.EMPTY),
        (" \u00a0", Reason.EMPTY),
        ("'", Reason.EMPTY),
        ("06 12 34 AB 78", Reason.LETTERS),
        ("0612345678 poste 12", Reason.LETTERS),
        ("O612345678", Reason.LETTERS),  # the letter O
        ("06#12345678", Reason.SYMBOLS),
        ("06\x0012345678", Reason.SYMBOLS),
        ("0612345678\r\nAction: Hangup", Reason.LETTERS),
        ("06+12345678", Reason.SYMBOLS),
        ("+", Reason.SYMBOLS),
        ("0612345678 / 0198765432", Reason.SEVERAL_NUMBERS),
        ("0612345678;0198765432", Reason.SEVERAL_NUMBERS),
        ("6.12346E+08", Reason.DIGITS_LOST),
        ("6,12E+08", Reason.DIGITS_LOST),
        ("61234567.0", Reason.TOO_SHORT),  # never 612345670, somebody else's
        ("06123456", Reason.TOO_SHORT),
        ("06123456789", Reason.TOO_LONG),
        ("9" * 65, Reason.TOO_LONG),
        ("15", Reason.SHORT_CODE),
        ("112", Reason.SHORT_CODE),
        ("3949", Reason.SHORT_CODE),
        ("118 218", Reason.SHORT_CODE),
        ("0899 12 34 56", Reason.SPECIAL),
        ("0811123456", Reason.SPECIAL),
        ("0800 12 34 56", Reason.SPECIAL),
        ("0700000000", Reason.NOT_A_NUMBER),
        ("+999 1234 5678", Reason.NOT_A_NUMBER),
    ],
)
def test_what_is_refused_and_why(raw: str, reason: Reason) -> None:
    with pytest.raises(NumberRefused) as refused:
        parse(raw, "FR")
    assert refused.value.reason is reason
    assert not any(c.isdigit() for c in str(refused.value)), "the message shows no number"


@pytest.mark.parametrize(
    ("raw", "country", "e164", "line_type"),
    [
        ("01 62 12 34 56", "FR", "+33162123456", LineType.FIXED),
        ("09 70 12 34 56", "FR", "+33970123456", LineType.FIXED),
        ("0692 12 34 56", "FR", "+262692123456", LineType.MOBILE),
        ("0690 12 34 56", "FR", "+590690123456", LineType.MOBILE),
        ("+39 (0)6 1234 5678", "FR", "+390612345678", LineType.FIXED),
        ("415 555 2671", "US", "+14155552671", LineType.UNKNOWN),
        ("77 123 45 67", "SN", "+221771234567", LineType.MOBILE),
        ("07911 123456", "GB", "+447911123456", LineType.MOBILE),
        ("030/12345678", "DE", "+493012345678", LineType.FIXED),
    ],
)
def test_plans(raw: str, country: str, e164: str, line_type: LineType) -> None:
    number = parse(raw, country)
    assert (number.e164, number.line_type) == (e164, line_type)


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_a_number_or_a_reason(raw: str) -> None:
    with suppress(NumberRefused):
        number = parse(raw, "FR")
        assert parse(number.e164, "FR") == number
        assert set(dialled(number.e164, "national")) <= set("0123456789")


@settings(deadline=None)
@given(st.integers(min_value=10**6, max_value=10**15 - 1))
def test_a_mask_hides_at_least_half(digits: int) -> None:
    shown = mask(f"+{digits}")
    assert len(shown) == len(str(digits)) + 1
    assert shown.count("*") >= 4


def test_masks() -> None:
    assert mask(MOBILE) == "+336******78"
    assert mask("15") == "**"
    assert mask("") == ""


@pytest.mark.parametrize(
    ("e164", "number_format", "written"),
    [
        (MOBILE, "plus_e164", MOBILE),
        (MOBILE, "e164", "33612345678"),
        (MOBILE, "national", "0612345678"),
        ("+221771234567", "national", "00221771234567"),
    ],
)
def test_writing_for_a_carrier(e164: str, number_format: str, written: str) -> None:
    assert dialled(e164, number_format) == written


@pytest.mark.parametrize(
    "hostile", ["+33612345678@evil", "+336\r\n", "0612345678", "", "+336123456789012345", "+33612345678\n"]
)
def test_only_a_number_reaches_a_carrier(hostile: str) -> None:
    for number_format in ("plus_e164", "e164", "national"):
        with pytest.raises(NumberRefused):
            dialled(hostile, number_format)


def test_zones() -> None:
    assert zones(MOBILE) == (ZoneInfo("Europe/Paris"),)
    assert ZoneInfo("Indian/Reunion") in zones("+262692123456")
    assert zones("+262639980012") == ()
    assert zones("junk") == ()
