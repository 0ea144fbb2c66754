"""Becomes a program that can hurt nobody: started as a script by `confine`, it imports as little as it can.

    python -I -S jail.py WALLS COUNT PATH… PROGRAM ARGUMENT…

Limits first; then, when WALLS is `landlock`, the kernel lets the program read the COUNT paths and nothing else, write
nothing, and change nothing of that; last a filter of system calls: no socket of any kind, no other process touched.
It dies with the thread that started it. Where any of this cannot be had, it exits with FAILED and starts nothing.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import sys

FAILED = 97
CPU_S = 6
MEMORY_BYTES = 2 << 30  # address space: ffmpeg through its own loader maps some 400 MB of libraries
OPEN_FILES = 64
LIMITS = (
    (resource.RLIMIT_CPU, CPU_S),
    (resource.RLIMIT_AS, MEMORY_BYTES),
    (resource.RLIMIT_FSIZE, 0),
    (resource.RLIMIT_NOFILE, OPEN_FILES),
    (resource.RLIMIT_CORE, 0),
)

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_PATH_BENEATH = 1
_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
_FILE_RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many of the rights of files the kernel knows, from that version of Landlock on."""
_TCP_FROM_ABI, _SCOPES_FROM_ABI = 4, 6
_BOTH = 0b11  # bind and connect; abstract sockets and signals

_DIE_WITH_PARENT, _NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 1, 38, 22, 2
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | 1, 0x80000000  # 1: EPERM
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Column of _REFUSED, and the name by which a filter knows it."""
_REFUSED = {
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "sendto": (44, 206), "sendmsg": (46, 211), "ptrace": (101, 117), "kill": (62, 129),
    "tkill": (200, 130), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "unshare": (272, 97),
    "setns": (308, 268), "mount": (165, 40), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424),
}  # fmt: skip
_FOREIGN_CALLS = 0x40000000  # x86-64 has a second set of numbers from here on


def landlock_abi() -> int:
    """The version of Landlock that the kernel offers, 0 for none."""
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, 0, 1)))


def wall_files(paths: list[str]) -> None:
    """This process can read below `paths` and nowhere else, for good. Raises OSError when the kernel cannot do it."""
    libc, abi = _libc(), landlock_abi()
    rights = (1 << max((count for known, count in _FILE_RIGHTS_BY_ABI.items() if known <= abi), default=0)) - 1
    rules = (rights, _BOTH if abi >= _TCP_FROM_ABI else 0, _BOTH if abi >= _SCOPES_FROM_ABI else 0)
    known = 3 if abi >= _SCOPES_FROM_ABI else 2 if abi >= _TCP_FROM_ABI else 1
    attributes = struct.pack(f"={known}Q", *rules[:known])
    ruleset = _checked(libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0))
    for path in paths:
        opened = os.open(path, os.O_PATH)
        allowed = _READ_FILE | _EXECUTE | (_READ_DIR if os.path.isdir(path) else 0)
        _checked(libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", allowed, opened), 0))
        os.close(opened)
    _checked(libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    _checked(libc.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def wall_calls() -> None:
    """This process and its children open no socket and touch no other process, for good; nothing where unknown."""
    machine = _ARCHITECTURES.get(os.uname().machine)
    if machine is None:
        return
    column, architecture = machine
    numbers = [both[column] for both in _REFUSED.values()]
    program = [(_LOAD, 0, 0, 4), (_JUMP_IF_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    program += [(_JUMP_IF_LEAST, len(numbers), 0, _FOREIGN_CALLS)]
    program += [(_JUMP_IF_EQUAL, len(numbers) - index, 0, number) for index, number in enumerate(numbers)]
    program += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    libc = _libc()
    _checked(libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    _checked(libc.prctl(_SET_SECCOMP, _FILTER, struct.pack("@HP", len(program), ctypes.addressof(code)), 0, 0))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _limit() -> None:
    for limit, value in LIMITS:
        hard = resource.getrlimit(limit)[1]
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (allowed, allowed))


def _wall(walls: str, paths: list[str]) -> None:
    _checked(_libc().prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0))
    _limit()
    if walls == "landlock":
        wall_files([path for path in paths if os.path.exists(path)])
    if walls != "bubblewrap":  # it makes its own walls, and needs sockets to do so
        wall_calls()


def _become(walls: str, count: int, rest: list[str]) -> None:
    try:
        _wall(walls, rest[:count])
        os.execvp(rest[count], rest[count:])  # noqa: S606 - there is no shell, and the list is ours
    except OSError as error:
        print(f"{rest[count]} cannot be confined: {error.strerror}", file=sys.stderr)
        os._exit(FAILED)


if __name__ == "__main__":
    _become(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
