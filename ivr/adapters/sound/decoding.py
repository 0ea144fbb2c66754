"""From a file that anybody may have sent to samples: the only place where such a file is opened.

The first bytes choose one demuxer; ffmpeg may then use no other, no protocol but `file` and no codec outside a list;
it runs confined, once, and what the file claims is checked against what it gave.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ivr.adapters.pbx import programs
from ivr.adapters.sound import confine
from ivr.adapters.sound.channels import Samples, mono
from ivr.adapters.sound.signature import (
    Container,
    announced_bytes,
    container_of,
    looks_like_text,
    second_nature,
    tag_bytes,
)
from ivr.errors import AudioRefused, NotFound
from ivr.settings import Message, Settings

ACCEPTED = "wav, mp3, m4a, ogg, opus, webm, mp4, flac, aiff, wma, 3gp or amr"
RATES_HZ = range(8000, 192_001)
HEADER_BYTES = 4096
TAIL_BYTES = 66_000  # a zip archive ends with a comment of at most 65,535 bytes
SLACK_S = 0.5
LARGEST_SAMPLE = 4.0
FRAME_BYTES = 4
_DURATION = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+)", re.M)
_FILM = re.compile(r"^  Stream #0:\d+.*: Video: (?!.*\(attached pic\))", re.M)
_SOUND = re.compile(r"^  Stream #0:\d+.*: Audio: (\w+)", re.M)


@dataclass(frozen=True, slots=True)
class Pcm:
    """Mono sound. samples: 1.0 is full scale, and a lossy codec may overshoot it. rate_hz: of the file itself.

    sides: left and right as they came, shape (samples, 2), None when the file was mono or the sound is our own.
    """

    samples: Samples
    rate_hz: int
    sides: Samples | None = None

    @property
    def length_s(self) -> float:
        """Its length, seconds."""
        return len(self.samples) / self.rate_hz


def decode(file: Path, settings: Settings, name: str = "") -> Pcm:
    """The sound of `file`, its first audio stream made mono.

    name: what the file is called in messages. Raises NotFound, ProgramMissing, or AudioRefused with one sentence
    that says what is wrong and what to do.
    """
    shown = _printable(name or file.name)
    ran = _run(file, _recognise(file, shown, settings), shown, settings)
    samples, rate_hz = _samples(ran, shown, settings)
    claimed_s = _claimed_s(ran.err)
    if len(samples) < rate_hz * (claimed_s * 0.95 - SLACK_S):
        read_s = len(samples) / rate_hz
        raise AudioRefused(
            f"{shown} is cut short: it announces {claimed_s:.1f} s, but only {read_s:.1f} s can be read: "
            "give the whole file"
        )
    return Pcm(mono(samples, rate_hz), rate_hz, samples if samples.shape[1] == 2 else None)


def decode_own(file: Path, settings: Settings) -> Pcm:
    """The sound of a file that we made: the limits that the settings set for people's recordings do not hold for it."""
    return decode(file, settings.model_copy(update={"message": Message()}))


def _printable(name: str) -> str:
    """A name that may be shown: no control characters, no more than a line."""
    return "".join(character if character.isprintable() else "?" for character in name)[:120]


def _recognise(file: Path, shown: str, settings: Settings) -> Container:
    """The container of `file`, which is a regular file of an allowed size."""
    try:
        facts = file.lstat()
    except OSError:
        raise NotFound(f"no such file: {_printable(str(file))}") from None
    if not stat.S_ISREG(facts.st_mode):
        raise AudioRefused(f"{shown} is not a file: give the recording itself ({ACCEPTED})")
    if not facts.st_size:
        raise AudioRefused(f"{shown} is empty (0 bytes): save the recording again and give that file")
    if facts.st_size > settings.message.max_bytes:
        largest = settings.message.max_bytes / 1e6
        raise AudioRefused(
            f"{shown} is too large ({facts.st_size / 1e6:.1f} MB, at most {largest:.1f}): save it as mp3 or m4a"
        )
    return _container(file, facts.st_size, shown)


def _container(file: Path, size: int, shown: str) -> Container:
    try:
        with file.open("rb") as opened:
            head = opened.read(HEADER_BYTES)
            opened.seek(tag_bytes(head))
            after_tag = opened.read(HEADER_BYTES)
            opened.seek(max(0, size - TAIL_BYTES))
            tail = opened.read(TAIL_BYTES)
    except OSError as error:
        raise AudioRefused(f"{shown} cannot be read ({error.strerror}): allow this user to read it") from None
    container = None if looks_like_text(head) else container_of(head, after_tag)
    if container is None:
        what = "text, perhaps a playlist or a page," if looks_like_text(head) else "of an unknown kind,"
        raise AudioRefused(f"{shown} is {what} not a recording, whatever its name says: give a {ACCEPTED} file")
    if also := second_nature(head, tail):
        raise AudioRefused(f"{shown} is a recording and {also} at once: save the recording again and give that file")
    announced = announced_bytes(head)
    if size < announced * 0.95 - HEADER_BYTES:
        raise AudioRefused(
            f"{shown} is cut short: it announces {announced:,} bytes and has {size:,}: give the whole file"
        )
    return container


