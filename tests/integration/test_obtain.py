"""asterisk/obtain.sh as people meet it: what it says when it cannot, and that it leaves nothing half-done.

Nothing is downloaded here: the whole way is walked by the set-up that runs before the tests.
"""

from __future__ import annotations

import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.adapters.pbx import native, programs
from ivr.errors import SetUpFailed
from ivr.settings import HOME

pytestmark = pytest.mark.skipif(not shutil.which("apt-get"), reason="only machines with apt can be tested")
AWK = HOME / "asterisk" / "native-sources.awk"


@pytest.fixture(autouse=True)
def everything_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_on_machine", lambda _name: None)


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Apt's configuration for the test, beside the machine's own."""
    file = tmp_path / "apt.conf"
    file.touch()
    monkeypatch.setenv("APT_CONFIG", str(file))
    return file


def refusal(cache: Path) -> str:
    with pytest.raises(SetUpFailed) as failed:
        native.obtain(cache, print)
    left = [path.name for path in cache.iterdir()] if cache.is_dir() else []
    assert left in ([], ["native.lock"]), left
    assert "\n" not in str(failed.value)
    return str(failed.value)


def stub(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def test_no_disk_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(tmp_path / "bin", "df", "#!/bin/sh\necho head; echo /dev/x 100 90 10 90% /\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    said = refusal(tmp_path / "cache")
    assert "10 MB free" in said
    assert "IVR_CACHE" in said


def test_no_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("bash", "dirname", "sed", "awk", "sort"):
        (folder / tool).symlink_to(str(shutil.which(tool)))
    monkeypatch.setenv("PATH", str(folder))
    assert "`apt-get` is not on this machine: install asterisk (20 or later)" in refusal(tmp_path / "cache")


def test_cache_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetUpFailed, match="IVR_CACHE"):
        native.obtain(tmp_path / "file" / "cache", print)


def test_no_network(tmp_path: Path, apt: Path) -> None:
    """The machine's proxy settings are kept: here they lead nowhere."""
    apt.write_text('Acquire::http::Proxy "http://127.0.0.1:9"; Acquire::https::Proxy "http://127.0.0.1:9";\n')
    said = refusal(tmp_path / "cache")
    assert "the package mirror cannot be reached" in said
    assert "check the network and apt's proxy, then run `make setup` again" in said


def test_no_source(tmp_path: Path, apt: Path) -> None:
    apt.write_text(f'Dir::Etc::sourcelist "/dev/null"; Dir::Etc::sourceparts "{tmp_path}";\n')
    assert "apt on this machine has no network source" in refusal(tmp_path / "cache")


@pytest.fixture
def unsigned_archive(tmp_path: Path) -> Iterator[str]:
    """An archive on loopback that has every suite asked for, and no signature."""

    class Archive(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path.endswith("/Release")
            body = b"Origin: x\nSuite: forky\nDate: Mon, 01 Jan 2024 00:00:00 UTC\nSHA256:\n"
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(body) if found else 0))
            self.end_headers()
            if found:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Archive)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/debian"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("option", ["", "[trusted=yes] ", "[allow-insecure=yes] "])
def test_unsigned_archive_is_refused_even_where_the_machine_trusts_it(
    tmp_path: Path, apt: Path, unsigned_archive: str, option: str
) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "own.list").write_text(f"deb {option}{unsigned_archive} stable main\n")
    apt.write_text(
        f'Dir::Etc::sourcelist "/dev/null"; Dir::Etc::sourceparts "{sources}"; Acquire::http::Proxy "DIRECT";\n'
        'Acquire::AllowInsecureRepositories "true"; APT::Get::AllowUnauthenticated "true";\n'
    )
    assert "signature is not one this machine trusts" in refusal(tmp_path / "cache")


def test_leftovers_of_a_killed_run_are_swept_away(tmp_path: Path, apt: Path) -> None:
    apt.write_text(f'Dir::Etc::sourcelist "/dev/null"; Dir::Etc::sourceparts "{tmp_path}";\n')
    (tmp_path / "cache" / "native-abc123.partial" / "tree").mkdir(parents=True)
    refusal(tmp_path / "cache")


def test_nothing_missing_nothing_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "missing", lambda _cache: [])
    said: list[str] = []
    native.obtain(tmp_path / "cache", said.append)
    assert not said
    assert not (tmp_path / "cache").exists()


def test_sources_of_both_styles_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.list").write_text(
        "# deb http://no main\n"
        "deb-src http://no bookworm main\n"
        "deb [ arch=amd64 signed-by=/k/one.gpg,/k/two.gpg ] http://one bookworm main contrib # why\n"
        "deb http://two bookworm non-free\n"
        "deb mirror+file:/etc/apt/mirrors/debian.list trixie main\n"
    )
    (tmp_path / "b.sources").write_text(
        "Types: deb deb-src\nURIs: http://three\n  http://four\nSuites: bookworm bookworm-updates\n"
        "# a remark\nComponents: main\nSigned-By: /k/three.gpg\n\n"
        "Enabled: no\nTypes: deb\nURIs: http://no\nSuites: bookworm\nComponents: main\n\n"
        "types: deb\r\nuris: http://five\r\nsuites: sid\r\ncomponents: main universe\r\n"
        "signed-by:\r\n -----BEGIN PGP PUBLIC KEY BLOCK-----\r\n .\r\n xyz\r\n"
    )
    files = [str(tmp_path / name) for name in ("a.list", "b.sources")]
    told = subprocess.run(["awk", "-f", str(AWK), *files], capture_output=True, text=True, check=True).stdout
    assert told.splitlines() == [
        "http://one bookworm /k/one.gpg",
        "mirror+file:/etc/apt/mirrors/debian.list trixie -",
        "http://three bookworm /k/three.gpg",
        "http://three bookworm-updates /k/three.gpg",
        "http://four bookworm /k/three.gpg",
        "http://four bookworm-updates /k/three.gpg",
        "http://five sid inline",
    ]
