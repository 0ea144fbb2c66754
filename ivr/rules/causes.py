"""How a call ended, from what Asterisk tells: the one table from SIP codes and Q.850 causes to outcomes.

Sources. SIP codes: RFC 3261 §21, with 607 and 608 of RFC 8197 and RFC 8688. Causes: ITU-T Q.850 table 1. Between the
two: RFC 3398 §7.2.4.1 and §8.2.6.1. What Asterisk 22 does with them was measured:

* OriginateResponse's Reason is 0 for every refusal: it tells a time-out (3) and an answer (4), nothing else for sure;
* 480 and a time-out of ours share cause 19 and code 480, and both are "no answer"; a carrier that is dead gives the
  same, but no DialState event, which a 180 and a 183 (with or without sound) both bring;
* an answered call that the other side hangs up ends with cause 0, one that we hang up with 16.
"""

from __future__ import annotations

import re

from ivr.rules.segments import EndedBy
from ivr.rules.states import Outcome

REASON_HANGUP, REASON_TIMEOUT, REASON_ANSWERED, REASON_BUSY, REASON_CONGESTION = 1, 3, 4, 5, 8
"""Asterisk's control frame numbers, as OriginateResponse gives them."""

SIP_OUTCOMES = {
    404: Outcome.INVALID_NUMBER,
    408: Outcome.NO_ANSWER,  # received, it is a gateway's cause 18 or 102: the telephone did not react
    410: Outcome.INVALID_NUMBER,
    429: Outcome.CONGESTION,
    480: Outcome.NO_ANSWER,
    484: Outcome.INVALID_NUMBER,
    485: Outcome.INVALID_NUMBER,
    486: Outcome.BUSY,
    487: Outcome.NO_ANSWER,  # our own CANCEL confirmed, or the carrier's ringing time over
    503: Outcome.CONGESTION,
    600: Outcome.BUSY,
    603: Outcome.BUSY,  # the person rejects the ringing call: most mobile networks write the same act as 486
    604: Outcome.INVALID_NUMBER,
}
"""Final codes that say something of the person or the network; every other one from 300 to 699 is FAILED."""

CAUSE_OUTCOMES = {
    1: Outcome.INVALID_NUMBER,  # unallocated
    5: Outcome.INVALID_NUMBER,  # misdialled
    16: Outcome.NO_ANSWER,  # normal clearing before an answer: the call was taken back
    17: Outcome.BUSY,
    19: Outcome.NO_ANSWER,
    20: Outcome.NO_ANSWER,  # subscriber absent: the mobile is off
    21: Outcome.BUSY,  # call rejected; a carrier's 401 and 403 share it, and are told by their code
    22: Outcome.INVALID_NUMBER,  # number changed
    28: Outcome.INVALID_NUMBER,  # format
    31: Outcome.NO_ANSWER,  # normal, unspecified: RFC 3398 writes it as 480
    34: Outcome.CONGESTION,  # no circuit
    42: Outcome.CONGESTION,  # switching equipment
    43: Outcome.CONGESTION,  # access information discarded
    44: Outcome.CONGESTION,  # requested circuit
    47: Outcome.CONGESTION,  # resource unavailable
}
"""Causes of calls that were not answered; every other one is FAILED.

18 (no user responding) is FAILED: a person's comes with code 408; alone, it is PJSIP whose INVITE nobody answered.
"""

REASON_OUTCOMES = {
    REASON_HANGUP: Outcome.FAILED,
    REASON_TIMEOUT: Outcome.NO_ANSWER,
    REASON_BUSY: Outcome.BUSY,
    REASON_CONGESTION: Outcome.CONGESTION,
}

LISTENER_CAUSES = frozenset({0, 16, 17, 19, 21, 31})
"""Causes with which a person's own hang-up of an answered call arrives."""


def sip_code(tech_cause: str) -> int | None:
    """The SIP code in Asterisk's TechCause (`404`, `SIP 404 Not Found`); None when there is none."""
    found = re.match(r"\s*(?:SIP\s+)?([1-6][0-9]{2})\b", tech_cause)
    return int(found[1]) if found else None


def outcome(
    answered: bool,
    reason: int | None = None,
    cause: int | None = None,
    sip: int | None = None,
    rang: bool | None = None,
) -> Outcome:
    """How one attempt ended; UNKNOWN only when nothing at all is known.

    answered: the call script or dialplan saw it. reason: of OriginateResponse. cause: of Hangup. sip: of `sip_code`.
    rang: whether the carrier said that it rings or goes on (180, 183); None: not known. A time-out of ours of a call
    that never rang is no person's: no telephone was reached. Else the most exact source wins: the carrier's final code,
    then a time-out of ours, then the cause, then the reason.
    """
    # A 2xx is the INVITE's (TechCause is of nothing else); without a Reason, its response was lost in a restart.
    response_lost = reason is None and sip is not None and 200 <= sip < 300
    if answered or reason == REASON_ANSWERED or response_lost:
        return Outcome.ANSWERED
    silent = reason == REASON_TIMEOUT and rang is False
    if sip is not None and sip >= 300 and not silent:
        return SIP_OUTCOMES.get(sip, Outcome.FAILED)
    if reason == REASON_TIMEOUT:
        return Outcome.FAILED if silent else Outcome.NO_ANSWER
    if cause:
        return CAUSE_OUTCOMES.get(cause, Outcome.FAILED)
    if reason is None:
        return Outcome.UNKNOWN if cause is None else Outcome.FAILED
    return REASON_OUTCOMES.get(reason, Outcome.FAILED)


def ended_by(cause: int | None) -> EndedBy:
    """Who ended an answered call that we did not end: the listener, the network, or UNKNOWN without a cause.

    That we ended it (everything was played) is known to the call script, not to the cause: Asterisk gives 16 then.
    """
    if cause is None:
        return EndedBy.UNKNOWN
    return EndedBy.LISTENER if cause in LISTENER_CAUSES else EndedBy.NETWORK
