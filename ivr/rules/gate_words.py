"""The rules of every campaign, each in one sentence, in French and in English; a pack's rules bring their own."""

from __future__ import annotations

from ivr.rules.gate import Kind, Verdict
from ivr.rules.gate_law import Law

LANGUAGES = ("fr", "en")
SAYS: dict[str, tuple[str, str]] = {
    "installation-halted": (
        "Personne n'a suspendu tous les appels de l'installation.",
        "Nobody has halted all calls of the installation.",
    ),
    "campaign-running": ("La campagne est en cours.", "The campaign is running."),
    "campaign-expired": ("La campagne n'a pas expiré.", "The campaign has not expired."),
    "notice-present": ("La mention d'information est prête à être dite.", "The privacy notice is ready to be played."),
    "pack-effective": (
        "Les règles choisies sont en vigueur ce jour-là.",
        "The rules that were chosen are in force on that day.",
    ),
    "message-class": (
        "La campagne dit de quelle sorte est son message.",
        "The campaign says of which class its message is.",
    ),
    "suppressed": (
        "La personne n'a pas demandé l'arrêt des appels et n'est pas opposée.",
        "The person has neither asked for the calls to stop nor objected.",
    ),
    "calling-hours": (
        "Il est dans les heures de la campagne, là où est la personne.",
        "It is within the campaign's hours where the person is.",
    ),
    "already-reached": (
        "La personne n'a pas été jointe, et la politique de rappel permet un appel.",
        "The person was not reached yet, and the retry policy lets a call out.",
    ),
    "caller-id-granted": (
        "Le numéro affiché est un vrai numéro ; l'opérateur simulé n'en a pas besoin.",
        "The number shown is a real one; the simulated carrier needs none.",
    ),
}
_ANSWERS = {
    "fr": {Kind.YES: "oui", Kind.HOLD: "attend", Kind.NO: "NON"},
    "en": {Kind.YES: "yes", Kind.HOLD: "hold", Kind.NO: "NO"},
}


def answer(verdict: Verdict, language: str) -> str:
    """One word for what the Gate says."""
    return _ANSWERS[language][verdict.kind]


def demand(rule: str, law: Law | None, language: str) -> str:
    """What the rule demands, in one sentence; a rule without words stands for itself."""
    if rule in SAYS:
        return SAYS[rule][LANGUAGES.index(language)]
    found = next((one for one in law.pack.rules if one.id == rule), None) if law else None
    return rule if found is None else getattr(found.says, language)
