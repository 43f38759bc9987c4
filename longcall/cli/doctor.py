"""Checks of a stack, and the reasons why a token may or may not use a field.

The local stack itself checks tokens, with the code that checks requests. A token is sent nowhere else.
"""

import asyncio
import platform
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final
from urllib.parse import urljoin

import aiohttp

from longcall.cli.callers import Caller
from longcall.cli.calls import open_client
from longcall.cli.findings import CheckStatus, Finding
from longcall.cli.stack import Stack, advice_for
from longcall.errors import ConfigurationError, InvalidInput, LongcallError, ProtocolError, Unreachable

TIMEOUT: Final = 15.0  # seconds; an authorizer may take ten
STANDARD_INPUT: Final = "-"
_OLDEST: Final = (3, 11)


async def health(caller: Caller) -> AsyncIterator[Finding]:
    """Check everything that a call needs, from this machine's Python to the job log."""
    yield _python()
    yield _node()
    stack = caller.stack
    yield Finding(
        "stack", CheckStatus.GOOD if stack.is_local else CheckStatus.NOTE, f"{stack.graphql_url} in {stack.region}"
    )
    try:
        await caller.provider()()
    except LongcallError as error:
        yield Finding("sign-in", CheckStatus.BAD, str(error), advice_for(stack))
        return
    yield Finding("sign-in", CheckStatus.GOOD, f"{caller.user.username}, at {stack.cognito_url or 'Cognito'}")
    try:
        async with open_client(caller) as client:
            page = await client.list(limit=1)
    except LongcallError as error:
        yield Finding("API and log", CheckStatus.BAD, str(error), advice_for(stack))
        return
    found = "jobs can be read" if page.jobs else "the log can be read; no jobs yet"
    yield Finding("API and log", CheckStatus.GOOD, found)


def _python() -> Finding:
    found = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < _OLDEST:
        return Finding("Python", CheckStatus.BAD, found, "use Python 3.11 or newer")
    return Finding("Python", CheckStatus.GOOD, found)


def _node() -> Finding:
    node = shutil.which("node")
    if node is None:
        return Finding("Node", CheckStatus.NOTE, "not found; only the JavaScript clients' tests and `cdk` need it")
    return Finding("Node", CheckStatus.GOOD, node)


async def authorization_of(caller: Caller, token: str | None) -> Mapping[str, str]:
    """The header to explain: `token`, or standard input if `token` is `-`, or else the caller's own.

    Raises:
        InvalidInput: The token is empty.
        LongcallError: The caller cannot sign in.
    """
    if token is None:
        return await caller.authorization().headers()
    text = (await asyncio.to_thread(sys.stdin.read) if token == STANDARD_INPUT else token).strip()
    if not text:
        raise InvalidInput("the token is empty; give the whole value of the Authorization header")
    return {"Authorization": text}


async def explain(stack: Stack, headers: Mapping[str, str], field: str | None) -> list[Finding]:
    """What the local stack finds about its own work, about a credential, and about the use of a field with it.

    Args:
        stack: A local stack.
        headers: The headers that a request would have.
        field: As `Type.field`; None for the credential alone.

    Raises:
        ConfigurationError: The stack is not local, or has no doctor.
        Unreachable: The stack does not answer.
        ProtocolError: The answer is not JSON.
    """
    if not stack.is_local:
        raise ConfigurationError(
            f"tokens are explained by a stack on this machine, and {stack.graphql_url} is elsewhere; see --stack"
        )
    url = urljoin(stack.graphql_url, "/doctor")
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as session,
            session.post(url, json={"headers": dict(headers), "field": field}) as response,
        ):
            answer = await response.json()
    except (aiohttp.ClientConnectionError, TimeoutError) as exc:
        raise Unreachable(f"no answer from {url}") from exc
    except (aiohttp.ClientError, ValueError) as exc:
        raise ProtocolError(f"expected JSON from {url}, and found something else") from exc
    match answer:
        case {"findings": list(findings)}:
            return [_finding(found) for found in findings]
        case _:
            raise ConfigurationError(f"the stack at {url} has no doctor; start it again with this version")


def _finding(found: Mapping[str, Any]) -> Finding:
    return Finding(found["about"], CheckStatus(found["status"]), found["found"], found["advice"])
