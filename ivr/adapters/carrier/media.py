"""The ears and mouths of the whole electorate: one process, one UDP port, one loopback address for each person.

`python -m ivr.adapters.carrier.media FOLDER` with what `Orders.write` left in FOLDER. It follows SIPp's log to learn
who is called and who answers, and appends one line to ears-N.jsonl when a call is over. SIGTERM: the rest is written,
then it ends.
"""

from __future__ import annotations

import heapq
import json
import signal
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from ivr.adapters.carrier.calllog import CallLog
from ivr.adapters.carrier.files import read_people
from ivr.adapters.carrier.hearing import Ear
from ivr.adapters.carrier.line import Line
from ivr.adapters.carrier.mouth import FRAME_MS, Mouth
from ivr.adapters.carrier.orders import PEOPLE, Orders
from ivr.adapters.carrier.scenario import ear_address
from ivr.adapters.carrier.sockets import EarSockets, from_address
from ivr.rules.electorate import Person
from ivr.rules.segments import Segment
from ivr.rules.truth import ENDINGS, CallEvent, Seen

TICK_S = 0.003
"""How often the sockets are emptied while people are on the line: at 10,000 packets/s that is 30 packets at a time."""
IDLE_TICK_S = 0.02
LOG_EVERY_S = 0.02
SPEAK_AFTER_S = 0.2
LINGER_S = 0.25
"""How long a line is kept after its end, for packets under way."""


