"""Outcomes from AMI events: an attempt's end is known when its OriginateResponse and its Hangup have come."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.adapters.ami import AmiEvent
from ivr.rules import causes
from ivr.rules.breaker import Blame, blame
from ivr.rules.states import Outcome

PATIENCE_S = 2.0
"""How long one of the two events is waited for after the other: a trunk that does not exist gives no Hangup."""
SILENCE_S = 8.0
"""So long after Originate, a trunk's breaker takes a call that does not ring yet for one that the carrier swallowed."""


@dataclass(slots=True)
class LiveCall:
    """One attempt between its Originate and its end, as the events tell it."""

    attempt: str
    sent_s: float
    trunk: str = ""
    campaign_id: int = 0
    sent_at_ms: int = 0  # Unix milliseconds
    released: bool = False  # we have ended it, because somebody asked for that
    era: int | None = None  # of the trunk's breaker when it was sent
    judged: bool = False  # the breaker knows how it went
    adopted: bool = False  # sent by a process before us: its OriginateResponse may have come and gone
    answered: bool = False
    rang: bool | None = False  # None: it may have, while nobody heard
    reason: int | None = None
    cause: int | None = None
    sip: int | None = None
    nine_at_ms: int | None = None  # Asterisk heard a 9, Unix milliseconds; who stores it may have died of something
    hung_up_s: float | None = None
    responded_s: float | None = None

    def response(self, event: AmiEvent) -> None:
        """OriginateResponse came."""
        self.responded_s = event.received_at
        self.reason = _number(event.get("Reason"))
        self.answered = self.answered or event.get("Response") == "Success"

    def hangup(self, event: AmiEvent) -> None:
        """Hangup came."""
        self.hung_up_s = event.received_at
        self.cause = _number(event.get("Cause"))
        self.sip = causes.sip_code(event.get("TechCause"))

    def is_silent(self, now_s: float) -> bool:
        """True when the carrier has said nothing for so long that it is to be told to the trunk's breaker."""
        return self.rang is False and not self.answered and now_s - self.sent_s > SILENCE_S

    def is_over(self, now_s: float) -> bool:
        """True when nothing more is to be waited for."""
        if self.hung_up_s is not None:
            return self.responded_s is not None or now_s - self.hung_up_s > PATIENCE_S
        refused = self.responded_s is not None and not self.answered
        return refused and now_s - (self.responded_s or now_s) > PATIENCE_S

    @property
    def outcome(self) -> Outcome:
        """How it ended. One that we took back while it rang was not answered."""
        if self.released and not self.answered:
            return Outcome.NO_ANSWER
        return causes.outcome(self.answered, self.reason, self.cause, self.sip, self.rang)

    @property
    def blame(self) -> Blame:
        """Whom its end speaks of."""
        if self.released and not self.answered:
            return Blame.NOBODY
        return blame(self.answered, self.reason, self.cause, self.sip, self.rang)

    @property
    def why(self) -> str:
        """The carrier's last word, for people: a SIP code, else a cause."""
        if self.rang is False and self.reason in {None, causes.REASON_TIMEOUT}:
            return "silence"
        return str(self.sip) if self.sip is not None else f"cause {self.cause}"


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None
