"""Passwords as hashes (Argon2id, by argon2-cffi): no password is kept."""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher()
_ONE_AT_A_TIME = threading.Lock()
"""A hash takes 64 MiB: many who sign in at once must not take the machine's memory."""


def hashed(password: str) -> str:
    """What is kept in place of the password."""
    with _ONE_AT_A_TIME:
        return _HASHER.hash(password)


def matches(kept: str, password: str) -> bool:
    """Whether `kept` was made of that password; as slow when it was not."""
    try:
        with _ONE_AT_A_TIME:
            return _HASHER.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False
