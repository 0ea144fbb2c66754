"""The transparency notice in words: its lines in French and English, of what `usecases/transparency.py` tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

Line = tuple[str, str]
Part = tuple[str, Sequence[Line]]
"""A heading and its lines."""

WORDS: Mapping[str, Mapping[str, str]] = {
    "fr": {
        "title": "Avis de transparence",
        "label": "Publicité à caractère politique",
        "law": "Règlement (UE) 2024/900, articles 11, 12 et 19. Établi le {day}.",
        "advertisement": "La publicité",
        "sponsor": "Le parraineur",
        "funding": "Le financement",
        "targeting": "Les personnes appelées",
        "rights": "Vos droits",
        "identifier": "Identifiant",
        "channel": "Canal",
        "voice": "Téléphone, message enregistré",
        "status": "État",
        "announced": "annoncée",
        "published": "en cours de diffusion",
        "suspended": "suspendue",
        "ended": "terminée",
        "period": "Diffusion",
        "from_to": "du {begin} au {end}",
        "since": "depuis le {begin}",
        "election": "Scrutin",
        "rounds": "Jours de vote",
        "no_election": "aucun scrutin n'a été déclaré",
        "territory": "Territoire",
        "recording": "Enregistrement",
        "recorded": "{name}, {seconds} s, SHA-256 {sha256}",
        "voice_made": "Voix",
        "artificial": "générée ou imitée par intelligence artificielle",
        "human": "humaine",
        "name": "Nom",
        "legal_name": "Dénomination",
        "type": "Qualité",
        "address": "Adresse",
        "email": "Courriel",
        "controlling_entity": "Contrôlé par",
        "declaration": "Déclaration",
        "eu_eligibility": "Droit de parrainer",
        "payer": "Payé par",
        "origin": "Origine des fonds",
        "amount": "Montant TTC",
        "final": "définitif",
        "so_far": "à ce jour, la campagne n'est pas close",
        "method": "Calcul",
        "by_list": "tarif public {price_list} : secondes d'appels décrochés ; facture {invoice}",
        "controller": "Responsable des données",
        "selected_by": "Choisies par",
        "everybody": "toute la liste, sans choix",
        "personal_data": "Données utilisées",
        "telephone_number": "numéro de téléphone",
        "age": "âge",
        "line": "type de ligne",
        "language": "langue",
        "source": "Origine des numéros",
        "people": "Personnes choisies",
        "reached": "Personnes atteintes",
        "few": "moins de vingt",
        "special": "Données sensibles",
        "none_used": "aucune",
        "ai": "Intelligence artificielle pour choisir",
        "by_chance": "Versions du message",
        "drawn": "tirées au sort",
        "stop": "Ne plus être appelé",
        "stop_how": "tapez 9 pendant l'appel ; effet immédiat",
        "contact": "Accès, effacement, opposition, réclamation",
        "official": "Comment voter, information officielle",
        "authority": "Autorité",
        "cnil": "la CNIL, www.cnil.fr, ou l'autorité de votre pays",
        "missing": "non communiqué par le parraineur",
    },
    "en": {
        "title": "Transparency notice",
        "label": "Political advertising",
        "law": "Regulation (EU) 2024/900, articles 11, 12 and 19. Drawn up on {day}.",
        "advertisement": "The advertisement",
        "sponsor": "The sponsor",
        "funding": "The funding",
        "targeting": "The people called",
        "rights": "Your rights",
        "identifier": "Identifier",
        "channel": "Channel",
        "voice": "Telephone, recorded message",
        "status": "Status",
        "announced": "announced",
        "published": "being published",
        "suspended": "suspended",
        "ended": "ended",
        "period": "Published",
        "from_to": "from {begin} to {end}",
        "since": "since {begin}",
        "election": "Election",
        "rounds": "Days of voting",
        "no_election": "no election was declared",
        "territory": "Territory",
        "recording": "Recording",
        "recorded": "{name}, {seconds} s, SHA-256 {sha256}",
        "voice_made": "Voice",
        "artificial": "made or imitated by artificial intelligence",
        "human": "human",
        "name": "Name",
        "legal_name": "Legal name",
        "type": "Kind",
        "address": "Address",
        "email": "E-mail",
        "controlling_entity": "Controlled by",
        "declaration": "Declaration",
        "eu_eligibility": "Entitled to sponsor",
        "payer": "Paid by",
        "origin": "Origin of the money",
        "amount": "Amount with VAT",
        "final": "final",
        "so_far": "so far, the campaign is not closed",
        "method": "Calculated",
        "by_list": "public price list {price_list}: seconds of answered calls; invoice {invoice}",
        "controller": "Controller of the data",
        "selected_by": "Chosen by",
        "everybody": "the whole list, without choice",
        "personal_data": "Data used",
        "telephone_number": "telephone number",
        "age": "age",
        "line": "kind of line",
        "language": "language",
        "source": "Where the numbers come from",
        "people": "People chosen",
        "reached": "People reached",
        "few": "fewer than twenty",
        "special": "Sensitive data",
        "none_used": "none",
        "ai": "Artificial intelligence in choosing",
        "by_chance": "Versions of the message",
        "drawn": "drawn by lot",
        "stop": "To be called no more",
        "stop_how": "press 9 during the call; in force at once",
        "contact": "Access, erasure, objection, complaint",
        "official": "How to vote, official information",
        "authority": "Authority",
        "cnil": "the data-protection authority of your country; in France the CNIL, www.cnil.fr",
        "missing": "not given by the sponsor",
    },
}


def parts(told: Mapping[str, Any], language: str) -> list[Part]:
    """The notice's headings and lines, in that language; what nobody gave is said to be missing."""
    say = WORDS[language]
    makers: dict[str, Callable[[Mapping[str, Any], Mapping[str, str]], list[Line]]] = {
        "advertisement": _advertisement, "sponsor": _sponsor, "funding": _funding, "targeting": _targeting,
        "rights": _rights,
    }  # fmt: skip
    return [
        (say[name], [(say[key], text or say["missing"]) for key, text in of(told, say)]) for name, of in makers.items()
    ]


