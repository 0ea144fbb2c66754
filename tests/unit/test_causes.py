import pytest

from ivr.rules.causes import SIP_OUTCOMES, ended_by, outcome, sip_code
from ivr.rules.segments import EndedBy
from ivr.rules.states import Outcome

MEASURED = [  # reason, cause, SIP code, outcome: as Asterisk 22 told each simulated person's behaviour
    (4, 16, None, Outcome.ANSWERED),
    (4, 0, None, Outcome.ANSWERED),
    (0, 17, 486, Outcome.BUSY),
    (0, 17, None, Outcome.BUSY),
    (0, 19, 480, Outcome.NO_ANSWER),
    (0, 34, 503, Outcome.CONGESTION),
    (0, 34, None, Outcome.CONGESTION),
    (0, 1, 404, Outcome.INVALID_NUMBER),
    (0, 1, None, Outcome.INVALID_NUMBER),
    (0, 21, 603, Outcome.BUSY),
    (0, 21, None, Outcome.BUSY),
    (3, 19, None, Outcome.NO_ANSWER),
    (3, 19, 180, Outcome.NO_ANSWER),
    (3, 19, 487, Outcome.NO_ANSWER),
    (3, 0, None, Outcome.NO_ANSWER),
]
SIP = {
    401: Outcome.FAILED,
    403: Outcome.FAILED,
    404: Outcome.INVALID_NUMBER,
    408: Outcome.NO_ANSWER,
    410: Outcome.INVALID_NUMBER,
    429: Outcome.CONGESTION,
    480: Outcome.NO_ANSWER,
    484: Outcome.INVALID_NUMBER,
    485: Outcome.INVALID_NUMBER,
    486: Outcome.BUSY,
    487: Outcome.NO_ANSWER,
    488: Outcome.FAILED,
    500: Outcome.FAILED,
    502: Outcome.FAILED,
    503: Outcome.CONGESTION,
    504: Outcome.FAILED,
    600: Outcome.BUSY,
    603: Outcome.BUSY,
    604: Outcome.INVALID_NUMBER,
    606: Outcome.FAILED,
    607: Outcome.FAILED,
    608: Outcome.FAILED,
}
CAUSES = {
    1: Outcome.INVALID_NUMBER,
    2: Outcome.FAILED,
    3: Outcome.FAILED,
    16: Outcome.NO_ANSWER,
    17: Outcome.BUSY,
    18: Outcome.FAILED,
    19: Outcome.NO_ANSWER,
    20: Outcome.NO_ANSWER,
    21: Outcome.BUSY,
    22: Outcome.INVALID_NUMBER,
    27: Outcome.FAILED,
    28: Outcome.INVALID_NUMBER,
    31: Outcome.NO_ANSWER,
    34: Outcome.CONGESTION,
    38: Outcome.FAILED,
    41: Outcome.FAILED,
    42: Outcome.CONGESTION,
    44: Outcome.CONGESTION,
    47: Outcome.CONGESTION,
    102: Outcome.FAILED,
    127: Outcome.FAILED,
}


@pytest.mark.parametrize(("reason", "cause", "sip", "expected"), MEASURED)
def test_what_was_measured(reason: int, cause: int, sip: int | None, expected: Outcome) -> None:
    assert outcome(False, reason, cause, sip) is expected


@pytest.mark.parametrize("code", range(300, 700))
def test_every_final_code_is_some_outcome_whatever_comes_with_it(code: int) -> None:
    expected = SIP.get(code, Outcome.FAILED)
    for reason in (None, 0, 1, 3, 5, 8):
        for cause in (None, 0, 1, 17, 19, 34):
            assert outcome(False, reason, cause, code) is expected
    assert outcome(True, 0, 0, code) is Outcome.ANSWERED


def test_the_table_of_codes_is_tested_whole() -> None:
    assert set(SIP_OUTCOMES) <= set(SIP)


@pytest.mark.parametrize("cause", range(1, 128))
def test_every_cause_is_some_outcome_without_a_code(cause: int) -> None:
    found = outcome(False, 0, cause, None)
    assert found not in (Outcome.UNKNOWN, Outcome.ANSWERED)
    if cause in CAUSES:
        assert found is CAUSES[cause]


def test_the_reason_alone() -> None:
    assert [outcome(False, reason) for reason in (0, 1, 3, 4, 5, 8)] == [
        Outcome.FAILED,
        Outcome.FAILED,
        Outcome.NO_ANSWER,
        Outcome.ANSWERED,
        Outcome.BUSY,
        Outcome.CONGESTION,
    ]


def test_nothing_known_is_unknown_and_an_answer_is_an_answer() -> None:
    assert outcome(False) is Outcome.UNKNOWN
    assert outcome(False, sip=180) is Outcome.UNKNOWN
    assert outcome(False, cause=0) is Outcome.FAILED
    assert outcome(True) is Outcome.ANSWERED


def test_an_answer_whose_response_a_restart_lost() -> None:
    assert outcome(False, None, 16, 200) is Outcome.ANSWERED
    assert outcome(False, 3, 19, 200) is Outcome.NO_ANSWER  # it crossed our CANCEL: nothing was played


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("404", 404),
        ("SIP 404 Not Found", 404),
        ("", None),
        ("Unknown", None),
        ("SIP", None),
        ("4040", None),
        ("SIP 180 Ringing", 180),
    ],
)
def test_reading_tech_cause(text: str, code: int | None) -> None:
    assert sip_code(text) == code


def test_who_ended_an_answered_call() -> None:
    assert ended_by(0) is EndedBy.LISTENER  # measured: the other side's BYE
    assert ended_by(16) is EndedBy.LISTENER
    assert ended_by(None) is EndedBy.UNKNOWN
    assert {ended_by(cause) for cause in (34, 38, 41, 42, 44, 102, 127)} == {EndedBy.NETWORK}
