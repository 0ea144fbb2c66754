"""Each hostile upload is refused within ten seconds, with one line, and neither reads nor leaves anything."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.adapters.pbx import programs
from ivr.adapters.sound import confine
from ivr.doors.cli import cli
from ivr.errors import AudioRefused, NotFound
from ivr.settings import Settings
from ivr.usecases import messages
from tests.integration.sound.conftest import MakeSound
from tests.uploads import hostile

SLOWEST_S = 10.0
Kinds = Callable[[dict[str, bytes], Path, str], hostile.Hostile]
GROUPS: dict[str, Kinds] = {
    "lists": lambda seeds, canary, url: hostile.lists(canary, url),
    "other things": lambda seeds, canary, url: hostile.other_things(seeds),
    "impossible": lambda seeds, canary, url: hostile.impossible(seeds),
    "bombs": lambda seeds, canary, url: hostile.bombs(seeds),
    "outside": lambda seeds, canary, url: hostile.outside(seeds, canary),
}


@dataclass
class Server:
    """On loopback; `asked` says whether anybody came."""

    listening: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}/a.ts"

    def asked(self) -> bool:
        self.listening.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            self.listening.accept()[0].close()
            return True
        return False


@pytest.fixture
def server() -> Iterator[Server]:
    serving = Server()
    yield serving
    serving.listening.close()


@pytest.fixture
def canary(seeds: dict[str, Path], tmp_path: Path) -> Path:
    """Somebody else's recording, beside the upload."""
    file = tmp_path / "canary.mp3"
    file.write_bytes(seeds["mp3"].read_bytes())
    return file


def left(settings: Settings) -> list[Path]:
    return [path for path in settings.var_dir.rglob("*") if not path.is_dir()]


def refused(file: Path, settings: Settings) -> str:
    """Why; and it was one line, in time, with nothing left."""
    began = time.monotonic()
    with pytest.raises((AudioRefused, NotFound)) as raised:
        messages.prepare(file, settings)
    assert time.monotonic() - began < SLOWEST_S
    assert left(settings) == [], file.name
    said = str(raised.value)
    assert len(said.splitlines()) == 1
    assert said.isprintable()
    assert str(file.parent) not in said
    return said


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.timeout(300)
def test_each_is_refused_with_the_reason(
    group: str, seeds: dict[str, Path], canary: Path, server: Server, settings: Settings, tmp_path: Path
) -> None:
    contents = {kind: file.read_bytes() for kind, file in seeds.items()}
    for name, (content, why) in GROUPS[group](contents, canary, server.url).items():
        upload = tmp_path / name
        upload.write_bytes(content)
        said = refused(upload, settings)
        assert said.startswith(name)
        assert re.search(why, said), (name, said)
    assert not server.asked()


def test_a_day_of_silence_is_refused_at_once(settings: Settings, ffmpeg: MakeSound, tmp_path: Path) -> None:
    """Silence is packed to next to nothing: a day of it has a few megabytes."""
    silence = ["-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono"]
    minutes = ffmpeg(*silence, "-t", "300", "-c:a", "libopus", "-b:a", "6k", tmp_path / "minutes.opus").read_bytes()
    hour = ffmpeg(*silence, "-t", "3600", tmp_path / "hour.flac").read_bytes()
    day_samples = (24 * 3600 * 8000).to_bytes(5, "big")
    days = {
        "day.opus": minutes * 288,  # a chain of streams, as the standard allows
        "day.flac": hostile.flac_of(hour, day_samples, 24),
        "endless.flac": hostile.flac_of(hour, bytes(5), 24),  # it does not say how long it is
    }
    for name, content in days.items():
        (tmp_path / name).write_bytes(content)
        assert "lasts more than 120 s, the longest message: shorten it" in refused(tmp_path / name, settings)


