"""Answering requests: where from, access, objection, erasure, rectification, complaint; each is a case with a clock."""

from __future__ import annotations

import csv
import hmac
import os
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from ivr.adapters.store import Store
from ivr.errors import NotFound, NotReady, Refused
from ivr.rules import numbers
from ivr.rules.lifetimes import CALLED_MS, LAW
from ivr.rules.rights import AT_ONCE, KINDS, Case, Clock, Right, cases
from ivr.rules.suppression import PLATFORM
from ivr.settings import Settings
from ivr.usecases import holding
from ivr.usecases.campaigns import now_ms
from ivr.usecases.lab import lab_dir
from ivr.usecases.who import login_name

RECTIFIABLE = ("postcode", "birth_year", "language")

SendCode = Callable[[str, str], None]
"""Brings a code to the owner of a number."""


def send_to_lab(settings: Settings) -> SendCode:
    """Codes go to the people of the lab: codes.csv in its folder, for its owner's eyes; NotReady without a lab."""

    def send(number: str, code: str) -> None:
        if not settings.lab.enabled:
            raise NotReady("no way to bring a code to a number is set up: check otherwise whose it is, with --identity")
        lab_dir(settings).mkdir(parents=True, exist_ok=True)
        handle = os.open(lab_dir(settings) / "codes.csv", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow([number, code])

    return send


def ask(
    store: Store, settings: Settings, right: Right, number: str, channel: str, asked: Mapping[str, Any] | None = None
) -> tuple[Case, str]:
    """A case is open, its clock runs. Returns it and the number (E.164)."""
    e164 = numbers.parse(number, settings.calls.country).e164
    said = {
        "right": right.value, "channel": channel, "asked": _checked(right, dict(asked or {})),
        "number_hmac": store.suppressions.fingerprint(e164),
    }  # fmt: skip
    id_ = secrets.token_hex(4)
    _note(store, "opened", id_, **said)
    return case_named(store, id_), e164


def ask_by_code(
    store: Store, settings: Settings, right: Right, number: str, asked: Mapping[str, Any], send: SendCode
) -> Case:
    """A case is open, and a code on its way to the number: whoever gives it back holds the number."""
    e164 = numbers.parse(number, settings.calls.country).e164
    fingerprint, code = store.suppressions.fingerprint(e164), f"{secrets.randbelow(10**6):06d}"
    _refuse_floods(store, fingerprint)
    id_ = secrets.token_hex(4)
    said = {"right": right.value, "channel": "code", "asked": _checked(right, dict(asked)), "number_hmac": fingerprint}
    send(e164, code)
    _note(store, "opened", id_, **said, code=store.suppressions.fingerprint(f"{id_}:{code}"))
    return case_named(store, id_)


def confirm(store: Store, settings: Settings, id_: str, number: str, code: str) -> dict[str, Any]:
    """The code is the one that was sent: the case is answered. Refused when it is not, or is too old."""
    case, e164 = case_named(store, id_), numbers.parse(number, settings.calls.country).e164
    if not case.takes_code(now_ms()):
        raise Refused("that code cannot be used any more: ask again")
    right_number = hmac.compare_digest(case.number_hmac, store.suppressions.fingerprint(e164))
    given = store.suppressions.fingerprint(f"{id_}:{code.strip()}")
    if not (right_number and hmac.compare_digest(case.code, given)):
        _note(store, "wrong-code", id_)
        raise Refused("that is not the code that was sent to that number")
    return answer(store, case, e164, "code to the number")


def answer(store: Store, case: Case, e164: str, identity: str = "") -> dict[str, Any]:
    """What was asked for is done, and told. identity: how it was checked whose number it is."""
    if case.right not in AT_ONCE:
        if not identity.strip():
            raise Refused("say how it was checked whose number it is")
        _note(store, "identified", case.id, identity=identity)
    told, result = _ANSWERS[case.right](store, case, e164)
    if result:
        _note(store, "answered", case.id, result=result)
    return {"case": case.id, "right": case.right.value, "result": result or "a person will answer"} | told


def close(store: Store, id_: str, result: str) -> None:
    """A person has answered the case: what they did is kept."""
    if not result.strip():
        raise Refused("say what was answered")
    if case_named(store, id_).answered_at_ms is not None:
        raise Refused("that case is answered already")
    _note(store, "answered", id_, result=result)


def case_named(store: Store, id_: str) -> Case:
    """The case of that id, or NotFound."""
    found = cases(store.journal.entries(f"rights:{id_}")).get(id_)
    if found is None:
        raise NotFound(f"there is no case {id_[:20]!r}; `ivr rights list` shows those there are")
    return found


def all_cases(store: Store, open_only: bool = False) -> list[tuple[Case, Clock]]:
    """Every case with its clock, the most urgent first."""
    now = now_ms()
    found = [(case, case.clock(now)) for case in cases(store.journal.of_kinds(*KINDS)).values()]
    kept = [(case, clock) for case, clock in found if not (open_only and clock is Clock.ANSWERED)]
    return sorted(kept, key=lambda pair: (pair[1] is Clock.ANSWERED, pair[0].received_at_ms))


def held_until_ms(store: Store, e164: str) -> int | None:
    """Until when a law wants the number kept because it was called; None: none does."""
    calls = store.persons.called_by_rules_of(e164)
    ends = [at_ms + CALLED_MS[jurisdiction] for _, jurisdiction, at_ms in calls if jurisdiction in CALLED_MS]
    return max((end for end in ends if end > now_ms()), default=None)


def _where_from(store: Store, _: Case, e164: str) -> tuple[dict[str, Any], str]:
    known = store.persons.known(e164)
    return {name: known[name] for name in ("number", "kept", "sources", "consents")}, "told where it came from"


def _access(store: Store, _: Case, e164: str) -> tuple[dict[str, Any], str]:
    return {"known": store.persons.known(e164)}, "told all that is kept"


def _object(store: Store, case: Case, e164: str) -> tuple[dict[str, Any], str]:
    store.suppressions.add(e164, PLATFORM, "objection", now_ms(), evidence=f"rights:{case.id}")
    return {}, "nobody calls the number any more"


def _erase(store: Store, case: Case, e164: str) -> tuple[dict[str, Any], str]:
    if hold := holding.on_person(store, e164):
        store.suppressions.add(e164, PLATFORM, "erasure", now_ms(), evidence=f"rights:{case.id}")
        return {"held": hold}, "nobody calls the number any more; what is kept of it must be kept"
    held = held_until_ms(store, e164)
    store.persons.erase(e164, held is not None, f"rights:{case.id}", now_ms())
    if held is None:
        return {}, "erased"
    return {"held_until_ms": held}, f"erased but for the number: {LAW}"


def _rectify(store: Store, case: Case, e164: str) -> tuple[dict[str, Any], str]:
    facts = dict(case.asked or {})
    store.persons.rectify(e164, facts)
    return {"facts": facts}, "put right"


def _complain(_store: Store, _case: Case, _e164: str) -> tuple[dict[str, Any], str]:
    return {}, ""


_ANSWERS: Mapping[Right, Callable[[Store, Case, str], tuple[dict[str, Any], str]]] = {
    Right.WHERE_FROM: _where_from,
    Right.ACCESS: _access,
    Right.OBJECT: _object,
    Right.ERASE: _erase,
    Right.RECTIFY: _rectify,
    Right.COMPLAIN: _complain,
}


def _refuse_floods(store: Store, fingerprint: str) -> None:
    """A number gets no more than three codes an hour, whoever asks."""
    since = now_ms() - 3_600_000
    recent = [case for case, _ in all_cases(store) if case.number_hmac == fingerprint and case.received_at_ms > since]
    if sum(bool(case.code) for case in recent) >= 3:
        raise Refused("three codes were sent to this number within the hour: try later")


def _checked(right: Right, asked: dict[str, Any]) -> dict[str, Any]:
    if any(len(str(value)) > 2000 for value in asked.values()):
        raise Refused("that is too long: at most 2000 characters")
    if right is Right.RECTIFY and (not asked or set(asked) - set(RECTIFIABLE)):
        raise Refused(f"say what is to be put right: {', '.join(RECTIFIABLE)}")
    if right is Right.COMPLAIN and not str(asked.get("text", "")).strip():
        raise Refused("say what the complaint is about")
    return asked


def _note(store: Store, kind: str, id_: str, **said: Any) -> None:
    store.journal.add(f"rights-{kind}", f"rights:{id_}", login_name(), now_ms(), **said)
