"""Ears of the bench: `python bench/ears.py PORT` hears all RTP at PORT until SIGTERM, then prints one entry a stream.

A stream is one call: its source port and its RTP source. Instants are the kernel's, taken when a packet arrives, so
that a late reader makes no gap.
"""

from __future__ import annotations

import json
import signal
import sys
import time

from ivr.adapters.carrier.sockets import EarSockets

TICK_S = 0.003


class Stream:
    """The account of one call's packets."""

    __slots__ = ("first_s", "gap_at_s", "last_s", "longest_gap_s", "lost", "packets", "sequence")

    def __init__(self, at_s: float, sequence: int) -> None:
        self.first_s = self.last_s = at_s
        self.sequence = sequence
        self.packets, self.lost = 1, 0
        self.longest_gap_s = self.gap_at_s = 0.0  # how long, and how long after the first packet it began

    def packet(self, at_s: float, sequence: int) -> None:
        gap_s = at_s - self.last_s
        if gap_s > self.longest_gap_s:
            self.longest_gap_s, self.gap_at_s = gap_s, self.last_s - self.first_s
        self.lost += (sequence - self.sequence - 1) & 0xFFFF
        self.last_s, self.sequence = at_s, sequence
        self.packets += 1


def main(port: int) -> None:
    sockets, streams, running = EarSockets(port), dict[tuple[int, bytes], Stream](), [True]
    signal.signal(signal.SIGTERM, lambda *_: running.clear())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print("open", flush=True)
    while running:
        for at_s, _, address, data in sockets.receive():
            key, sequence = (address[1], data[8:12]), data[2] << 8 | data[3]
            stream = streams.get(key)
            if stream is None:
                streams[key] = Stream(at_s, sequence)
            else:
                stream.packet(at_s, sequence)
        time.sleep(TICK_S)
    sockets.close()
    print(json.dumps([{name: getattr(one, name) for name in Stream.__slots__} for one in streams.values()]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
