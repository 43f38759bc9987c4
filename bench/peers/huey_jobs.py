"""Jobs through huey, in SQLite: `python -m bench.peers.huey_jobs AT_ONCE JOBS` prints one line of JSON.

BENCH_FOLDER is the folder of the database. The results are polled, since huey reports no end of a job to its client.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from huey import SqliteHuey  # type: ignore[import-not-found]  # in the bench's own environment

POLL = 0.002  # seconds between two looks at all results that are missing

queue = SqliteHuey(filename=str(Path(os.environ["BENCH_FOLDER"]) / "huey.db"))


@queue.task()  # type: ignore[untyped-decorator]
def echo(text: str) -> str:
    return text


def run(at_once: int, jobs: int) -> dict[str, Any]:
    first_status: list[float] = []
    waiting: list[Any] = []
    left = jobs
    began = time.perf_counter()
    while left or waiting:
        while left and len(waiting) < at_once:
            left -= 1
            started = time.perf_counter()
            waiting.append(echo(f"job {left}"))
            first_status.append(time.perf_counter() - started)
        missing = [result for result in waiting if result() is None]
        if len(missing) == len(waiting):
            time.sleep(POLL)
        waiting = missing
    return {"perSecond": jobs / (time.perf_counter() - began), "firstStatus": first_status, "failures": 0}


def main() -> None:
    at_once, jobs = int(sys.argv[1]), int(sys.argv[2])
    consumer = subprocess.Popen(  # noqa: S603  # this environment's own command
        [
            sys.executable, "-m", "huey.bin.huey_consumer", "bench.peers.huey_jobs.queue",
            "--workers", str(os.cpu_count() or 1), "--worker-type", "process",
            "--delay", "0.005", "--max-delay", "0.02", "--quiet",
        ],
    )  # fmt: skip
    try:
        run(1, 10)
        sys.stdout.write(f"{json.dumps(run(at_once, jobs))}\n")
        sys.stdout.flush()
    finally:
        consumer.terminate()
        consumer.wait()


if __name__ == "__main__":
    from bench.peers import huey_jobs  # under this name the consumer knows the task

    huey_jobs.main()