def test_a_live_stream_without_end_is_refused_at_once(settings: Settings, ffmpeg: MakeSound, tmp_path: Path) -> None:
    live = tmp_path / "live.webm"
    with live.open("wb") as out:
        source = ["-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "300"]
        ffmpeg(*source, "-c:a", "libopus", "-b:a", "6k", "-f", "webm", "-live", "1", "pipe:1", stdout=out)
    assert "lasts more than 120 s" in refused(live, settings)


def test_what_is_no_file_is_refused_without_being_opened(settings: Settings, canary: Path, tmp_path: Path) -> None:
    """Links would give what the link's target is, pipes and devices never end."""
    os.mkfifo(tmp_path / "pipe.mp3")
    (tmp_path / "link.mp3").symlink_to(canary)
    (tmp_path / "secret.mp3").symlink_to("/etc/passwd")
    (tmp_path / "loop.mp3").symlink_to("loop.mp3")
    (tmp_path / "device.mp3").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket.mp3"))
        for name in ("pipe.mp3", "link.mp3", "secret.mp3", "loop.mp3", "device.mp3", "socket.mp3", "."):
            assert "is not a file" in refused(tmp_path / name, settings), name
    for device in ("/dev/zero", "/dev/null", "/dev/tty"):
        with contextlib.suppress(OSError):
            assert "is not a file" in refused(Path(device), settings)
    assert "no such file" in refused(tmp_path / "nowhere.mp3", settings)
    assert "no such file" in refused(tmp_path / ("n" * 300 + ".mp3"), settings)


def test_a_file_that_only_looks_large_is_refused(settings: Settings, tmp_path: Path) -> None:
    with (tmp_path / "sparse.wav").open("wb") as sparse:
        sparse.truncate(1 << 40)
    assert "larger than 50 MB" in refused(tmp_path / "sparse.wav", settings)


NAMES = [
    "$(touch pwned).mp3", "`touch pwned`.mp3", "; touch pwned;.mp3", "| touch pwned.mp3", "-i.mp3", "--help",
    "a\nb.mp3", "a\r\nHANGUP\r\n.mp3", 'a" "b.mp3', "${EXTEN}|SET VARIABLE X 1.mp3", "file:%2e%2e%2fcanary.mp3",
    "%d%s%n.mp3", "..mp3", "\u202egpj.mp3", "\x1b[2J.mp3", "é" * 100 + ".mp3", "[*?].mp3",
    "concat:canary.mp3", "pipe:0", "data:,x",
]  # fmt: skip


@pytest.mark.parametrize("good", [True, False], ids=["a recording", "no recording"])
def test_no_name_does_anything(good: bool, seeds: dict[str, Path], settings: Settings, tmp_path: Path) -> None:
    """A name is shown, and nothing else is done with it."""
    raw = [os.fsencode(name) for name in NAMES] + [b"\xff\xfe\x80.mp3"]
    (tmp_path / "in").mkdir()
    before = set(Path.cwd().iterdir())
    for name in raw:
        upload = tmp_path / "in" / os.fsdecode(name)
        upload.write_bytes(seeds["mp3"].read_bytes() if good else b"text " * 100)
        if good:
            made = messages.prepare(upload, settings)
            assert made.original_name.isprintable()
            assert {file.name.partition(".")[0] for file in left(settings)} == {made.sound, made.original_sha256}
        else:
            refused(upload, settings)
        upload.unlink()
    assert set(Path.cwd().iterdir()) == before
    assert list((tmp_path / "in").iterdir()) == []


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("fr", "a?[red]b.mp3 est du texte, peut-être une liste de lecture ou une page"),
        ("en", "a?[red]b.mp3 is text, perhaps a playlist or a page"),
    ],
)
def test_the_command_says_it_in_one_line_of_ones_language(
    language: str, says: str, canary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IVR_VAR", str(tmp_path / "var"))
    upload = tmp_path / "a\n[red]b.mp3"
    upload.write_bytes(hostile.texts(canary, "http://127.0.0.1:9/")["hls"])
    name = ["--name", "../../../etc/passwd"]
    result = CliRunner().invoke(cli, ["message", "add", str(upload), *name, "--language", language])
    assert isinstance(result.exception, AudioRefused)
    assert says in str(result.exception)
    assert not [path for path in (tmp_path / "var").rglob("*") if path.suffix in {".alaw", ".ulaw", ".sln16", ".part"}]


@pytest.mark.skipif(confine.walls() == "limits", reason="this kernel has no Landlock, and there is no bubblewrap")
def test_even_with_no_list_the_walls_keep_ffmpeg_to_the_upload(
    settings: Settings, canary: Path, server: Server, tmp_path: Path
) -> None:
    """All of our checks taken away, ffmpeg told to follow whatever it likes: the walls alone hold."""
    ffmpeg = programs.find("ffmpeg", settings.cache_dir)
    script, playlist = tmp_path / "script", tmp_path / "list.m3u8"
    script.write_text(f"ffconcat version 1.0\nfile '{canary}'\n")
    playlist.write_bytes(hostile.texts(canary, server.url)["hls over http"])
    allowed = ["-protocol_whitelist", "file,http,tcp,crypto,data,subfile"]
    follow = [*allowed, "-safe", "0", "-f", "concat", "-i", str(script)]
    fetch = [*allowed, "-allowed_extensions", "ALL", "-f", "hls", "-i", str(playlist)]
    out = ["-f", "s16le", "-t", "1", "pipe:1"]

    def unwalled(*arguments: str) -> bytes:
        argv = ffmpeg.argv("-nostdin", "-v", "quiet", "-rw_timeout", "3000000", *arguments, *out)
        return subprocess.run(argv, capture_output=True, timeout=30, check=False).stdout

    def walled(upload: Path, *arguments: str) -> bytes:
        argv = ffmpeg.argv("-nostdin", "-v", "quiet", *arguments, *out)
        return confine.run(confine.Command(argv, [*ffmpeg.reads, upload], ffmpeg.env()), 1 << 20).out

    assert len(unwalled(*follow)) > 1000, "without walls it is somebody else's recording that comes out"
    assert walled(script, *follow) == b""
    assert walled(playlist, *fetch) == b""
    assert not server.asked()
