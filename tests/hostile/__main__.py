"""`python -m tests.hostile`: outages of a local stack, and then attacks on an engine for a given time."""

import argparse
import asyncio
import logging
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.acceptance.stack import running_stack
from tests.hostile.campaign import Campaign, CampaignFailed
from tests.hostile.outages import (
    NoSmallDisk,
    crowded_restart,
    flooded_token,
    full_disk,
    grown_log,
    killed_stack,
    many_clients,
    small_disk,
)

JOBS: Final = 80
CLIENTS: Final = 300
REQUESTS: Final = 300
FULL: Final = 25.0  # seconds


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=150, help="attacks in a wave")
    chosen = parser.parse_args()
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns about every socket that the engine closed first
    try:
        asyncio.run(outages())
    except (AssertionError, TimeoutError) as failure:
        print(f"the stack failed: {failure!r}", file=sys.stderr)  # noqa: T201
        return 1
    try:
        report = asyncio.run(Campaign(chosen.seed, chosen.size).run(seconds=chosen.seconds))
    except CampaignFailed as failure:
        print(f"the engine failed: {failure}", file=sys.stderr)  # noqa: T201
        return 1
    memory = ", ".join(f"{resident / 2**20:.0f}" for resident in report.resident)
    running_engine = f"{report.notes} requests of an honest client, all answered, the slowest in {report.slowest:.1f} s"
    print(f"{report.attacks} attacks; {running_engine}")  # noqa: T201
    print(f"MiB of the engine after each wave: {memory}")  # noqa: T201
    return 0


async def outages() -> None:
    """Do to a stack what a machine may do to it, and print the numbers.

    Raises:
        AssertionError: The stack did not recover.
        TimeoutError: It did not recover in time.
    """
    options, environment = ("--jobs", str(JOBS)), {"LONGCALL_QUOTA": str(2 * CLIENTS), "LONGCALL_FLUSH_SECONDS": "0.01"}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as cleanup:
        try:
            disk = cleanup.enter_context(small_disk(Path(folder) / "disk", size="64m"))
        except NoSmallDisk as reason:
            disk = None
            print(f"skipped the full disk: {reason}")  # noqa: T201
        data = (disk or Path(folder)) / "data"
        stack = cleanup.enter_context(running_stack(data, *options, environment=environment))
        if disk is not None:  # first: databases that have grown continue to work on a full disk for long
            await grown_log(stack)
            print(await full_disk(stack, disk, seconds=FULL))  # noqa: T201
        print(await flooded_token(stack, requests=REQUESTS))  # noqa: T201
        print(await many_clients(stack, clients=CLIENTS))  # noqa: T201
        print(await killed_stack(stack))  # noqa: T201
        outcomes = await crowded_restart(stack, jobs=JOBS)
        print(f"restart with {JOBS} crashed jobs: {dict(outcomes)} reads")  # noqa: T201
        # A machine that is busy with the start may answer 503: the authorizer did not start in time.
        assert not [outcome for outcome in outcomes if "TooManyRequests" in outcome or "Unauthorized" in outcome]


if __name__ == "__main__":
    sys.exit(main())
