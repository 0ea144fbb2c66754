"""Who may do what on the web: a role is a set of permissions, and whoever has a sponsor sees that sponsor's alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """What a page wants of whoever asks for it."""

    ANYBODY = "anybody"
    SIGNED_IN = "signed-in"
    SEE_MESSAGES = "see-messages"
    ADD_MESSAGE = "add-message"
    JUDGE_MESSAGE = "judge-message"
    SEE_CAMPAIGNS = "see-campaigns"
    DRAFT_CAMPAIGN = "draft-campaign"
    RUN_CAMPAIGN = "run-campaign"
    JUDGE_CAMPAIGN = "judge-campaign"


class Role(StrEnum):
    """What somebody is here for."""

    CANDIDATE = "candidate"
    APPROVER = "approver"


_SEEN = frozenset({Permission.SEE_MESSAGES, Permission.SEE_CAMPAIGNS})
ALLOWED = {
    Role.CANDIDATE: _SEEN | {Permission.ADD_MESSAGE, Permission.DRAFT_CAMPAIGN, Permission.RUN_CAMPAIGN},
    Role.APPROVER: _SEEN | {Permission.JUDGE_MESSAGE, Permission.JUDGE_CAMPAIGN},
}
OF_ALL = frozenset({Permission.ANYBODY, Permission.SIGNED_IN})


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in. sponsor: whose things they see; "" sees every sponsor's, and signs in with a code too.

    disabled: signs in no more.
    """

    id: int
    name: str
    role: Role
    sponsor: str
    disabled: bool = False

    @property
    def needs_code(self) -> bool:
        """Whether a password alone does not sign them in."""
        return not self.sponsor


def allowed(user: User | None, permission: Permission) -> bool:
    """Whether that person, None for a stranger, may have a page that wants that permission."""
    if user is None or user.disabled:
        return permission is Permission.ANYBODY
    return permission in OF_ALL or permission in ALLOWED[user.role]
