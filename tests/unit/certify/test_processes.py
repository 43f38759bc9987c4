"""Which processes of this machine are found and killed."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from certify.processes import descendants_of, kill, wait_until_gone, with_connection, with_open_file

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
print(child.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
async def parent_and_child() -> AsyncIterator[tuple[int, int]]:
    """A process that has started another one."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    yield parent.pid, int(await parent.stdout.readline())
    if parent.returncode is None:
        parent.kill()
    await parent.wait()


async def test_family_is_everything_below_a_process(parent_and_child: tuple[int, int]) -> None:
    parent, child = parent_and_child

    assert descendants_of(parent) == [child]
    assert {parent, child} <= set(descendants_of(os.getpid()))


async def test_killed_process_and_who_ends_with_it_are_gone(parent_and_child: tuple[int, int]) -> None:
    parent, child = parent_and_child

    assert not wait_until_gone(parent_and_child, 0.0)
    assert kill(parent)
    assert await asyncio.to_thread(wait_until_gone, [child], 10.0)
    assert not kill(child)


async def test_process_is_found_by_a_file_that_it_has_open(parent_and_child: tuple[int, int], tmp_path: Path) -> None:
    with (tmp_path / "ledger").open("w"):
        assert with_open_file([*parent_and_child, os.getpid()], tmp_path / "ledger") == [os.getpid()]


async def test_process_is_found_by_its_end_of_a_connection(parent_and_child: tuple[int, int]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as ours:
        candidates = [*parent_and_child, os.getpid()]

        assert with_connection(candidates, ours.getsockname()[1]) == [os.getpid()]


def test_process_that_waits_to_be_reaped_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    try:
        assert wait_until_gone([process.pid], 10.0)
        assert not kill(process.pid)
    finally:
        process.wait()
