"""Whom to kill: the processes of a running stack."""

import os
import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ZYGOTE: Final = "appsync_local.functions.fork_server"  # in the command of the process that workers are forked from
LOOK_EVERY: Final = 0.02  # seconds
PROC: Final = Path("/proc")  # Linux only; elsewhere one worker looks like another


@dataclass(frozen=True, slots=True)
class _Row:
    """One process of this machine."""

    pid: int
    parent: int
    command: str


def workers_of(stack: int) -> list[int]:
    """The processes that handle events for a stack, in the order of their ids."""
    rows = _rows()
    zygotes = {row.pid for row in rows if row.parent == stack and ZYGOTE in row.command}
    return sorted(row.pid for row in rows if row.parent in zygotes)


def family_of(process: int) -> list[int]:
    """All that a process has started, and what these have started; parents first."""
    rows = _rows()
    family = [process]
    for elder in family:  # which grows meanwhile
        family.extend(row.pid for row in rows if row.parent == elder)
    return family[1:]


def wait_until_gone(processes: Iterable[int], timeout: float) -> bool:
    """Wait until none of them is alive; whether that was so within `timeout` seconds."""
    until = time.monotonic() + timeout
    while alive := [process for process in processes if _is_alive(process)]:
        if time.monotonic() > until:
            return False
        processes = alive
        time.sleep(LOOK_EVERY)
    return True


def with_open_file(processes: Iterable[int], path: Path) -> list[int]:
    """Those of the processes that have a file open; all of them where that cannot be told."""
    wanted = {str(path.resolve())}
    return _holding(processes, wanted)


def with_connection(processes: Iterable[int], port: int) -> list[int]:
    """Those of the processes whose end of a TCP connection has this local port; all where that cannot be told."""
    return _holding(processes, {f"socket:[{inode}]" for inode in _inodes(port)})


def kill(process: int) -> bool:
    """SIGKILL; whether there was such a process."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
        return True
    return False


def _holding(processes: Iterable[int], wanted: set[str]) -> list[int]:
    if not PROC.is_dir():
        return list(processes)
    return [process for process in processes if wanted & _open_in(process)]


def _open_in(process: int) -> set[str]:
    found = set()
    with suppress(OSError):  # it may end meanwhile
        for descriptor in (PROC / str(process) / "fd").iterdir():
            with suppress(OSError):
                found.add(str(descriptor.readlink()))
    return found


def _inodes(port: int) -> set[str]:
    """Source: proc(5), /proc/net/tcp: local address in hexadecimal in the second column, inode in the tenth."""
    if not PROC.is_dir():
        return set()
    rows = [line.split() for line in (PROC / "net" / "tcp").read_text().splitlines()[1:]]
    return {row[9] for row in rows if int(row[1].rpartition(":")[2], 16) == port}


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _rows() -> list[_Row]:
    command = ("ps", "-A", "-ww", "-o", "pid=,ppid=,command=")
    listed = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # nothing from outside
    fields = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    return [
        _Row(int(pid), int(parent), command) for pid, parent, command in (row + [""] * (3 - len(row)) for row in fields)
    ]
