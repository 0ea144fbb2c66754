"""Everything this package raises.

* IvrError
  x Temporary     it did not happen; trying again is safe
    + AmiDown, StoreBusy, SpeechUnavailable, NotReady
  x Uncertain     it MAY have happened; ask Asterisk before trying again
    + AmiDisconnected, AmiTimeout
  x Permanent     trying again cannot help
    + AmiRefused, AmiLoginRefused, AgiRefused, Unsendable, BadSetting, BadTransition, AudioRefused, ContactsRefused,
      NotFound, Refused, NameTaken, Unrecordable, ProgramMissing, PortInUse, SetUpFailed
* CallEnded       the person hung up: the end of a conversation, not an error
"""


class IvrError(Exception):
    """Something Portevoix can explain; its message is for the person who reads it."""

    exit_code = 1

    def __init__(self, message: str | None = None) -> None:
        """The message is the first line of the class's docstring unless one is given."""
        super().__init__(message or (self.__doc__ or "").partition("\n")[0])


class Temporary(IvrError):
    """It did not happen; trying again is safe."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h


class AmiDown(Temporary):
    """The link to Asterisk's manager is down; nothing was sent."""


class StoreBusy(Temporary):
    """The database did not answer in time; nothing was written."""


class SpeechUnavailable(Temporary):
    """The speech engine did not answer; no file was made."""


class NotReady(Temporary):
    """A part of Portevoix is not up: `ivr status` shows which."""


class Uncertain(IvrError):
    """It may have happened; ask Asterisk before trying again."""


class AmiDisconnected(Uncertain):
    """The link to Asterisk's manager was lost while an action was under way."""


class AmiTimeout(Uncertain):
    """Asterisk's manager did not answer an action in time."""


class Permanent(IvrError):
    """Trying again cannot help."""

    exit_code = 2


class AmiRefused(Permanent):
    """Asterisk's manager refused an action."""


class AmiLoginRefused(Permanent):
    """Asterisk's manager refused the user name or secret."""


class AgiRefused(Permanent):
    """Asterisk refused a command of a call script."""


class Unsendable(Permanent, ValueError):
    """A value holds what must not be sent to Asterisk, such as a line break; nothing was sent."""


class BadSetting(Permanent):
    """A setting is unknown or has a value that cannot be used."""

    exit_code = 78  # EX_CONFIG


class BadTransition(Permanent):
    """That move is not in the table of transitions."""


class AudioRefused(Permanent):
    """The recording cannot be used."""

    exit_code = 65  # EX_DATAERR

    def __init__(self, message: str | None = None, finding: str = "unreadable", french: str = "") -> None:
        """finding: its name among those that are explained in every language (rules/recording_checks.py).

        french: the same message in French (rules/refusals.py), "" when it is in the reader's language already.
        """
        super().__init__(message)
        self.finding = finding
        self.french = french

    def said(self, language: str) -> str:
        """The message in that language, where there is one."""
        return self.french if language == "fr" and self.french else str(self)


class ContactsRefused(Permanent):
    """The list of contacts cannot be used."""

    exit_code = 65


class NotFound(Permanent):
    """There is no such thing."""

    exit_code = 66  # EX_NOINPUT


class Refused(Permanent):
    """A rule forbids it."""


class NameTaken(Permanent):
    """Another controller runs under this PBX's name."""


class Unrecordable(Permanent):
    """What came as a result of a call is none."""


class ProgramMissing(Permanent):
    """A program is not on this machine: `ivr setup` obtains it."""

    exit_code = 69  # EX_UNAVAILABLE


class PortInUse(Permanent):
    """A port is taken by another program."""

    exit_code = 69


class SetUpFailed(Permanent):
    """The set-up could not be finished."""

    exit_code = 69


class CallEnded(Exception):
    """The person hung up."""
