"""`python -m certify`, which `make certify` runs: all campaigns, then the certificate."""

import argparse
import asyncio
import platform
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from importlib.metadata import version
from pathlib import Path
from typing import Final

from certify.campaign import run
from certify.examination import Outcome
from certify.lists import ListsFailed
from certify.load import ClientsFailed
from certify.page import page
from certify.plan import MOST_EVENTS, campaigns
from certify.progress import Progress
from certify.report import Certificate, summary
from certify.stack import StackFailed
from certify.typescript import TypeScriptMissing, build

MOST_JOBS: Final = 1_000_000


class Exit(IntEnum):
    """Exit codes of the command."""

    OK = 0
    VIOLATED = 1
    USAGE = 2  # as argparse does
    UNREACHABLE = 3  # the stack or its clients did not run
    INTERRUPTED = 130


def main() -> int:
    """Run the certificate that the command line asks for."""
    given = _parser().parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="longcall-certificate-"))
    progress = Progress(sys.stderr)
    try:
        certificate = asyncio.run(certify(given.jobs, given.events, given.seed, folder=folder, progress=progress))
    except (StackFailed, ClientsFailed, ListsFailed) as failed:
        progress.end()
        sys.stderr.write(f"certify: {failed}\n{folder} contains what was printed\n")
        return Exit.UNREACHABLE
    except (KeyboardInterrupt, asyncio.CancelledError):
        progress.end()
        sys.stderr.write("certify: stopped before its end; there is no certificate\n")
        shutil.rmtree(folder, ignore_errors=True)
        return Exit.INTERRUPTED
    progress.end()
    json_file, page_file = given.out / "certificate.json", given.out / "certificate.html"
    json_file.write_text(certificate.as_json() + "\n", "utf-8")
    page_file.write_text(page(certificate), "utf-8")
    lines = [*summary(certificate), f"{json_file} and {page_file} have the details"]
    if certificate.passed:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        lines.append(f"{folder} contains the logs, the observations and what the stack printed")
    sys.stdout.write("\n".join(lines) + "\n")
    return Exit.OK if certificate.passed else Exit.VIOLATED


async def certify(jobs: int, events: int, seed: int, *, folder: Path, progress: Progress) -> Certificate:
    """Run all campaigns at once. Their processes have ended when it returns or raises.

    Raises:
        StackFailed: A stack did not start.
        ClientsFailed: A process of clients ended with an error.
        ListsFailed: The process that follows the lists ended with an error.
    """
    versions_, program = versions(), folder / "watcher.js"
    try:
        versions_["node"] = await asyncio.to_thread(build, program)
        typescript: Path | None = program
    except TypeScriptMissing as missing:
        sys.stderr.write(f"certify: all watchers run the Python client, none the TypeScript client: {missing}\n")
        typescript = None
    this = asyncio.current_task()
    if this is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    began = time.monotonic()
    outcomes = await all_of(
        [
            run(campaign, folder, progress.update, typescript=typescript)
            for campaign in campaigns(jobs=jobs, events=events, seed=seed)
        ]
    )
    return Certificate(
        outcomes=outcomes, jobs=jobs, events=events, seed=seed,
        command=f"make certify JOBS={jobs} EVENTS={events} SEED={seed}",
        made_at=datetime.now(UTC), seconds=time.monotonic() - began, versions=versions_,
    )  # fmt: skip


async def all_of(runs: Sequence[Coroutine[None, None, Outcome]]) -> list[Outcome]:
    """The results of all runs, or of those that have ended when one was stopped because of what it found.

    The others are then cancelled, and so they are after an error, which is raised after they have cleaned up.
    """
    tasks = [asyncio.create_task(one) for one in runs]
    waiting: set[asyncio.Task[Outcome]] = set(tasks)
    try:
        while waiting and not any(task.result().stopped for task in tasks if task.done()):
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        return [task.result() for task in tasks if task.done()]
    finally:
        for task in tasks:
            task.cancel()  # once: a second cancel would interrupt their cleanup
        await asyncio.gather(*tasks, return_exceptions=True)


def versions() -> dict[str, str]:
    """Versions of everything that took part."""
    return {
        "longcall": version("longcall"),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "moto": version("moto"),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="certify", description="Lose, repeat, kill and restart on purpose, and certify that nothing was lost."
    )
    parser.add_argument("--jobs", type=_up_to(MOST_JOBS), default=10_000, help="number of jobs (default %(default)s)")
    parser.add_argument(
        "--events",
        type=_up_to(MOST_EVENTS),
        default=20,
        help="minimum number of log entries of each job (default %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of plan and faults (default %(default)s)")
    parser.add_argument(
        "--out", type=Path, default=Path(), help="folder for the certificate (default: the current one)"
    )
    return parser


def _up_to(most: int) -> Callable[[str], int]:
    def count(text: str) -> int:
        value = int(text) if text.isdecimal() else 0
        if not 1 <= value <= most:
            raise argparse.ArgumentTypeError(f"expected a whole number from 1 to {most}, and found {text!r}")
        return value

    return count
