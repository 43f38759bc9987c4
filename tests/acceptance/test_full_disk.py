"""The disk of the data folder is full: no stack starts on it, and a running one continues when there is space again."""

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from longcall import LongcallError, Status
from longcall.cli.exits import ExitCode
from tests.acceptance.stack import READY, LocalStack, running_stack, wait_until
from tests.contract.conftest import ROOT

SIZE = "8m"
RECOVERY = 60.0  # seconds, on a busy machine


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"mounting a small disk needs root: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S607


@pytest.fixture
def stack_on_small_disk(small_disk: Path) -> Iterator[LocalStack]:
    with running_stack(small_disk / "data") as stack:
        yield stack


def loops(stack: LocalStack) -> dict[str, dict[str, Any]]:
    """The stack's background loops, by name, as the doctor reports them."""
    url = stack.url.replace("/graphql", "/doctor")
    request = urllib.request.Request(url, json.dumps({"headers": {}}).encode())  # noqa: S310
    with urllib.request.urlopen(request, timeout=READY) as response:  # noqa: S310
        return {loop["name"]: loop for loop in json.load(response)["health"]["loops"]}


def fill(disk: Path) -> Path:
    """A file that takes all that is left."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return ballast


def test_a_stack_on_a_full_disk_says_so_in_one_sentence(small_disk: Path) -> None:
    fill(small_disk)

    command = [sys.executable, "-m", "local_stack", "--port", "0", "--data", str(small_disk / "data")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=READY, check=False)

    assert ended.returncode == ExitCode.UNREACHABLE
    assert f"the disk of {small_disk}/data is full" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


async def test_jobs_and_sweep_run_again_after_the_disk_was_full(
    stack_on_small_disk: LocalStack, small_disk: Path
) -> None:
    stack, sweep = stack_on_small_disk, "schedule of sweep"
    async with stack.client() as client:
        async with asyncio.timeout(RECOVERY):
            before = [view async for view in client.run("Before", model="simulated.story", process_time=0.2)][-1]

        ballast = fill(small_disk)
        wait_until(lambda: loops(stack).get(sweep, {}).get("failuresInARow", 0) >= 2, RECOVERY)
        with suppress(LongcallError, TimeoutError):
            async with asyncio.timeout(3):
                await client.start("While it is full", model="simulated.echo")
        ballast.unlink()

        wait_until(lambda: loops(stack)[sweep]["failuresInARow"] == 0, RECOVERY)
        async with asyncio.timeout(RECOVERY):
            after = [view async for view in client.run("After", model="simulated.echo")][-1]
            jobs = (await client.list(limit=10)).jobs
            ended = [[view async for view in client.watch(job.job_id)][-1].status for job in jobs]

    assert (before.status, after.status) == (Status.COMPLETED, Status.COMPLETED)
    assert set(ended) == {Status.COMPLETED}
    lines = [line for file in (stack.data / "logs").iterdir() for line in file.read_text().splitlines()]
    assert any(after.job_id in line for line in lines)
