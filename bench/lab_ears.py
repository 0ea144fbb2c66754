"""How much of a core the ears of the lab need: `python bench/lab_ears.py [CALLS] [SECONDS]`.

Starts the media process alone, tells it of CALLS answered calls through a log of our own, sends each 50 packets/s as
Asterisk would, and prints its CPU share, the packets lost and whether every millisecond was recognised.
"""

from __future__ import annotations

import random
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from ivr.adapters.carrier.files import write_people
from ivr.adapters.carrier.orders import PEOPLE, Orders, read_hearings
from ivr.adapters.carrier.scenario import ear_address
from ivr.adapters.carrier.sipp import free_port
from ivr.rules.electorate import Behaviour, SegmentLengths, electorate
from ivr.rules.segments import Segment

LENGTHS = SegmentLengths(4000, 20000, 6000, 3000)


def main(calls: int, seconds: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="lab-ears-"))
    draw = random.Random(1)
    sounds = {segment: draw.randbytes(LENGTHS.of(segment) * 8) for segment in Segment}
    for segment, data in sounds.items():
        (folder / f"{segment}.alaw").write_bytes(data)
    write_people(folder / PEOPLE, electorate(calls, 1, LENGTHS, {Behaviour.LISTENS: 1.0}))
    port = free_port()
    Orders(port, {segment: str(folder / f"{segment}.alaw") for segment in Segment}).write(folder)
    stream = sounds[Segment.PREROLL] + sounds[Segment.MESSAGE] + sounds[Segment.NOTICE]
    senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(calls)]
    for sender in senders:
        sender.bind(("127.0.0.1", 0))
    media = subprocess.Popen([sys.executable, "-m", "ivr.adapters.carrier.media", str(folder)])
    try:
        note(folder, "INVITE", senders)
        time.sleep(0.5)
        note(folder, "ACK", senders)
        watched = psutil.Process(media.pid)
        before, begun = sum(watched.cpu_times()[:2]), time.monotonic()
        frames = seconds * 50
        send(senders, port, stream, frames)
        spent, took = sum(watched.cpu_times()[:2]) - before, time.monotonic() - begun
    finally:
        media.terminate()
        media.wait(10)
    hearings = read_hearings(folder / "ears-1.jsonl")
    heard = [sum(play.heard_ms for play in hearing.plays) for hearing in hearings]
    lost, foreign = sum(h.lost for h in hearings), sum(h.foreign for h in hearings)
    print(f"{calls} calls, {calls * frames / took:.0f} packets/s for {took:.1f} s: {spent / took:.1%} of a core")
    print(f"{len(hearings)} heard {min(heard)}…{max(heard)} of {frames * 20} ms, {lost} lost, {foreign} foreign")


def note(folder: Path, what: str, senders: list[socket.socket]) -> None:
    now = time.time()
    with (folder / "calls-1.log").open("a", encoding="ascii") as log:
        for index, sender in enumerate(senders):
            port = sender.getsockname()[1]
            log.write(f"{what};{int(now)};{now % 1 * 1e6:.0f};{index + 1};call-{index};127.0.0.1:{port}\n")


def send(senders: list[socket.socket], port: int, stream: bytes, frames: int) -> None:
    begun = time.monotonic()
    addresses = [(ear_address(index), port) for index in range(len(senders))]
    for count in range(frames):
        header = struct.pack("!BBHII", 0x80, 8, count & 0xFFFF, count * 160, 7)
        packet = header + stream[count * 160 : count * 160 + 160]
        for index, sender in enumerate(senders):
            due = begun + (count + index / len(senders)) * 0.02
            if index % 10 == 0 and (wait := due - time.monotonic()) > 0:
                time.sleep(wait)
            sender.sendto(packet, addresses[index])


if __name__ == "__main__":
    main(*(int(given) for given in (sys.argv[1:] + ["200", "10"][len(sys.argv) - 1 :])))
