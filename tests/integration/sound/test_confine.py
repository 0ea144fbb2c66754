from __future__ import annotations

import sys
import time
from pathlib import Path

from ivr.adapters.sound import confine


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_what_it_says_comes_back() -> None:
    ran = confine.run(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"), 100, {})
    assert (ran.code, ran.out, ran.err, ran.overrun) == (3, b"out\n", "err\n", "")


def test_output_without_end_is_stopped() -> None:
    ran = confine.run(python("while True: print('x' * 10000)"), 1_000_000, {})
    assert ran.overrun == "output"
    assert len(ran.out) == 1_000_001


def test_a_flood_of_errors_is_not_kept() -> None:
    ran = confine.run(python("import sys; sys.stderr.write('e' * 5_000_000)"), 100, {})
    assert (ran.code, len(ran.err)) == (0, confine.STDERR_BYTES)


def test_a_program_that_hangs_is_stopped_with_its_children(tmp_path: Path) -> None:
    code = "import subprocess, time; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); time.sleep(60)"
    began = time.monotonic()
    ran = confine.run(python(code), 100, {}, wall_s=1.0)
    assert ran.overrun == "time"
    assert time.monotonic() - began < 5
    child = Path(f"/proc/{int(ran.out)}/stat")
    deadline = time.monotonic() + 5
    while child.exists() and child.read_text().split()[2] != "Z" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not child.exists() or child.read_text().split()[2] == "Z"


def test_it_can_write_no_file_and_take_no_great_memory(tmp_path: Path) -> None:
    ran = confine.run(python(f"with open({str(tmp_path / 'made')!r}, 'w') as made: made.write('x')"), 10_000, {})
    assert ran.code != 0
    assert "File too large" in ran.err
    assert not (tmp_path / "made").stat().st_size
    assert "MemoryError" in confine.run(python("bytearray(3 << 30)"), 100, {}).err


def test_it_has_no_environment_but_what_it_is_given() -> None:
    ran = confine.run(python("import os; print(sorted(os.environ))"), 1000, {"OPENSSL_CONF": "/none"})
    names = set(eval(ran.out))  # noqa: S307 - our own list
    assert names - {"LC_CTYPE"} == {"LC_ALL", "OPENSSL_CONF", "PATH"}
