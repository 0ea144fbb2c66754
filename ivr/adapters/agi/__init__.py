"""Asterisk's gateway interface (FastAGI). pyst2 (imported as `asterisk`) has the verbs; nothing else knows pyst2."""

from ivr.adapters.agi.health import answers
from ivr.adapters.agi.server import AgiServer
from ivr.adapters.agi.session import AgiSession, Played

__all__ = ["AgiServer", "AgiSession", "Played", "answers"]
