"""The voices. Google's is played by a server on loopback that takes what gTTS sends and answers as Google does."""

from __future__ import annotations

import base64
import json
import re
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from ivr.adapters import sound, speech
from ivr.errors import Refused, SpeechUnavailable
from ivr.settings import Settings, Speech

MakeSound = Callable[..., Path]
LONG = "Bonjour, ceci est une phrase d'essai assez longue pour être coupée en plusieurs morceaux. " * 3


class Google(ThreadingHTTPServer):
    """Answers as Google's translation page does; `answer` may be replaced to behave badly."""

    daemon_threads = True

    def __init__(self, mp3: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mp3, self.asked, self.released = mp3, list[tuple[str, str]](), threading.Event()
        self.answer: Callable[[_Handler, str], None] = lambda handler, text: handler.send_audio(self.mp3)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Google

    def do_POST(self) -> None:
        assert self.path == "/_/TranslateWebserverUi/data/batchexecute"
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        name, parameters, _, kind = json.loads(form["f.req"][0])[0][0]
        text, language, _, _ = json.loads(parameters)
        assert (name, kind) == ("jQ1olc", "generic")
        assert len(text) <= 100
        self.server.asked.append((text, language))
        self.server.answer(self, text)

    def send_audio(self, mp3: bytes) -> None:
        rows = [["wrb.fr", "jQ1olc", json.dumps([base64.b64encode(mp3).decode()]), None, None, None, "generic"]]
        body = json.dumps(rows, separators=(",", ":"))
        self.send(200, f')]}}\'\n\n{len(body)}\n{body}\n25\n[["e",4,null,null,{len(body)}]]\n'.encode())

    def send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is written."""


@pytest.fixture
def google(ffmpeg: MakeSound, speech_wav: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    mp3 = ffmpeg("-i", speech_wav, "-t", "2", "-ar", "24000", "-b:a", "64k", tmp_path / "google.mp3").read_bytes()
    server = Google(mp3)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture
def by_google(settings: Settings, google: Google) -> Settings:
    return settings.model_copy(update={"speech": Speech(engine="gtts", gtts_url=google.url, gtts_timeout_s=2.0)})


def kept(settings: Settings) -> list[Path]:
    return [path for path in settings.var_dir.rglob("*") if path.is_file()]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_pico_speaks_and_is_kept(language: str, settings: Settings) -> None:
    file = speech.synthesize("Un, deux, trois.", language, settings)
    assert 1 < sound.decode(file, settings).length_s < 4
    made = file.stat().st_mtime_ns
    assert speech.synthesize("Un, deux, trois.", language, settings) == file
    assert file.stat().st_mtime_ns == made
    assert speech.synthesize("Un, deux, trois, quatre.", language, settings) != file
    assert len(kept(settings)) == 2


@pytest.mark.parametrize("text", ["", "  \n", "...", "x" * 1001])
def test_what_cannot_be_spoken_is_refused(text: str, settings: Settings) -> None:
    with pytest.raises(Refused, match="a spoken text has 1 to 1,000 characters"):
        speech.synthesize(text, "fr", settings)
    with pytest.raises(Refused, match="there is no voice for the language 'xx'"):
        speech.synthesize("Bonjour", "xx", settings)


def test_google_speaks_all_parts_in_order_and_once(by_google: Settings, google: Google) -> None:
    file = speech.synthesize(LONG, "fr", by_google)
    texts = [text for text, _ in google.asked]
    assert len(texts) >= 3
    assert re.findall(r"\w+", " ".join(texts)) == re.findall(r"\w+", LONG)
    assert {language for _, language in google.asked} == {"fr"}
    assert sound.decode(file, by_google).length_s == pytest.approx(2 * len(texts), abs=0.5)
    assert speech.synthesize(LONG, "fr", by_google) == file
    assert len(google.asked) == len(texts)
    assert kept(by_google) == [file]


def status(code: int) -> Callable[[_Handler, str], None]:
    return lambda handler, text: handler.send(code, b"sorry")


def nothing_spoken(handler: _Handler, text: str) -> None:
    handler.send(200, b')]}\'\n\n[["wrb.fr","jQ1olc",null,null,null,[3],"generic"]]\n')


def not_sound(handler: _Handler, text: str) -> None:
    handler.send_audio(b"<html>consent</html>" * 200)


def hardly_anything(handler: _Handler, text: str) -> None:
    handler.send_audio(handler.server.mp3[:200])


def hangs(handler: _Handler, text: str) -> None:
    handler.server.released.wait(20)


def drips(handler: _Handler, text: str) -> None:
    handler.send_response(200)
    handler.end_headers()
    while not handler.server.released.wait(0.05):
        handler.wfile.write(b"x" * 20_000)


def breaks_off(handler: _Handler, text: str) -> None:
    handler.close_connection = True


def fails_at_the_second_part(handler: _Handler, text: str) -> None:
    if len(handler.server.asked) == 1:
        handler.send_audio(handler.server.mp3)
    else:
        handler.send(429, b"too many requests")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (status(429), "gave status 429 Too Many Requests"),
        (status(500), "gave status 500"),
        (status(302), "gave status 302"),
        (nothing_spoken, "gave an answer without sound"),
        (not_sound, "gave something that does not play"),
        (hardly_anything, "gave only"),
        (hangs, "gave no answer in 2 s"),
        (drips, "gave "),
        (breaks_off, "cannot be reached"),
        (fails_at_the_second_part, "gave status 429"),
    ],
)
def test_when_google_fails_nothing_is_left(
    answer: Callable[[_Handler, str], None], why: str, by_google: Settings, google: Google
) -> None:
    google.answer = answer
    began = time.monotonic()
    with pytest.raises(SpeechUnavailable) as failed:
        speech.synthesize(LONG, "fr", by_google)
    assert time.monotonic() - began < 6
    assert str(failed.value).startswith(f"Google's speech service {why}")
    assert "set speech.engine to pico" in str(failed.value)
    assert kept(by_google) == []


def test_google_out_of_reach(by_google: Settings, google: Google) -> None:
    free = Speech(engine="gtts", gtts_url="http://127.0.0.1:9", gtts_timeout_s=2.0)
    with pytest.raises(SpeechUnavailable, match=r"cannot be reached \(ConnectionError\)"):
        speech.synthesize("Bonjour", "fr", by_google.model_copy(update={"speech": free}))


def test_a_certificate_nobody_vouches_for_is_not_accepted(by_google: Settings, google: Google) -> None:
    """The server is the same, behind a certificate that it signed itself: gTTS alone would send it the text."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)  # an authority that nobody trusts
    google.socket = context.wrap_socket(google.socket, server_side=True)
    google.handle_error = lambda *_: None  # type: ignore[method-assign]
    over_tls = Speech(engine="gtts", gtts_url=google.url.replace("http:", "https:"), gtts_timeout_s=2.0)
    with pytest.raises(SpeechUnavailable, match=r"cannot be reached \(SSLError\)"):
        speech.synthesize("Bonjour", "fr", by_google.model_copy(update={"speech": over_tls}))
    assert google.asked == []