def _run(file: Path, container: Container, shown: str, settings: Settings) -> confine.Ran:
    """What ffmpeg made of the file: its first audio stream as a wav, cut after the longest message, and its log."""
    program, source = programs.find("ffmpeg", settings.cache_dir), file.resolve()
    guards = ["-protocol_whitelist", "file", "-format_whitelist", container.names]
    guards += ["-codec_whitelist", container.codecs, "-max_alloc", str(256 << 20), "-threads", "1"]
    guards += ["-probesize", "5M", "-analyzeduration", "5M"]
    if container.demuxer == "mov":
        guards += ["-enable_drefs", "0", "-use_absolute_path", "0"]
    before = ["-nostdin", "-hide_banner", "-nostats", "-v", "info", *guards, "-f", container.demuxer]
    wanted = ["-map", "0:a:0", "-map_metadata", "-1", "-t", f"{settings.message.max_s + 1:.3f}", "-fflags", "+bitexact"]
    shape = ["-af", "aformat=sample_fmts=flt:channel_layouts=mono|stereo", "-c:a", "pcm_f32le", "-f", "wav", "pipe:1"]
    argv = program.argv(*before, "-i", f"file:{source}", *wanted, *shape)
    most = int((settings.message.max_s + 2) * RATES_HZ[-1]) * 2 * FRAME_BYTES
    ran = confine.run(confine.Command(argv, [*program.reads, source], program.env()), most)
    if ran.overrun == "time":
        raise AudioRefused(f"{shown} takes too long to read: save it again as mp3 or wav and give that file")
    return ran


def _samples(ran: confine.Ran, shown: str, settings: Settings) -> tuple[Samples, int]:
    """The decoded sound, shape (samples, 1 or 2), and its rate."""
    most_s = settings.message.max_s
    rate_hz, channels, start = _wav_header(ran.out)
    if not rate_hz:
        raise _unreadable(ran.err, shown)
    if rate_hz not in RATES_HZ:
        raise AudioRefused(
            f"{shown} has {rate_hz} samples per second (8,000 to 192,000 are accepted): save it as mp3 or wav"
        )
    frames = (len(ran.out) - start) // (FRAME_BYTES * channels)
    if ran.overrun or frames > most_s * rate_hz:
        raise AudioRefused(f"{shown} lasts more than {most_s:g} s, the longest message: shorten it", "too_long")
    if not frames:
        if ran.code:
            raise _unreadable(ran.err, shown)
        raise AudioRefused(f"{shown} lasts 0 s: it has no sound in it; save the recording again and give that file")
    samples = np.frombuffer(ran.out, "<f4", frames * channels, start).reshape(-1, channels)
    return _finite(samples), rate_hz


def _wav_header(out: bytes) -> tuple[int, int, int]:
    """Rate, channels and the first byte of sound of the wav that ffmpeg wrote; rate 0 when it wrote none."""
    found, at = re.search(rb"fmt ....(?:\x03\0|\xfe\xff)(..)(....)", out[:64], re.S), out[:256].find(b"data")
    if not found or at < 0:
        return 0, 0, 0
    return int.from_bytes(found[2], "little"), int.from_bytes(found[1], "little"), at + 8


def _finite(samples: Samples) -> Samples:
    """`samples` without what is no number or out of all proportion."""
    if max(samples.max(), -samples.min()) <= LARGEST_SAMPLE:  # which no number is that is none
        return samples
    finite = np.nan_to_num(samples, nan=0.0, posinf=LARGEST_SAMPLE, neginf=-LARGEST_SAMPLE)
    return np.clip(finite, -LARGEST_SAMPLE, LARGEST_SAMPLE)


def _claimed_s(log: str) -> float:
    """How long the file says that its sound is; 0 when it says nothing that can be held against it."""
    found = _DURATION.search(log)
    if not found or "Estimating duration" in log or _FILM.search(log):  # a film may go on after its sound
        return 0.0
    hours, minutes, seconds = found.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _unreadable(log: str, shown: str) -> AudioRefused:
    """Why there is no sound."""
    codec = _SOUND.search(log)
    if "matches no streams" in log:
        return AudioRefused(f"{shown} has no sound in it: give a {ACCEPTED} file with a recording")
    if codec and codec[1] != "none" and re.search(r"not (?:on|in) (?:the )?whitelist|no decoder found", log, re.I):
        return AudioRefused(f"{shown} uses the audio codec {codec[1]}, which is not accepted: save it as mp3 or wav")
    if re.search(r"Invalid sample rate|Unsupported sample rate", log, re.I):
        return AudioRefused(f"{shown} has an impossible number of samples per second: save it as mp3 or wav")
    return AudioRefused(
        f"{shown} is damaged or incomplete and cannot be read: save the recording again and give that file"
    )
