"""Who may sign in on the web: users, their passwords and codes, and sessions that end."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from functools import cache

from ivr.adapters import passwords
from ivr.adapters.store import Store
from ivr.adapters.store.users import Secrets
from ivr.errors import NotFound, Refused
from ivr.rules import one_time_code
from ivr.rules.roles import Role, User
from ivr.usecases.who import LONGEST_NAME, login_name

IDLE_MS = 30 * 60_000
WHOLE_MS = 12 * 3_600_000
SEEN_EVERY_MS = 60_000
"""A session's use is written down at most that often."""
LONGEST_PASSWORD = 200


@dataclass(frozen=True, slots=True)
class Key:
    """What a user signs in with, told once. code_link: for their authenticator; "" when the password is enough."""

    password: str
    code_link: str


def add(store: Store, name: str, role: Role, sponsor: str = "") -> Key:
    """Somebody may sign in. A candidate belongs to a sponsor; an approver of none sees every sponsor's messages."""
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable() or name != name.strip():
        raise Refused(f"a user's name is 1 to {LONGEST_NAME} printable characters, with no blank around it")
    if role is Role.CANDIDATE and not sponsor:
        raise Refused("a candidate sees one sponsor's messages: say whose with --sponsor")
    if sponsor:
        sponsor = store.sponsors.named(sponsor).name
    user = User(0, name, role, sponsor)
    key, kept = _new_key(user)
    store.users.add(user, kept, login_name(), _now_ms())
    return key


def reset(store: Store, name: str) -> Key:
    """The user has a new password, and a new code if they need one; whoever is signed in by the old ones is not."""
    user, _ = store.users.named(name)
    key, kept = _new_key(user)
    store.users.reset(name, kept, login_name(), _now_ms())
    return key


def disable(store: Store, name: str) -> User:
    """The user signs in no more and is signed out; `reset` lets them in again."""
    return store.users.disable(name, login_name(), _now_ms())


def sign_in(store: Store, name: str, password: str, code: str, old_token: str = "") -> str | None:
    """The token of a new session, the old one ended; None when anything is wrong, and nothing tells what."""
    user, kept = _known(store, name)
    right = passwords.matches(kept.password_hash, password[:LONGEST_PASSWORD])
    if user is None or user.disabled or not right or not _code_right(store, user, kept, code):
        return None
    if old_token:
        sign_out(store, old_token)
    token, now_ms = secrets.token_urlsafe(32), _now_ms()
    store.users.open_session(_hash(token), user, now_ms, now_ms - WHOLE_MS)
    return token


def sign_out(store: Store, token: str) -> None:
    """The token opens nothing any more."""
    store.users.close_session(_hash(token))


def signed_in(store: Store, token: str) -> User | None:
    """Whose session it is; None when it ended, is too old, was not used for half an hour or its user was disabled."""
    if not token:
        return None
    found, now_ms = store.users.session(_hash(token)), _now_ms()
    if found is None:
        return None
    user, began_at_ms, seen_at_ms = found
    if user.disabled or now_ms - began_at_ms > WHOLE_MS or now_ms - seen_at_ms > IDLE_MS:
        sign_out(store, token)
        return None
    if now_ms - seen_at_ms > SEEN_EVERY_MS:
        store.users.saw(_hash(token), now_ms)
    return user


def form_token(token: str) -> str:
    """What every form of that session carries: no other site can know it."""
    return hashlib.sha256(b"form " + token.encode()).hexdigest()


def _known(store: Store, name: str) -> tuple[User | None, Secrets]:
    try:
        return store.users.named(name[:LONGEST_NAME])
    except NotFound:
        return None, Secrets(_nobodys(), "")


@cache
def _nobodys() -> str:
    """Of a password that nobody knows: a name that nobody has takes as long to refuse as a wrong password."""
    return passwords.hashed(secrets.token_urlsafe(16))


def _code_right(store: Store, user: User, kept: Secrets, code: str) -> bool:
    if not user.needs_code:
        return True
    step = one_time_code.step_of(bytes.fromhex(kept.code_secret), code.replace(" ", ""), time.time(), kept.code_step)
    return step is not None and store.users.use_code(user, step)


def _new_key(user: User) -> tuple[Key, Secrets]:
    password, secret = secrets.token_urlsafe(15), secrets.token_bytes(20) if user.needs_code else b""
    link = one_time_code.link(secret, user.name) if secret else ""
    return Key(password, link), Secrets(passwords.hashed(password), secret.hex())


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _now_ms() -> int:
    return int(time.time() * 1000)
