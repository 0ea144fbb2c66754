"""The words of quotes and invoices, and how each language writes an amount."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from ivr.rules.invoice import Line
from ivr.rules.price_list import PRICE_UNITS

NARROW = "\u202f"
"""What French puts between thousands: a space that does not break."""
WORDS = {
    "fr": {
        "voice": "Appels vocaux décrochés",
        "tier": "tranche",
        "production": "Production d'un enregistrement",
        "caller_id": "Numéro présenté",
        "list_rental": "Location de contacts",
        "line": "Prestation",
        "quantity": "Quantité",
        "price": "Prix unitaire",
        "net": "Montant HT",
        "net_sum": "Total HT",
        "vat": "TVA",
        "gross": "Total TTC",
        "minute": "min",
        "seconds": "s",
        "expected": "prévision",
        "most": "au plus",
        "prices": "Tarif public",
        "since": "en vigueur depuis le",
        "from": "à partir de",
        "minutes": "minutes",
        "billed": "Un appel décroché est facturé par pas de {step} s, au moins {least} s ; les autres ne coûtent rien.",
        "rounding": "Chaque ligne est arrondie au centime le plus proche, puis la TVA sur leur somme.",
        "invoice": "Facture",
        "provisional": "Décompte provisoire",
        "campaign": "Campagne",
        "id": "n°",
        "sponsor": "Pour le compte de",
        "legal_name": "Dénomination",
        "payer": "Payeur",
        "mandate": "Mandataire financier",
        "address": "Adresse",
        "election": "Élection",
        "territory": "Territoire",
        "channel": "Canal",
        "by_voice": "Téléphone, message enregistré",
        "calls_from": "Appels du",
        "calls_to": "au",
        "hours": "Horaires d'appel",
        "lines": "Prestations",
        "calls": "Appels",
        "places": "Par département",
        "annex": "Annexe : ce qui a été diffusé",
        "message": "Message",
        "loaded": "Numéros chargés",
        "attempted": "Appelés",
        "answered": "Décrochés",
        "completed": "Écoutés jusqu'au bout",
        "billed_s": "Secondes facturées",
        "departement": "Département",
        "not_known": "non connu",
        "part": "Partie",
        "text": "Texte ou empreinte",
        "played": "diffusé :",
        "preroll": "Annonce",
        "notice": "Mention d'information",
        "confirmation": "Confirmation",
        "not_final": "La campagne n'est pas terminée : ce décompte n'est pas une facture.",
        "capped": "Aucun appel n'est facturé au-delà de la durée la plus longue prévue au lancement de la campagne.",
        "content": "Empreinte du contenu :",
    },
    "en": {
        "voice": "Answered voice calls",
        "tier": "tier",
        "production": "Production of a recording",
        "caller_id": "Number shown",
        "list_rental": "Rental of contacts",
        "line": "Service",
        "quantity": "Quantity",
        "price": "Unit price",
        "net": "Net",
        "net_sum": "Net total",
        "vat": "VAT",
        "gross": "Total with VAT",
        "minute": "min",
        "seconds": "s",
        "expected": "expected",
        "most": "at most",
        "prices": "Public price list",
        "since": "in force since",
        "from": "from",
        "minutes": "minutes",
        "billed": "An answered call is billed in steps of {step} s, {least} s at least; others cost nothing.",
        "rounding": "Each line is rounded to the nearest cent, then the VAT on their sum.",
        "invoice": "Invoice",
        "provisional": "Provisional statement",
        "campaign": "Campaign",
        "id": "no.",
        "sponsor": "On behalf of",
        "legal_name": "Legal name",
        "payer": "Payer",
        "mandate": "Financial agent",
        "address": "Address",
        "election": "Election",
        "territory": "Territory",
        "channel": "Channel",
        "by_voice": "Telephone, recorded message",
        "calls_from": "Calls from",
        "calls_to": "to",
        "hours": "Calling hours",
        "lines": "Services",
        "calls": "Calls",
        "places": "By département",
        "annex": "Annex: what was played",
        "message": "Message",
        "loaded": "Numbers loaded",
        "attempted": "Called",
        "answered": "Answered",
        "completed": "Heard to the end",
        "billed_s": "Seconds billed",
        "departement": "Département",
        "not_known": "not known",
        "part": "Part",
        "text": "Text or hash",
        "played": "played:",
        "preroll": "Pre-roll",
        "notice": "Notice",
        "confirmation": "Confirmation",
        "not_final": "The campaign is not over: this statement is no invoice.",
        "capped": "No call is billed for more than the longest length that was set when the campaign was made.",
        "content": "Hash of the content:",
    },
}


@dataclass(frozen=True, slots=True)
class Say:
    """One language."""

    language: str

    def __call__(self, name: str, **values: object) -> str:
        """The words of that name."""
        return WORDS[self.language][name].format(**values)

    def line(self, line: Line) -> str:
        """What the line is for."""
        return self(line.kind) + (f", {self('tier')} {line.tier}" if line.tier else "")

    def quantity(self, line: Line) -> str:
        """How many of what."""
        return self.whole(line.quantity) + (f" {self('seconds')}" if line.kind == "voice" else "")

    def price(self, line: Line, currency: str) -> str:
        """Of a minute or a piece."""
        return self.unit_price(line.price, currency) + (f" / {self('minute')}" if line.kind == "voice" else "")

    def unit_price(self, price: int, currency: str) -> str:
        """A price with the four or five places that it needs, two at least."""
        exact = Decimal(price) / PRICE_UNITS
        places = max(2, -int(exact.normalize().as_tuple().exponent))
        return f"{self._marks(f'{exact:,.{places}f}')} {currency}"

    def money(self, cents: int, currency: str) -> str:
        """A sum."""
        return f"{self._marks(f'{Decimal(cents) / 100:,.2f}')} {currency}"

    def percent(self, basis_points: int) -> str:
        """Such as 20 %."""
        return f"{self._marks(f'{Decimal(basis_points) / 100:g}')}{NARROW if self.language == 'fr' else ''}%"

    def whole(self, number: int) -> str:
        """A count."""
        return self._marks(f"{number:,}")

    @staticmethod
    def instant(at_ms: int) -> str:
        """As programs read it, UTC."""
        return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"

    def _marks(self, text: str) -> str:
        if self.language != "fr":
            return text
        return text.replace(",", NARROW).replace(".", ",")
