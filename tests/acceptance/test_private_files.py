"""Other users of the machine can read nothing of a stack, although its umask and its data folder were open to all."""

import os
import stat
from collections.abc import Iterator
from contextlib import aclosing, suppress
from pathlib import Path

import psutil
import pytest

from longcall import Status
from tests.acceptance.stack import LocalStack, running_stack

LARGE = "A sentence that is one of many. " * 20_000  # too large for the log


@pytest.fixture
def stack_with_open_umask(tmp_path: Path) -> Iterator[LocalStack]:
    """A stack on a folder from an earlier one, which everybody could read."""
    data = tmp_path / "data"
    before = os.umask(0)
    try:
        (data / "objects").mkdir(parents=True)
        (data / "lock").touch()
        (data / "objects" / "old").touch()
        with running_stack(data, "--watch") as stack:
            yield stack
    finally:
        os.umask(before)


def open_to_others(data: Path) -> list[str]:
    """Files and folders that someone other than their owner could read; those that are deleted meanwhile are not."""
    found = []
    for folder, names, files in os.walk(data):
        for path in (Path(folder), *(Path(folder, name) for name in (*names, *files))):
            with suppress(FileNotFoundError):
                state = path.lstat()
                if not stat.S_ISLNK(state.st_mode) and state.st_mode & 0o077:
                    found.append(f"{stat.filemode(state.st_mode)} {path.relative_to(data)}")
    return found


def umasks(pid: int) -> dict[str, str]:
    """The umask of a process and of those that it has started, by name and id. Linux shows it.

    A process that ends while it is read is left out.
    """
    found: dict[str, str] = {}
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for it in (process, *process.children(recursive=True)):
            with suppress(FileNotFoundError, ProcessLookupError):
                status = Path(f"/proc/{it.pid}/status").read_text()
                fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
                if "Umask" in fields:  # a process that waits to be reaped has none
                    found[f"{fields['Name']} {it.pid}"] = fields["Umask"]
    return found


async def test_files_and_processes_of_a_stack_are_private(stack_with_open_umask: LocalStack) -> None:
    stack = stack_with_open_umask
    async with stack.client() as client:
        large = await client.start(LARGE, model="local.textrank")
        running = await client.start("Hi", model="simulated.story", process_time=60)
        async with aclosing(client.watch(running.job_id)) as views:
            async for view in views:
                if view.status is Status.PROCESSING:
                    break
        ended = [view async for view in client.watch(large.job_id)][-1]
        found, processes = open_to_others(stack.data), umasks(stack.pid)
        await client.cancel(running.job_id)

    names = {path.name for path in stack.data.rglob("*")}
    assert {"jobs.db", "jobs.db-wal", "jobs.db-shm", "events.db", "stack.json", "environment.json", "app.py"} <= names
    assert [path for path in stack.data.rglob("*") if path.is_file() and path.stat().st_size >= len(LARGE)]
    assert found == []
    assert set(processes.values()) <= {"0077"}
    assert len(processes) != 1  # the workers too, where the system shows them
    assert ended.status is Status.COMPLETED


async def test_jobs_of_an_earlier_stack_stay_readable_to_their_owner(stack_with_open_umask: LocalStack) -> None:
    stack = stack_with_open_umask
    async with stack.client() as client:
        ended = [view async for view in client.run("Hi", model="simulated.story", process_time=0.1)][-1]
    stack.stop()
    (stack.data / "jobs.db").chmod(0o666)
    stack.start()

    async with stack.client() as client:
        assert (await client.get(ended.job_id)).status is Status.COMPLETED
    assert open_to_others(stack.data) == []
