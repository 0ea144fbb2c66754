"""Asterisk's manager interface (AMI). panoramisk parses it; nothing outside this package knows panoramisk."""

from ivr.adapters.ami.client import AmiClient
from ivr.adapters.ami.messages import LINK_DOWN, LINK_UP, LOGIN_REFUSED, AmiEvent, Headers, Originate

__all__ = ["LINK_DOWN", "LINK_UP", "LOGIN_REFUSED", "AmiClient", "AmiEvent", "Headers", "Originate"]