class Media:
    """The live lines, their timers and the log that tells of them."""

    def __init__(self, folder: Path, orders: Orders, out: TextIO) -> None:
        self._sounds = _by_version(orders)
        self._people = read_people(folder / PEOPLE)
        self._log = CallLog(folder / orders.log)
        self._out = out
        self._sockets = EarSockets(orders.port)
        self._lines: dict[tuple[bytes, int], Line] = {}
        self._by_call: dict[str, tuple[bytes, int]] = {}
        self._awaiting: list[Line] = []
        self._ended: dict[str, tuple[float, CallEvent]] = {}
        self._timers: list[tuple[float, int, Line, list[bytes] | str | None]] = []
        self._count = 0
        self.strays = 0
        self.running = True

    def run(self) -> None:
        """Hears and speaks until `running` is false; then every account is written."""
        next_log_s = 0.0
        while self.running:
            self._hear()
            now_s = time.time()
            self._press()
            self._send_due(now_s)
            if now_s >= next_log_s:
                self._follow_log(now_s)
                next_log_s = now_s + LOG_EVERY_S
            time.sleep(TICK_S if self._lines else IDLE_TICK_S)
        self._hear()
        self._follow_log(time.time())
        for call_id in list(self._by_call):
            self._close(call_id)
        self._sockets.close()

    def _hear(self) -> None:
        lines = self._lines
        for at_s, ear, address, data in self._sockets.receive():
            line = lines.get((ear, address[1])) or self._opened_meanwhile((ear, address[1]))
            if line is None:
                self.strays += 1
                continue
            line.remote = address
            line.packet(at_s, data)

    def _opened_meanwhile(self, key: tuple[bytes, int]) -> Line | None:
        """The line of a call that was noted since we looked last: on a busy machine its sound may come before that."""
        self._follow_log(time.time())
        return self._lines.get(key)

    def _press(self) -> None:
        """Keys whose sound has arrived are scheduled; a person presses one key after another."""
        for line in list(self._awaiting):
            due = line.due_key()
            if due:
                key, due_s = due
                self._at(due_s, line, f"{key.key}{key.tone_ms}")
                if not line.keys:
                    self._awaiting.remove(line)

    def _at(self, due_s: float, line: Line, what: list[bytes] | str | None) -> None:
        self._count += 1
        heapq.heappush(self._timers, (due_s, self._count, line, what))

    def _send_due(self, now_s: float) -> None:
        while self._timers and self._timers[0][0] <= now_s:
            due_s, _, line, what = heapq.heappop(self._timers)
            if line.call_id not in self._by_call or line.call_id in self._ended:
                continue
            if isinstance(what, str):
                self._start_key(line, what[0], int(what[1:]), now_s)
            elif what is None:
                self._speak(line, due_s, now_s)
            else:
                self._sockets.send(what, line.ancillary, line.remote)

    def _start_key(self, line: Line, key: str, tone_ms: int, now_s: float) -> None:
        line.note_press(key, now_s, now_s + tone_ms / 1000)
        for after_ms, packets in line.mouth.press(key, tone_ms, now_s):
            self._at(now_s + (after_ms - FRAME_MS) / 1000, line, packets)

    def _speak(self, line: Line, due_s: float, now_s: float) -> None:
        packet = line.mouth.speak(now_s)
        if packet:
            self._sockets.send([packet], line.ancillary, line.remote)
            self._at(due_s + FRAME_MS / 1000, line, None)

    def _follow_log(self, now_s: float) -> None:
        for event in self._log.read():
            if event.person is not None and event.person < len(self._people):
                self._note(event, self._people[event.person], now_s)
        over = [call_id for call_id, (due_s, _) in self._ended.items() if due_s <= now_s]
        for call_id in over:
            self._close(call_id)

    def _note(self, event: CallEvent, person: Person, now_s: float) -> None:
        if event.seen is Seen.INVITE and event.call_id not in self._by_call:
            self._open(event, person)
        elif event.seen is Seen.ACK and event.call_id in self._by_call:
            line = self._lines[self._by_call[event.call_id]]
            line.answered_s = event.at_ms / 1000
            self._at(line.answered_s + SPEAK_AFTER_S, line, None)
        elif event.seen in ENDINGS and event.call_id in self._by_call and event.call_id not in self._ended:
            self._ended[event.call_id] = (now_s + LINGER_S, event)

    def _open(self, event: CallEvent, person: Person) -> None:
        """The line is there before its first packet: an INVITE is noted well before the answer."""
        _, _, port = event.detail.rpartition(":")
        address = bytes(map(int, ear_address(person.index).split(".")))
        key = (address, int(port))
        if key in self._lines:
            self._close(self._lines[key].call_id)
        line = Line(
            call_id=event.call_id,
            ear=Ear(self._sounds[person.version]),
            mouth=Mouth(person.voice, (person.index << 8) + 1),
            keys=list(person.keys),
            ancillary=from_address(address),
            remote=("127.0.0.1", int(port)),
        )
        self._lines[key] = line
        self._by_call[event.call_id] = key
        if person.keys:
            self._awaiting.append(line)

    def _close(self, call_id: str) -> None:
        key = self._by_call.pop(call_id, None)
        if key is None:
            return
        _, end = self._ended.pop(call_id, (0.0, None))
        line = self._lines.pop(key)
        if line in self._awaiting:
            self._awaiting.remove(line)
        if line.answered_s:
            hung_up = end is not None and end.seen is Seen.BYE_SENT
            account = line.hearing(end.at_ms / 1000 if end else None, hung_up=hung_up)
            json.dump(asdict(account), self._out)
            self._out.write("\n")
            self._out.flush()


def _by_version(orders: Orders) -> list[dict[Segment, bytes]]:
    """The sounds by segment that whoever drew each version is to hear, and no others."""
    sounds = {Segment(name): Path(path).read_bytes() for name, path in orders.sounds.items()}
    return [sounds | {Segment.MESSAGE: Path(path).read_bytes()} for path in orders.versions] or [sounds]


def main(folder: Path) -> None:
    """The process: hears until SIGTERM or SIGINT."""
    orders = Orders.read(folder)
    with (folder / orders.ears).open("w", encoding="utf-8") as out:
        media = Media(folder, orders, out)

        def stop(*_: object) -> None:
            media.running = False

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        print("ears are open", flush=True)
        with suppress(KeyboardInterrupt):
            media.run()
    print(f"ears are closed; {media.strays} packets were nobody's", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
