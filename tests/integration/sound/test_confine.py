from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ivr.adapters.sound import confine, jail
from ivr.errors import SetUpFailed
from tests.integration.scene import wait_for

PYTHON = [Path(place) for place in ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/bin", sys.prefix, sys.base_prefix)]


def python(code: str, *reads: Path, **env: str) -> confine.Command:
    return confine.Command([sys.executable, "-I", "-c", code], [*PYTHON, *reads], env)


def test_what_it_says_comes_back() -> None:
    ran = confine.run(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"), 100)
    assert (ran.code, ran.out, ran.err, ran.overrun) == (3, b"out\n", "err\n", "")


def test_output_without_end_is_stopped() -> None:
    ran = confine.run(python("while True: print('x' * 10000)"), 1_000_000)
    assert ran.overrun == "output"
    assert len(ran.out) == 1_000_001


def test_a_flood_of_errors_is_not_kept() -> None:
    ran = confine.run(python("import sys; sys.stderr.write('e' * 5_000_000)"), 100)
    assert (ran.code, len(ran.err)) == (0, confine.STDERR_BYTES)


def test_a_program_that_hangs_is_stopped_with_its_children() -> None:
    code = "import subprocess, time; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); time.sleep(60)"
    began = time.monotonic()
    ran = confine.run(python(code), 100, wall_s=1.0)
    assert ran.overrun == "time"
    assert time.monotonic() - began < 5
    wait_for(lambda: _is_gone(int(ran.out)), "the end of its child")


def _is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_it_dies_with_whoever_started_it() -> None:
    """A work-horse that is killed leaves no decoder behind."""
    code = "from ivr.adapters.sound import confine; confine.run(confine.Command(['sleep', '60'], [], {}), 1)"
    with subprocess.Popen([sys.executable, "-c", code.replace("[]", repr(list(map(str, PYTHON))))]) as parent:
        wait_for(lambda: _children(parent.pid), "the program")
        [child] = _children(parent.pid)
        wait_for(lambda: b"sleep" in Path(f"/proc/{child}/cmdline").read_bytes()[:8], "its start")
        parent.kill()
    wait_for(lambda: _is_gone(child), "the program's end")


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_it_can_take_no_great_memory() -> None:
    assert "MemoryError" in confine.run(python("bytearray(3 << 30)"), 100).err


def test_it_has_no_environment_but_what_it_is_given() -> None:
    ran = confine.run(python("import os; print(sorted(os.environ))", OPENSSL_CONF="/none"), 1000)
    names = set(eval(ran.out))  # noqa: S307 - our own list
    assert names - {"LC_CTYPE"} == {"LC_ALL", "MALLOC_ARENA_MAX", "OPENSSL_CONF", "PATH"}


KINDS = [
    kind
    for kind in ("landlock", "bubblewrap")
    if kind == confine.walls() or (kind[:3] == "bub" and shutil.which("bwrap"))
]


@pytest.fixture(params=KINDS)
def walled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each kind of wall that this machine has."""
    kind = str(request.param)
    monkeypatch.setattr(confine, "walls", lambda: kind)
    return kind


def test_it_reads_what_it_was_given_and_nothing_beside_it(walled: str, tmp_path: Path) -> None:
    (tmp_path / "given").write_text("mine")
    (tmp_path / "canary").write_text("not yours")
    code = "import sys; print(open(sys.argv[1]).read())"
    for name, code_of_exit, said in (("given", 0, b"mine\n"), ("canary", 1, b"")):
        command = python(code, tmp_path / "given")
        asked = confine.Command([*command.argv, str(tmp_path / name)], command.reads, command.env)
        ran = confine.run(asked, 100)
        assert (ran.code, ran.out) == (code_of_exit, said), ran.err
    listed = confine.run(python(f"import os; print(os.listdir({str(tmp_path)!r}))", tmp_path / "given"), 1000)
    assert b"canary" not in listed.out


@pytest.mark.parametrize(
    "act", ["open({!r}, 'w').write('x')", "import os; os.unlink({!r})", "import os; os.mkdir({!r})"]
)
def test_it_changes_no_file(walled: str, act: str, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("as it was")
    target = tmp_path / ("made" if "mkdir" in act else "kept")
    assert confine.run(python(act.format(str(target)), tmp_path), 1000).code != 0
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("kept", "as it was")]


def test_it_reaches_nobody(walled: str) -> None:
    """A server on loopback, which anything on this machine could reach."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        code = f"import socket; print(socket.create_connection(('127.0.0.1', {port}), 2))"
        ran = confine.run(python(code), 1000)
        assert ran.code != 0
        with pytest.raises(BlockingIOError):
            server.accept()
        socket.create_connection(("127.0.0.1", port)).close()  # it could be reached all the while
        server.accept()[0].close()


def test_it_signals_nobody(walled: str) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        assert confine.run(python(f"import os; os.kill({other.pid}, 9)"), 1000).code != 0
        assert other.poll() is None
        other.kill()


def test_without_its_walls_it_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        confine, "_jailed", lambda *_: [sys.executable, "-I", "-S", jail.__file__, "landlock", "0", "/none"]
    )
    with pytest.raises(SetUpFailed, match="/none cannot be confined"):
        confine.run(python("print(1)"), 100)