def day(at_ms: int, timezone: str) -> str:
    """A day as both languages write it, where the campaign is."""
    return f"{datetime.fromtimestamp(at_ms / 1000, ZoneInfo(timezone)):%Y-%m-%d}"


def _advertisement(told: Mapping[str, Any], say: Mapping[str, str]) -> list[Line]:
    ad = told["advertisement"]
    election = ad["election"]
    lines = [("identifier", ad["identifier"]), ("channel", say["voice"]), ("status", say[ad["status"]])]
    lines += [("period", _period(ad, say)), ("election", _says(election, say) if election else say["no_election"])]
    if election:
        lines.append(("rounds", ", ".join(one["day"] for one in election["rounds"])))
    lines += [("territory", ad["territory"])] if ad["territory"] else []
    lines += [("recording", say["recorded"].format_map(one)) for one in ad["recordings"]]
    return [*lines, ("voice_made", say["artificial" if ad["artificial_voice"] else "human"])]


def _period(ad: Mapping[str, Any], say: Mapping[str, str]) -> str:
    if ad["begin_at_ms"] is None:
        return say["announced"]
    begin = day(ad["begin_at_ms"], ad["timezone"])
    if ad["end_at_ms"] is None:
        return say["since"].format(begin=begin)
    return say["from_to"].format(begin=begin, end=day(ad["end_at_ms"], ad["timezone"]))


def _says(election: Mapping[str, Any], say: Mapping[str, str]) -> str:
    return str(election["says"]["fr" if say is WORDS["fr"] else "en"])


def _sponsor(told: Mapping[str, Any], _: Mapping[str, str]) -> list[Line]:
    return list(told["sponsor"].items())


def _funding(told: Mapping[str, Any], say: Mapping[str, str]) -> list[Line]:
    money = told["funding"]
    lines = [("payer", money["payer"]), ("origin", money["origin"])]
    if money["gross_cents"] is None:
        return [*lines, ("amount", "")]
    amount = f"{money['gross_cents'] // 100:,}.{money['gross_cents'] % 100:02} {money['currency']}"
    amount = amount.replace(",", "\u202f").replace(".", ",") if say is WORDS["fr"] else amount
    return [*lines, ("amount", f"{amount} ({say['final' if money['final'] else 'so_far']})"),
            ("method", say["by_list"].format_map(money))]  # fmt: skip


def _targeting(told: Mapping[str, Any], say: Mapping[str, str]) -> list[Line]:
    of = told["targeting"]
    chosen = [f"{say[word]} {', '.join(values)}" for word, values in of["selected_by"].items() if values]
    count = {name: say["few"] if of[name] is None else str(of[name]) for name in ("people", "reached")}
    lines = [
        ("controller", of["controller"]),
        ("selected_by", "; ".join(chosen) or say["everybody"]),
        ("personal_data", ", ".join(say[name] for name in of["personal_data"])),
        ("source", of["source"]["fr" if say is WORDS["fr"] else "en"]),
        ("people", count["people"]), ("reached", count["reached"]),
        ("special", say["none_used"]), ("ai", say["none_used"]),
    ]  # fmt: skip
    return lines + ([("by_chance", say["drawn"])] if of["versions_by_chance"] else [])


def _rights(told: Mapping[str, Any], say: Mapping[str, str]) -> list[Line]:
    lines = [("stop", say["stop_how"]), ("contact", told["complaints"]["contact"]), ("authority", say["cnil"])]
    return lines + ([("official", told["official_information"])] if told["official_information"] else [])
