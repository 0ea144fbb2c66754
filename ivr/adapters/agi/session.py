"""One call as its script sees it: pyst2's verbs with their defects cured (docs/decisions/0041).

What Asterisk does is read in its res/res_agi.c: a line has at most 8,191 bytes with its end (the rest of a longer one
would be taken for the next command); nothing may be sent while a command runs, or its reply never comes; `HANGUP`
comes before the next reply when the person has left.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Mapping
from typing import NamedTuple

from asterisk.agi import AGI

from ivr.adapters.agi.lines import Lines, LinkLost
from ivr.adapters.agi.request import read_request
from ivr.errors import AgiRefused, CallEnded, Unsendable

REQUEST_S = 5.0
REPLY_S = 10.0
PLAY_S = 900.0
MAX_COMMAND_BYTES = 8_191

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_REPLY = re.compile(r"(\d{3})([ -]?)(.*)", re.DOTALL)
_FIELD = re.compile(r"(\w+)=(\S*)\s*(?:\((.*)\))?", re.DOTALL)
_KEYS = re.compile(r"[0-9A-D*#]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\([A-Za-z0-9_,:-]*\))?")
_NAMES = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:,[A-Za-z_][A-Za-z0-9_]*)*")
_VALUES = re.compile(r"[A-Za-z0-9._,-]*")

Reply = dict[str, tuple[str, str]]


class Played(NamedTuple):
    """How one file was played.

    endpos_samples: where in the file it ended, in samples of the file, as Asterisk says: after a hang-up it is the full
    length in a few cases of a thousand, so take the lesser of it and clock_ms. digit: the key that ended it, or "".
    hung_up: the person left. clock_ms: our own clock from command to reply, milliseconds. failed: Asterisk could not
    open the file, and the person is still there. endpos_known: False if Asterisk never said; endpos_samples is then
    where the play began.
    """

    endpos_samples: int
    digit: str
    hung_up: bool
    clock_ms: int
    failed: bool = False
    endpos_known: bool = True


class _Nowhere:
    """pyst2 writes every line, with names and numbers, to its stderr: nothing of that is kept."""

    def write(self, _text: str) -> None:
        return


class AgiSession(AGI):
    """One call. Made in any thread, used by one thread.

    env: what Asterisk told of the call. route: the script it asks for. arguments: agi_arg_1 and on. unique_id: the
    channel's. hung_up: Asterisk has said that the person left; variables can still be read and written then.
    """

    def __init__(self, sock: socket.socket, *, request_timeout_s: float = REQUEST_S) -> None:
        """The request was read to its blank line. Raises NotACall for anything that is not Asterisk's request."""
        self._lines = Lines(sock)
        self._patience_s = REPLY_S
        self._lost = self._got_sighup = self.hung_up = False
        self.stdin = self.stdout = self.stderr = _Nowhere()
        self.env = read_request(self._lines, time.monotonic() + request_timeout_s)
        self.route = self.env.get("agi_network_script", "").partition("?")[0].strip("/")
        self.unique_id = self.env.get("agi_uniqueid", "")
        self.arguments: list[str] = []
        while (argument := self.env.get(f"agi_arg_{len(self.arguments) + 1}")) is not None:
            self.arguments.append(argument)

    def play(self, path: str, escape_digits: str = "", offset_samples: int = 0) -> Played:
        """The file (path without its extension) was played to its end, to a key of `escape_digits`, or to the hang-up.

        Never raises for a hang-up or a missing file: see Played. Raises Unsendable.
        """
        command = f'STREAM FILE {self._quote(path)} "{_keys(escape_digits)}" {offset_samples}'
        began = time.monotonic()
        try:
            reply = self._ask(command, patience_s=PLAY_S)
        except CallEnded:
            return Played(offset_samples, "", True, _ms_since(began), endpos_known=not self._lost)
        clock_ms = _ms_since(began)
        result = _number(reply, "result")
        endpos = _number(reply, "endpos") if "endpos" in reply else offset_samples
        if result >= 0:
            return Played(endpos, _key(result), False, clock_ms)
        if endpos > offset_samples or not self._still_there():
            return Played(endpos, "", True, clock_ms)
        return Played(endpos, "", False, clock_ms, failed=True)

    def _still_there(self) -> bool:
        """Whether the person is on the line: Asterisk says HANGUP before it answers the next command if not."""
        try:
            self.execute("CHANNEL STATUS")
        except CallEnded:
            return False
        return not self.hung_up

    def wait_for_digit(self, timeout_s: float) -> str | None:
        """The key that was pressed within timeout_s, else None. Raises CallEnded when the person has left."""
        reply = self._ask("WAIT FOR DIGIT", max(1, round(timeout_s * 1000)), patience_s=timeout_s + REPLY_S)
        return _key(_number(_ended_if_minus_one(reply), "result")) or None

    def set_variable(self, name: str, value: str) -> None:
        """The channel variable has this value; works after the hang-up too. Raises CallEnded if the link is lost."""
        self.execute("SET VARIABLE", self._quote(_variable(name)), self._quote(value))

    def set_variables(self, values: Mapping[str, str]) -> None:
        """All of these variables have these values, by one command; otherwise as `set_variable`.

        Values are letters, digits, dots, hyphens and underscores: Asterisk splits them at commas. Raises Unsendable.
        """
        names, given = ",".join(values), ",".join(values.values())
        commas = len(values) - 1
        if not _NAMES.fullmatch(names) or not _VALUES.fullmatch(given):
            raise Unsendable("several variables at once: only plain names and plain values")
        if names.count(",") != commas or given.count(",") != commas:
            raise Unsendable("several variables at once: no commas")
        self.execute(f'SET VARIABLE "ARRAY({names})" "{given}"')

    def leave(self, name: str, value: str) -> None:
        """The variable has this value when the dialplan goes on. The last word: nothing can be asked after it.

        The answer is not waited for, and our death cannot take the word back. Raises as `set_variable`.
        """
        if self._lost:
            raise CallEnded("the link to Asterisk is gone")
        try:
            self.send_command("SET VARIABLE", self._quote(_variable(name)), self._quote(value))
        except LinkLost as end:
            raise CallEnded(str(end)) from None
        finally:
            self._lost = True  # nobody will read the reply

    def get_variable(self, name: str) -> str:
        """The channel variable's value, "" if it has none; works after the hang-up too."""
        return self.execute("GET VARIABLE", self._quote(_variable(name)))["result"][1]

    def verbose(self, message: str, level: int = 1) -> None:
        """The message is on Asterisk's console at this level."""
        self.execute("VERBOSE", self._quote(message), level)

    def record_file(self, path: str, sound_format: str = "wav", escape_digits: str = "#", limit_s: float = 20.0) -> str:
        """The key that ended the recording, "" for its time limit. Raises CallEnded when the person has left."""
        reply = self._ask(
            "RECORD FILE", self._quote(path), sound_format, self._quote(_keys(escape_digits)),
            round(limit_s * 1000), patience_s=limit_s + REPLY_S,
        )  # fmt: skip
        return _key(_number(_ended_if_minus_one(reply), "result"))

    def database_get(self, family: str, key: str) -> str:
        """What Asterisk's own database holds under family and key, "" if nothing."""
        return self.execute("DATABASE GET", self._quote(family), self._quote(key))["result"][1]

    def give_up(self) -> None:
        """Asterisk's AGISTATUS is FAILURE if it still listens, so that the dialplan speaks in our place."""
        try:
            self._lines.write(b"failure\n")
        except LinkLost:
            self._lost = True

    def execute(self, command: str, *args: object) -> Reply:
        """Asterisk's reply to one command: a value and what was in parentheses, by name.

        Raises CallEnded (also for `result=-1`), AgiRefused, Unsendable.
        """
        return _ended_if_minus_one(self._ask(command, *args))

    def _ask(self, command: str, *args: object, patience_s: float = REPLY_S) -> Reply:
        self._patience_s = patience_s
        if self._lost:
            raise CallEnded("the link to Asterisk is gone")
        try:
            self.send_command(command, *args)
            return self.get_result()
        except LinkLost as end:
            self._lost = True  # after a time-out too: the late reply would pass for the next command's
            raise CallEnded(str(end)) from None

    def send_command(self, command: str, *args: object) -> None:
        """One command, and no more than one, was sent."""
        line = " ".join(map(str, (command, *args))).strip() if args else command
        if _CONTROL.search(line):
            raise Unsendable("a line break or control character must not be sent to Asterisk")
        try:
            sent = f"{line}\n".encode()
        except UnicodeEncodeError:
            raise Unsendable("not a text that can be written as UTF-8") from None
        if len(sent) > MAX_COMMAND_BYTES:
            raise Unsendable(f"an AGI command has at most {MAX_COMMAND_BYTES} bytes")
        self._lines.write(sent)

    def get_result(self, stdin: object = None) -> Reply:
        """The reply to the command just sent; a HANGUP before it is remembered. `stdin` is pyst2's and unused."""
        deadline = time.monotonic() + self._patience_s
        line = self._lines.read(deadline)
        if line.startswith("200 result=") and "(" not in line:  # nearly all of them
            return {name: (value, "") for name, _, value in [field.partition("=") for field in line[4:].split()]}
        code, rest = self._read_reply(line, deadline)
        if code == 511:
            self.hung_up = True
            raise CallEnded("the person hung up")
        if code != 200:
            raise AgiRefused(f"Asterisk refused a command of a call script with {code}")
        while rest.startswith("result=1 (") and not rest.endswith(")"):
            rest += "\n" + self._lines.read(deadline)  # a variable that holds line breaks
        reply = {name: (value, inner) for name, value, inner in _FIELD.findall(rest)}
        if "result" not in reply:
            raise AgiRefused("Asterisk's reply to a call script has no result")
        return reply

    def _read_reply(self, line: str, deadline: float) -> tuple[int, str]:
        while True:
            if line == "HANGUP":
                self.hung_up = True
            elif match := _REPLY.fullmatch(line):
                code, dash, rest = int(match[1]), match[2], match[3]
                while code == 520 and dash == "-" and not line.startswith("520 "):
                    line = self._lines.read(deadline)
                if code != 100:  # "100 Trying": the reply is still to come
                    return code, rest
            else:
                raise LinkLost("what answers is not Asterisk")
            line = self._lines.read(deadline)

    def _quote(self, string: object) -> str:
        escaped = str(string).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'


def _ended_if_minus_one(reply: Reply) -> Reply:
    if reply["result"][0] == "-1":
        raise CallEnded("the person hung up")
    return reply


def _number(reply: Reply, name: str) -> int:
    try:
        return int(reply[name][0])
    except ValueError:
        raise AgiRefused("Asterisk's reply to a call script has no number where one was expected") from None


def _key(code: int) -> str:
    """The key that a result stands for; 0 is none."""
    return chr(code) if 0 < code < 128 else ""


def _keys(digits: str) -> str:
    if not _KEYS.fullmatch(digits):
        raise Unsendable("keys are 0 to 9, A to D, * and #")
    return digits


def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise Unsendable("a channel variable's name is letters, digits and underscores")
    return name


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
