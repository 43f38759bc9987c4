"""Short jobs from start to end: Longcall on one machine beside two queues that keep their jobs on disk.

A job does nothing but answer. `at_once` clients each start a job, wait for its end, and start the next one. A queue
reports, for each job, the seconds from its start to the first status that the client sees: for Longcall PENDING, in
the log; for the others the job's id, once the job is on disk. All clients start their first job at the same moment, so
these starts wait for one another; the jobs after them are shown separately too.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any, Final

import psutil

from bench.report import table
from bench.servers import PEERS_PYTHON, ROOT, production_environment
from longcall import Client, CognitoPassword, LambdaToken, LongcallError, Status

SIZES: Final = (8, 32, 64, 256)  # jobs at once
MODEL: Final = "simulated.echo"
PEERS: Final = {
    "procrastinate on PostgreSQL": "bench.peers.procrastinate_jobs",
    "huey on SQLite": "bench.peers.huey_jobs",
}
LONGCALL: Final = "Longcall"
PARTS: Final = ("engine", "functions", "clients")


@dataclass(frozen=True, slots=True)
class Run:
    """One queue with one number of jobs at once.

    Attributes:
        per_second: Jobs completed in a second.
        first_status: Seconds from a job's start to its first status, for each job, in the order of these.
        failures: Jobs that did not complete, and refusals that the client raised.
        cost: Seconds of processor time for each job, by process; empty where it is not measured. It differs less than
            the rate when other programs use the processors too.
    """

    per_second: float
    first_status: Sequence[float]
    failures: int
    cost: Mapping[str, float] = field(default_factory=dict)


def measure(sizes: Sequence[int], jobs: int) -> dict[str, dict[int, Run]]:
    """One round: each queue once, with each number of jobs at once.

    Args:
        sizes: Jobs at once.
        jobs: Jobs of each run; at least two for each client.

    Raises:
        RuntimeError: The local stack did not start.
        CalledProcessError: Another queue failed; it has written the reason to standard error.
    """
    found = {name: _peer(module, sizes, jobs) for name, module in PEERS.items()}
    return {LONGCALL: _longcall(sizes, jobs), **found}


def jobs_table(rounds: Sequence[Mapping[str, Mapping[int, Run]]]) -> str:
    """Medians of the rounds, and the ratio of Longcall's rate to each other queue's in the same round."""
    rows = []
    for size in rounds[0][LONGCALL]:
        for name in rounds[0]:
            runs = [found[name][size] for found in rounds]
            ratios = [found[LONGCALL][size].per_second / found[name][size].per_second for found in rounds]
            slow = [quantiles(run.first_status, n=100) for run in runs]
            later = [quantiles(run.first_status[size:], n=100) for run in runs]
            rows.append(
                [
                    str(size),
                    name,
                    f"{median(run.per_second for run in runs):.0f}",
                    "" if name == LONGCALL else f"**{median(ratios):.2f} ×** ({min(ratios):.2f} to {max(ratios):.2f})",
                    f"{median(points[49] for points in slow) * 1000:.1f}",
                    f"{median(points[98] for points in slow) * 1000:.1f}",
                    f"{median(points[98] for points in later) * 1000:.1f}",
                    str(sum(run.failures for run in runs)),
                ]
            )
    head = [
        "at once",
        "queue",
        "jobs/s",
        "Longcall's jobs/s, of this",
        "first status, median, ms",
        "99th percentile, ms",
        "without the first of each client",
    ]
    return table([*head, "failures"], rows)


def costs_table(rounds: Sequence[Mapping[str, Mapping[int, Run]]]) -> str:
    """Longcall's processor time for a job, medians of the rounds."""
    rows = []
    for size in rounds[0][LONGCALL]:
        costs = [found[LONGCALL][size].cost for found in rounds]
        parts = [f"{median(cost[part] for cost in costs) * 1000:.1f}" for part in PARTS]
        rows.append([str(size), *parts, f"**{median(sum(cost.values()) for cost in costs) * 1000:.1f}**"])
    return table(["at once", *PARTS, "all"], rows)


def _longcall(sizes: Sequence[int], jobs: int) -> dict[int, Run]:
    with _stack(most_jobs=max(sizes)) as (stack, process):
        return asyncio.run(_runs(stack, process, sizes, jobs))


@contextmanager
def _stack(most_jobs: int) -> Iterator[tuple[dict[str, Any], int]]:
    with TemporaryDirectory() as data:
        command = [
            sys.executable,
            "-m",
            "local_stack",
            "--port",
            "0",
            "--data",
            data,
            "--jobs",
            str(most_jobs),
            "--json",
        ]
        quota = str(2 * most_jobs)  # unfinished jobs of one user
        environment = {**production_environment(), "LONGCALL_QUOTA": quota}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)  # noqa: S603
        try:
            line = process.stdout.readline() if process.stdout is not None else b""
            if not line:
                raise RuntimeError(f"the local stack ended with exit code {process.wait()} before it was ready")
            yield json.loads(line), process.pid
        finally:
            process.terminate()
            process.wait()


async def _runs(stack: Mapping[str, Any], process: int, sizes: Sequence[int], jobs: int) -> dict[int, Run]:
    user = stack["users"][0]
    token = CognitoPassword(
        stack["region"], stack["clientId"], user["username"], user["password"], endpoint_url=stack["cognitoUrl"]
    )
    async with Client(
        stack["graphqlUrl"], authorization=LambdaToken(token), realtime_url=stack["realtimeUrl"]
    ) as client:
        runs = {}
        for size in sizes:
            await _run(client, size, 2 * size)  # the workers of so many jobs start
            before = _processor_time(process)
            run = await _run(client, size, max(jobs, 2 * size))
            after = _processor_time(process)
            runs[size] = replace(run, cost={part: (after[part] - before[part]) / max(jobs, 2 * size) for part in PARTS})
        return runs


def _processor_time(stack: int) -> Mapping[str, float]:
    """Seconds of the stack's engine, of the processes that it has started, and of this process."""
    engine = psutil.Process(stack)
    used: defaultdict[str, float] = defaultdict(float)
    for part, processes in zip(PARTS, ([engine], engine.children(recursive=True), [psutil.Process()]), strict=True):
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                used[part] += times.user + times.system
    return used


async def _run(client: Client, at_once: int, jobs: int) -> Run:
    first_status: list[float] = []
    completed = 0
    waiting = iter(range(jobs))

    async def follow_jobs() -> None:
        nonlocal completed
        for number in waiting:
            started, status = time.perf_counter(), None
            try:
                async for view in client.run(f"job {number}", model=MODEL):
                    if status is None:
                        first_status.append(time.perf_counter() - started)
                    status = view.status
            except LongcallError as error:
                sys.stderr.write(f"{type(error).__name__}: {error}\n")
            completed += status is Status.COMPLETED

    began = time.perf_counter()
    async with asyncio.TaskGroup() as clients:
        for _ in range(at_once):
            clients.create_task(follow_jobs())
    return Run(completed / (time.perf_counter() - began), first_status, jobs - completed)


def _peer(module: str, sizes: Sequence[int], jobs: int) -> dict[int, Run]:
    runs = {}
    for size in sizes:
        with TemporaryDirectory() as folder:
            command = [str(PEERS_PYTHON), "-m", module, str(size), str(max(jobs, 2 * size))]
            environment = {**os.environ, "BENCH_FOLDER": folder}
            done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)  # noqa: S603
            found = json.loads(done.stdout)
            runs[size] = Run(found["perSecond"], found["firstStatus"], found["failures"])
    return runs
