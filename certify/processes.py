"""Whom to kill: the processes of a running stack."""

import os
import signal
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

ZYGOTE: Final = "appsync_local.functions.zygote"  # in the command of the process that workers are forked from
PROC: Final = Path("/proc")  # Linux only; elsewhere one worker looks like another


def workers_of(stack: int) -> list[int]:
    """The processes that handle events for a stack, in the order of their ids."""
    command = ("ps", "-A", "-ww", "-o", "pid=,ppid=,command=")
    listed = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # nothing from outside
    rows = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    children = [(int(row[0]), int(row[1]), row[2] if len(row) > 2 else "") for row in rows]
    zygotes = {pid for pid, parent, command in children if parent == stack and ZYGOTE in command}
    return sorted(pid for pid, parent, _ in children if parent in zygotes)


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
