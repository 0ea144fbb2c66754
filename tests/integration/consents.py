"""Consents for tests: whole ones, as a collector would hand them over, and the sponsors they are in favour of."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from ivr.rules.dossier import Dossier
from ivr.usecases import consenting
from ivr.usecases.consenting import Tally
from tests.integration.scene import Scene

SPONSOR = "Jeanne Martin"


def ago(**distance: float) -> str:
    return (datetime.now(UTC) - timedelta(**distance)).isoformat()


def whole(number: str, **changes: Any) -> dict[str, Any]:
    said = {
        "number": number, "controller": SPONSOR, "purpose": "political_advertising", "channels": ["automated_voice"],
        "text": "J'accepte d'être appelé par automate.", "text_language": "fr", "method": "web_form",
        "act_ref": "192.0.2.7", "captured_at": ago(hours=1), "captured_by": "form-3", "explicit": True,
        "separate": True, "unticked": True, "hours": "10:00-20:00 mon-fri", "timezone": "Europe/Paris",
        "possession_sent_at": ago(minutes=50), "possession_verified_at": ago(minutes=40),
    }  # fmt: skip
    return said | changes


def sponsor(scene: Scene, name: str = SPONSOR) -> int:
    """The id of a sponsor of that name, with an empty dossier if it is new."""
    known = {one.name: one.id for one in scene.store.sponsors.all()}
    return known.get(name) or scene.store.sponsors.add(name, Dossier(), "tester", 1).id


def record(scene: Scene, *said: dict[str, Any], name: str = SPONSOR) -> Tally:
    sponsor(scene, name)
    lines = [json.dumps(one) for one in said]
    return consenting.record_lines(scene.store, scene.settings, name, lines)
