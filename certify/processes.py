"""Finds and kills processes of a running stack, and lets a process of a campaign wait until it should end."""

import asyncio
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

FORK_SERVER: Final = "appsync_local.functions.fork_server"  # the module of the process that forks workers
POLL_INTERVAL: Final = 0.02  # seconds


def workers_of(stack: int) -> list[int]:
    """The processes that handle events for a stack, ordered by process id."""
    return sorted(worker for server in children_running(FORK_SERVER, stack) for worker in children_of(server))


async def end_of_input() -> None:
    """Wait until the standard input ends: the process that started this one wants it to end, or has ended itself."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


def children_running(module: str, parent: int) -> list[int]:
    """The child processes that were started with `python -m module`."""
    return [child for child in children_of(parent) if module in _command(child)]


def children_of(parent: int) -> list[int]:
    """The processes that a process has started, and that have not ended."""
    with suppress(psutil.NoSuchProcess):
        return [child.pid for child in psutil.Process(parent).children()]
    return []


def descendants_of(process: int) -> list[int]:
    """The children of a process, their children, and so on; parents first."""
    with suppress(psutil.NoSuchProcess):
        return [child.pid for child in psutil.Process(process).children(recursive=True)]
    return []


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
    """The processes that have a file open."""
    return [process for process in processes if str(path.resolve()) in _open_files(process)]


def with_connection(processes: Iterable[int], port: int) -> list[int]:
    """The processes with a TCP connection from this local port."""
    return [process for process in processes if port in _local_ports(process)]


def kill(process: int) -> bool:
    """Send SIGKILL; returns whether the process had not ended."""
    with suppress(psutil.NoSuchProcess):
        if _is_alive(process):
            psutil.Process(process).kill()
            return True
    return False


def _command(process: int) -> list[str]:
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):  # denied: a process that waits to be reaped, on macOS
        return psutil.Process(process).cmdline()
    return []


def _open_files(process: int) -> set[str]:
    with suppress(psutil.NoSuchProcess):
        return {file.path for file in psutil.Process(process).open_files()}
    return set()


def _local_ports(process: int) -> set[int]:
    with suppress(psutil.NoSuchProcess):
        return {connection.laddr.port for connection in psutil.Process(process).net_connections("tcp")}
    return set()


def _is_alive(process: int) -> bool:
    """Whether a process exists and has not ended: one that only waits to be reaped has."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    return False
