"""Finds and kills processes of a running stack, and lets a process of a campaign wait until it should end."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FORK_SERVER: Final = "appsync_local.functions.fork_server"  # the module of the process that forks workers
POLL_INTERVAL: Final = 0.02  # seconds
PROC: Final = Path("/proc")  # Linux only; on other systems workers cannot be distinguished


@dataclass(frozen=True, slots=True)
class _Process:
    """One process of this machine."""

    pid: int
    parent: int
    command: str


def workers_of(stack: int) -> list[int]:
    """The processes that handle events for a stack, ordered by process id."""
    processes = _processes()
    fork_servers = {it.pid for it in processes if it.parent == stack and FORK_SERVER in it.command}
    return sorted(it.pid for it in processes if it.parent in fork_servers)


async def end_of_input() -> None:
    """Wait until the standard input ends: the process that started this one wants it to end, or has ended itself."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


def children_running(module: str, parent: int) -> list[int]:
    """The child processes that were started with `python -m module`."""
    return [it.pid for it in _processes() if it.parent == parent and module in it.command]


def descendants_of(process: int) -> list[int]:
    """The children of a process, their children, and so on; parents first."""
    processes = _processes()
    found = [process]
    for parent in found:  # grows while it is read
        found.extend(it.pid for it in processes if it.parent == parent)
    return found[1:]


def wait_until_gone(processes: Iterable[int], timeout: float) -> bool:
    """Wait for all processes to end; returns whether they did within `timeout` seconds."""
    until = time.monotonic() + timeout
    while alive := [process for process in processes if _is_alive(process)]:
        if time.monotonic() > until:
            return False
        processes = alive
        time.sleep(POLL_INTERVAL)
    return True


def with_open_file(processes: Iterable[int], path: Path) -> list[int]:
    """The processes that have a file open; without /proc, all of them."""
    wanted = {str(path.resolve())}
    return _having_open(processes, wanted)


def with_connection(processes: Iterable[int], port: int) -> list[int]:
    """The processes with a TCP connection from this local port; without /proc, all of them."""
    return _having_open(processes, {f"socket:[{inode}]" for inode in _inodes(port)})


def kill(process: int) -> bool:
    """Send SIGKILL; returns whether the process existed."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
        return True
    return False


def _having_open(processes: Iterable[int], wanted: set[str]) -> list[int]:
    if not PROC.is_dir():
        return list(processes)
    return [process for process in processes if wanted & _open_files(process)]


def _open_files(process: int) -> set[str]:
    found = set()
    with suppress(OSError):  # the process ended meanwhile
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


def _processes() -> list[_Process]:
    command = ("ps", "-A", "-ww", "-o", "pid=,ppid=,command=")
    listed = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # nothing from outside
    fields = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    return [
        _Process(int(pid), int(parent), command)
        for pid, parent, command in (row + [""] * (3 - len(row)) for row in fields)
    ]
