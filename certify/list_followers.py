"""The Python client's live list of each owner's jobs: `python -m certify.list_followers`, started by a campaign.

It runs the client of the product that is certified. It prints a line of JSON for each change of a list, and for each
error after which a list is followed again. It ends when its standard input ends.
"""

import argparse
import asyncio
import json
import sys
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any, Final

import uvloop

from certify.processes import end_of_input
from certify.tokens import SignIn
from longcall import Client, JobList, LambdaToken, LongcallError, Timing

# While jobs run, a list is read every 4 s. Lists of 100 jobs took a tenth of the processor time of a certificate.
TIMING: Final = Timing(silence=4.0, idle=2.0, absence=0.5, longest_pause=1.0)
LIMIT: Final = 40  # jobs of a list: the newest
RETRY_DELAY: Final = 0.3  # seconds

Row = tuple[str, int, str]  # status, sequence and owner of a job


async def follow(url: str, stack_file: Path, user: int) -> None:
    """Follow the list of one user, until this is cancelled."""
    shown: dict[str, Row] = {}
    authorization = LambdaToken(SignIn(stack_file, user))
    async with Client(url, authorization=authorization, timing=TIMING) as client:
        while True:
            try:
                async with aclosing(client.watch_all(limit=LIMIT)) as lists:
                    async for jobs in lists:
                        now = rows_of(jobs)
                        changed = {job_id: row for job_id, row in now.items() if shown.get(job_id) != row}
                        _say(user=user, changed=changed, gone=[*(shown.keys() - now.keys())])
                        shown = now
            except LongcallError as error:
                _say(user=user, error=type(error).__name__)
            await asyncio.sleep(RETRY_DELAY)


def rows_of(jobs: JobList) -> dict[str, Row]:
    """What is compared of a list, by job id."""
    return {job.job_id: (str(job.status), job.sequence, job.owner) for job in jobs.jobs}


def _say(**message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


async def _follow_all(url: str, stack_file: Path, owners: int) -> None:
    following = [asyncio.create_task(follow(url, stack_file, user)) for user in range(owners)]
    stopped = asyncio.create_task(end_of_input())
    done, _ = await asyncio.wait({*following, stopped}, return_when=asyncio.FIRST_COMPLETED)
    for task in (*following, stopped):
        task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*following, stopped)
    for task in done:
        task.result()  # an error of the client that is not one of its own ends the process, and with it the campaign


def main() -> None:
    parser = argparse.ArgumentParser(prog="certify.list_followers")
    parser.add_argument("--url", required=True)
    parser.add_argument("--stack-file", type=Path, required=True)
    parser.add_argument("--owners", type=int, required=True, help="the first users of the stack")
    given = parser.parse_args()
    uvloop.run(_follow_all(given.url, given.stack_file, given.owners))


if __name__ == "__main__":
    main()
