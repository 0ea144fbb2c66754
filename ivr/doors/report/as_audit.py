"""What an audit found, as people read it in French or English, and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict

from ivr.rules.auditing import Disagreement, Kind, Verdict
from ivr.usecases.auditing import Audit

SCHEMA = "portevoix.audit/1"
SHOWN = 20
"""Disagreements of a witness that people are shown; JSON has them all."""
WORDS = {
    "en": {
        "pbx": "The PBX's own record",
        "carrier": "The carrier's file",
        "calls": "{calls} calls, of {compared} of them the lengths compared",
        "span": "the call is from {low} to {high} longer than what was heard",
        "allowed": "from {low} to {high} agrees: sound comes after the answer, keys are waited for at the end",
        "unmeasured": "{n} answered calls not compared: what was heard in them is not kept any more, or never came",
        "agrees": "agrees: no disagreement",
        "disagrees": "DISAGREES on {n} calls",
        "greatest": "the greatest: {apart} in call {attempt} to {number}",
        "call": "{attempt} {number}: heard {heard}, call {talked}",
        "more": "and {n} more (--json)",
        "elsewhere": "{n} calls were made by other PBXs: their records are on their machines, run this there too",
        "unread": "{n} lines of the carrier's file tell of no call, the first is line {line}",
        Kind.HEARD_LONGER: "heard longer than the call lasted",
        Kind.CALL_LONGER: "the call lasted much longer than anything was heard",
        Kind.ANSWERED_IN_BOOKS_ONLY: "answered in the books alone",
        Kind.ANSWERED_FOR_WITNESS_ONLY: "answered, but not in the books",
        Kind.NOT_WITNESSED: "answered in the books, and the witness knows of no such call",
        Kind.NOT_IN_BOOKS: "a call to somebody of the campaign that is not in the books",
    },
    "fr": {
        "pbx": "Le relevé du PBX",
        "carrier": "Le fichier de l'opérateur",
        "calls": "{calls} appels, durées comparées pour {compared}",
        "span": "l'appel dure de {low} à {high} de plus que ce qui a été entendu",
        "allowed": "de {low} à {high} concorde : le premier son suit le décroché, on attend une touche à la fin",
        "unmeasured": "{n} appels décrochés non comparés : leur écoute n'est plus conservée, ou n'est jamais arrivée",
        "agrees": "concorde : aucun désaccord",
        "disagrees": "NE CONCORDE PAS pour {n} appels",
        "greatest": "le plus grand écart : {apart} pour l'appel {attempt} vers {number}",
        "call": "{attempt} {number} : entendu {heard}, appel {talked}",
        "more": "et {n} autres (--json)",
        "elsewhere": "{n} appels ont été passés par d'autres PBX : leurs relevés y sont, lancez cette commande là-bas",
        "unread": "{n} lignes du fichier de l'opérateur ne décrivent aucun appel, la première est la ligne {line}",
        Kind.HEARD_LONGER: "entendu plus longtemps que l'appel n'a duré",
        Kind.CALL_LONGER: "l'appel a duré bien plus longtemps que ce qui a été entendu",
        Kind.ANSWERED_IN_BOOKS_ONLY: "décroché seulement d'après nos comptes",
        Kind.ANSWERED_FOR_WITNESS_ONLY: "décroché, mais pas d'après nos comptes",
        Kind.NOT_WITNESSED: "décroché d'après nos comptes, inconnu du témoin",
        Kind.NOT_IN_BOOKS: "un appel à une personne de la campagne, absent de nos comptes",
    },
}


def as_json(audit: Audit) -> str:
    """Everything, schema "portevoix.audit/1"; no whole number in it."""
    plain = {"schema": SCHEMA, "agrees": audit.agrees, **asdict(audit)}
    for told, one in zip(plain["verdicts"], audit.verdicts, strict=True):
        told |= {"agrees": one.agrees, "greatest": asdict(one.greatest) if one.greatest else None}
    return json.dumps(plain, ensure_ascii=False, indent=2)


def as_text(audit: Audit, language: str) -> Iterator[str]:
    """Line by line."""
    say = _Saying(language)
    for verdict in audit.verdicts:
        yield from _verdict(verdict, say)
    if audit.elsewhere:
        yield say("elsewhere", n=audit.elsewhere)
    if audit.unread:
        yield say("unread", n=len(audit.unread), line=audit.unread[0])


class _Saying:
    def __init__(self, language: str) -> None:
        self._words = WORDS[language]
        self._comma = "," if language == "fr" else "."

    def __call__(self, name: str, **values: object) -> str:
        return self._words[name].format(**values)

    def seconds(self, ms: int | None) -> str:
        return "–" if ms is None else f"{ms / 1000:.1f} s".replace(".", self._comma)


def _verdict(verdict: Verdict, say: _Saying) -> Iterator[str]:
    found = verdict.disagreements
    says = say("disagrees", n=len(found)) if found else say("agrees")
    yield f"{say(verdict.witness)} {says}"
    yield "  " + say("calls", calls=verdict.calls, compared=verdict.compared)
    if verdict.compared:
        yield "  " + say("span", low=say.seconds(verdict.shortest_ms), high=say.seconds(verdict.longest_ms))
    allowed = verdict.allowed
    yield "  " + say("allowed", low=say.seconds(-allowed.shorter_ms), high=say.seconds(allowed.longer_ms))
    if verdict.unmeasured:
        yield "  " + say("unmeasured", n=verdict.unmeasured)
    if worst := verdict.greatest:
        yield "  " + say("greatest", apart=say.seconds(worst.apart_ms), attempt=worst.attempt, number=worst.number)
    for kind, count in sorted(Counter(one.kind for one in found).items()):
        yield f"  {count} × {say(kind)}"
    for one in found[:SHOWN]:
        yield f"    {_line(one, say)}"
    if len(found) > SHOWN:
        yield "    " + say("more", n=len(found) - SHOWN)


def _line(one: Disagreement, say: _Saying) -> str:
    times = {"heard": say.seconds(one.heard_ms), "talked": say.seconds(one.talked_ms)}
    return f"{say(one.kind)} – " + say("call", attempt=one.attempt or "–", number=one.number, **times)
