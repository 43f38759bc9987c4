"""What happens to a running stack: its disk is full, it is killed, and many callers come at once.

Each function does this to a stack, checks that the stack recovers, and returns a sentence with the numbers.
"""

import asyncio
import json
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import aiohttp

from longcall import Client, LambdaToken, LongcallError, Status
from tests.acceptance.stack import READY, LocalStack, wait_until

RECOVERY: Final = 180.0  # seconds until a stack must have recovered, on a busy machine
SWEEP: Final = "schedule of sweep"
# What a client tries again: it says nothing about the token. A busy machine answers so.
RETRYABLE: Final = (
    "200 Lambda:TooManyRequestsException", "429 TooManyRequestsException", "503 ServiceUnavailableException"
)  # fmt: skip
QUERY: Final = "query { listInferences(limit: 1) { items { jobId } } }"


class NoSmallDisk(Exception):
    """No small disk can be mounted; the message says what is missing."""


@contextmanager
def small_disk(folder: Path, *, size: str) -> Iterator[Path]:
    """Mount a disk at a new folder until the block ends.

    Args:
        folder: Must not exist.
        size: Such as `8m`, for 8 MiB.

    Raises:
        NoSmallDisk: This user may not mount a disk.
    """
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise NoSmallDisk("there is no `mount` command, so no small disk can be filled") from None
    if mounted.returncode != 0:
        raise NoSmallDisk(f"mounting a small disk needs root: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S607


def fill(disk: Path) -> Path:
    """Fill a disk. Returns the file that has taken all free space."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return ballast


async def grown_log(stack: LocalStack) -> None:
    """Run jobs with many events, so that the job log needs no more space for a while, but the queue of events does.

    On a full disk, jobs are then logged and not dispatched.
    """
    async with stack.client() as client, asyncio.timeout(RECOVERY):

        async def run() -> None:
            async for _ in client.run("Before " * 400, model="simulated.story", process_time=6):
                pass

        await asyncio.gather(*(run() for _ in range(4)))


async def full_disk(stack: LocalStack, disk: Path, *, seconds: float) -> str:
    """Fill the disk of the stack for some time, while jobs are started.

    Jobs run and the sweep does when there is space again, and all jobs that were logged end.

    Args:
        stack: Its data folder is on the disk.
        disk: See `small_disk`.
        seconds: How long the disk stays full. It is full until two sweeps in a row have failed in any case.
    """
    refused = 0
    async with stack.client() as client:
        async with asyncio.timeout(RECOVERY):
            before = [view async for view in client.run("Before", model="simulated.story", process_time=0.2)][-1]
        ballast, until = fill(disk), time.monotonic() + seconds
        async with asyncio.timeout(seconds + RECOVERY):
            while time.monotonic() < until or _loop(stack, SWEEP).get("failuresInARow", 0) < 2:
                try:
                    async with asyncio.timeout(3):
                        await client.start("While it is full", model="simulated.echo")
                except (LongcallError, TimeoutError):
                    refused += 1
                await asyncio.sleep(0.2)
        failures = _loop(stack, SWEEP)["failuresInARow"]
        ballast.unlink()
        freed = time.monotonic()
        await asyncio.to_thread(wait_until, lambda: _loop(stack, SWEEP)["failuresInARow"] == 0, RECOVERY)
        swept = time.monotonic() - freed
        async with asyncio.timeout(RECOVERY):
            after = [view async for view in client.run("After", model="simulated.echo")][-1]
            jobs = (await client.list(limit=100)).jobs  # with those that were logged and whose start failed
            ended = await asyncio.gather(*(_status(client, job.job_id) for job in jobs))
    assert (before.status, after.status) == (Status.COMPLETED, Status.COMPLETED)
    assert set(ended) == {Status.COMPLETED}, Counter(ended)
    lines = [line for file in (stack.data / "logs").iterdir() for line in file.read_text().splitlines()]
    assert any(after.job_id in line for line in lines), "the log files have no line about the last job"
    return (
        f"full disk: {refused} starts failed, and the sweep {failures} times; it succeeded {swept:.1f} s after the "
        f"disk was freed, and all {len(ended)} logged jobs COMPLETED"
    )


async def killed_stack(stack: LocalStack) -> str:
    """Kill the stack with SIGKILL, and start it again. The same user signs in again, and reads and writes as before."""
    large_prompt = "Before " * 60_000
    async with stack.client() as client, asyncio.timeout(RECOVERY):
        before = [view async for view in client.run(large_prompt, model="simulated.echo")][-1]
    stack.kill()
    began = time.monotonic()
    await asyncio.to_thread(stack.start)
    async with asyncio.timeout(RECOVERY):
        await LambdaToken(stack.sign_in()).headers()
        seconds = time.monotonic() - began
        async with stack.client() as client:
            after = [view async for view in client.run("After", model="simulated.echo")][-1]
            kept = await client.get(before.job_id)  # which only the same user may read
    assert (after.result, kept.result) == ("After", large_prompt)  # the large one is from the bucket
    return f"killed stack: the same user signed in again {seconds:.1f} s after the kill"


async def flooded_token(stack: LocalStack, *, requests: int) -> str:
    """Use one fresh token in many requests at once. None is unauthorized, and the token works afterwards."""
    headers = await LambdaToken(stack.sign_in()).headers()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session, asyncio.timeout(RECOVERY):
        outcomes = Counter(await asyncio.gather(*(_outcome(session, stack.url) for _ in range(requests))))
        while (afterwards := await _outcome(session, stack.url)) in RETRYABLE:
            pass
    assert afterwards == "ok"
    assert set(outcomes) <= {"ok", *RETRYABLE}, outcomes
    return f"one fresh token in {requests} requests at once: {dict(outcomes)}"


async def many_clients(stack: LocalStack, *, clients: int) -> str:
    """Run a job from each of many clients at once, each with connections of its own. No client shows an error."""
    authorization = LambdaToken(stack.sign_in())
    began = time.monotonic()

    async def run() -> str:
        async with Client(stack.url, authorization=authorization) as client:
            return [view async for view in client.run("Hi", model="simulated.echo")][-1].status

    async with asyncio.timeout(RECOVERY):
        statuses = Counter(await asyncio.gather(*(run() for _ in range(clients))))
    assert statuses == {Status.COMPLETED: clients}, statuses
    return f"{clients} clients at once: all COMPLETED after {time.monotonic() - began:.1f} s"


async def crowded_restart(stack: LocalStack, *, jobs: int) -> Counter[str]:
    """Kill the stack while many jobs crash, and start it again. Returns the outcomes of reads until all have failed.

    The stack must run that many jobs at once, and allow them to one owner.
    """
    async with stack.client() as client, asyncio.timeout(RECOVERY):
        started = await asyncio.gather(*(client.start("Hi", model="simulated.crash") for _ in range(jobs)))
    stack.kill()
    await asyncio.to_thread(stack.start)
    async with stack.client() as client, asyncio.timeout(2 * RECOVERY):
        ended = asyncio.gather(*(_status(client, job.job_id) for job in started))
        outcomes: Counter[str] = Counter()
        async with aiohttp.ClientSession(headers=await LambdaToken(stack.sign_in()).headers()) as session:
            while not ended.done():
                outcomes[await _outcome(session, stack.url)] += 1
    assert outcomes["ok"], outcomes
    assert set(ended.result()) == {Status.FAILED}, Counter(ended.result())
    return outcomes


async def _outcome(session: aiohttp.ClientSession, url: str) -> str:
    """`ok`, or the status and the type of the error, of one request without retries."""
    async with session.post(url, json={"query": QUERY}) as response:
        answer: dict[str, Any] = await response.json(content_type=None)
    errors = answer.get("errors")
    return f"{response.status} {errors[0].get('errorType')}" if errors else "ok"


async def _status(client: Client, job_id: str) -> str:
    return [view async for view in client.watch(job_id)][-1].status


def _loop(stack: LocalStack, name: str) -> dict[str, Any]:
    """One of the stack's background loops, as the doctor reports it; empty before its first turn."""
    url = stack.url.replace("/graphql", "/doctor")
    request = urllib.request.Request(url, json.dumps({"headers": {}}).encode())  # noqa: S310
    with urllib.request.urlopen(request, timeout=READY) as response:  # noqa: S310
        loops = json.load(response)["health"]["loops"]
    return next((loop for loop in loops if loop["name"] == name), {})
