"""The job that a command names: by its id, by the first characters of its id, or as the newest one."""

import re
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Final

from longcall.cli.callers import Caller
from longcall.cli.calls import call, open_client
from longcall.cli.exits import CommandEnded, ExitCode
from longcall.cli.options import ApiOptions, CallerOptions
from longcall.cli.program import program
from longcall.cli.stack import Stack
from longcall.errors import ConfigurationError, InvalidInput
from longcall.models import Event, JobId, parse_job_id

if TYPE_CHECKING:
    from longcall.client import Client

PAGE: Final = 100  # jobs in one answer, the API's maximum
SHOWN: Final = 5  # jobs that a message names
WHOLE: Final = 36  # characters of an id
_EXAMPLE: Final = "00000000-0000-0000-0000-000000000000"


def find_job(text: str | None, options: CallerOptions) -> tuple[Caller, JobId]:
    """The caller that the options choose, and the job of this caller that `text` names.

    Args:
        text: An id, or its first characters; None for the caller's newest job.
        options: Of the command.

    Raises:
        InvalidInput: The text cannot begin an id, or begins several.
        CommandEnded: The caller has no such job.
        LongcallError: The caller cannot be chosen, or the API cannot be asked.
    """
    if text is None:
        chosen = options.choose()
        return chosen, _newest(chosen)
    beginning = _parse(text)
    chosen = options.choose()
    return chosen, JobId(beginning) if len(beginning) == WHOLE else _only_job([chosen], beginning)


def find_job_of_stack(text: str, options: ApiOptions) -> tuple[Stack, JobId]:
    """The stack that the options choose, and the job that `text` names, for commands that need no caller.

    First characters are looked up among the jobs of every user whose password is known.

    Raises:
        As `find_job`.
    """
    beginning = _parse(text)
    stack = options.find()
    if len(beginning) == WHOLE:
        return stack, JobId(beginning)
    try:
        callers = Caller.known(stack)
    except ConfigurationError as error:
        raise ConfigurationError(f"the job could not be looked up: {error}; or give the whole id") from None
    return stack, _only_job(callers, beginning)


async def all_jobs(client: "Client") -> AsyncIterator[Event]:
    """The caller's jobs, newest first."""
    token: str | None = None
    while True:
        page = await client.list(limit=PAGE, next_token=token)
        for job in page.jobs:
            yield job
        token = page.next_token
        if token is None:
            return


def _parse(text: str) -> str:
    """The first characters of an id, in lower case."""
    beginning = text.lower()
    if len(beginning) >= WHOLE:
        return parse_job_id(text)
    pattern = _EXAMPLE[: len(beginning)].replace("0", "[0-9a-f]")
    if not beginning or re.fullmatch(pattern, beginning) is None:
        shown = text if len(text) <= WHOLE else f"{text[:WHOLE]}..."
        raise InvalidInput(
            f"expected a job's id, such as 123e4567-e89b-42d3-a456-426614174000, or its first characters, and found "
            f"{shown!r}; `{program()} list` shows the ids"
        )
    return beginning


def _newest(caller: Caller) -> JobId:
    found: list[Event] = []

    async def ask() -> None:
        async with open_client(caller) as client:
            found.extend((await client.list(limit=1)).jobs)

    call(caller, ask())
    if not found:
        raise CommandEnded(
            ExitCode.NOT_FOUND, f"{caller.user.username} has no jobs yet; start one with `{program()} run FILE`"
        )
    return found[0].job_id


def _only_job(callers: Iterable[Caller], beginning: str) -> JobId:
    """The only job of the callers whose id begins like this."""
    found: dict[JobId, Event] = {}

    async def look(caller: Caller) -> None:
        async with open_client(caller) as client:
            async for job in all_jobs(client):
                if job.job_id.startswith(beginning):
                    found[job.job_id] = job

    async def ask() -> None:
        import asyncio  # as in `call`

        await asyncio.gather(*map(look, asked))

    asked = list(callers)
    call(asked[0], ask())
    if not found:
        names = " or ".join(caller.user.username for caller in asked[:SHOWN])
        raise CommandEnded(
            ExitCode.NOT_FOUND, f"no job of {names} begins with {beginning}; `{program()} list` shows the ids"
        )
    if len(found) > 1:
        raise InvalidInput(f"{len(found)} jobs begin with {beginning}: {_names(found)}; give more characters")
    return next(iter(found))


def _names(found: dict[JobId, Event]) -> str:
    from longcall import display

    width = display.id_width(found)
    names = [f"{job_id[:width]} ({display.line(job.status)})" for job_id, job in found.items()]
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
