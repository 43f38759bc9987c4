"""Jobs through procrastinate, in PostgreSQL: `python -m bench.peers.procrastinate_jobs AT_ONCE JOBS`.

Prints one line of JSON. Starts a PostgreSQL server of its own in the folder BENCH_FOLDER, with its default settings,
and one worker process for each processor. A task notifies the client of its end.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import procrastinate  # type: ignore[import-not-found]  # in the bench's own environment
import psycopg

USER = "postgres"
CONCURRENCY = 32  # jobs at a time of one worker process
ENDED = "bench_job_ended"

app = procrastinate.App(
    connector=procrastinate.PsycopgConnector(conninfo=os.environ.get("BENCH_DATABASE", ""), min_size=8, max_size=16)
)


@app.task  # type: ignore[untyped-decorator]
async def echo(number: int) -> None:
    await app.connector.execute_query_async(
        "SELECT pg_notify(%(channel)s, %(number)s)", channel=ENDED, number=str(number)
    )


async def run(database: str, at_once: int, jobs: int) -> dict[str, Any]:
    first_status: list[float] = []
    ends: dict[int, asyncio.Future[None]] = {}
    waiting = iter(range(jobs))
    async with app.open_async(), await psycopg.AsyncConnection.connect(database, autocommit=True) as listener:
        await listener.execute(f"LISTEN {ENDED}")

        async def hear() -> None:
            async for notice in listener.notifies():
                ends[int(notice.payload)].set_result(None)

        async def start_jobs() -> None:
            for number in waiting:
                ends[number] = asyncio.get_running_loop().create_future()
                started = time.perf_counter()
                await echo.defer_async(number=number)
                first_status.append(time.perf_counter() - started)
                await ends[number]

        hearing = asyncio.create_task(hear())
        began = time.perf_counter()
        await asyncio.gather(*(start_jobs() for _ in range(at_once)))
        seconds = time.perf_counter() - began
        hearing.cancel()
    return {"perSecond": jobs / seconds, "firstStatus": first_status, "failures": 0}


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A server that listens on a socket in the folder; yields its connection string."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))  # where Debian puts them
    bin_folder = programs[-1] if programs else Path(shutil.which("postgres") or "postgres").parent
    data = folder / "data"
    account = USER if os.geteuid() == 0 else None  # the server refuses to run as root
    data.mkdir()
    if account is not None:
        folder.chmod(0o755)
        shutil.chown(data, account)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": data, "user": account}
    subprocess.run([bin_folder / "initdb", "-D", data, "-U", USER, "--auth=trust"], check=True, **quiet)  # type: ignore[call-overload]  # noqa: S603
    data.chmod(0o700)
    server = subprocess.Popen(  # type: ignore[call-overload]  # noqa: S603
        [bin_folder / "postgres", "-D", data, "-k", data, "-c", "listen_addresses="], **quiet
    )
    try:
        database = f"host={data} user={USER} dbname=postgres"
        _wait_for(database, server)
        yield database
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(data)


def _wait_for(database: str, server: "subprocess.Popen[bytes]") -> None:
    while server.poll() is None:
        try:
            psycopg.connect(database).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"PostgreSQL ended with exit code {server.returncode} before it accepted a connection")


def main() -> None:
    at_once, jobs = int(sys.argv[1]), int(sys.argv[2])
    if "BENCH_DATABASE" in os.environ:  # the client's process, whose app knows the database
        found = asyncio.run(run(os.environ["BENCH_DATABASE"], at_once, jobs))
        sys.stdout.write(f"{json.dumps(found)}\n")
        return
    with postgres(Path(os.environ["BENCH_FOLDER"])) as database:
        environment = {**os.environ, "BENCH_DATABASE": database}
        command = [sys.executable, "-m", "procrastinate", "--app", "bench.peers.procrastinate_jobs.app"]
        subprocess.run([*command, "schema", "--apply"], check=True, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603
        workers = [
            subprocess.Popen(  # noqa: S603
                [*command, "worker", "--concurrency", str(CONCURRENCY)],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # a line for every job
            )
            for _ in range(os.cpu_count() or 1)
        ]
        try:
            subprocess.run(  # noqa: S603
                [sys.executable, "-m", "bench.peers.procrastinate_jobs", *sys.argv[1:]], check=True, env=environment
            )
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()


if __name__ == "__main__":
    from bench.peers import procrastinate_jobs  # under this name the workers know the task

    procrastinate_jobs.main()
