"""Checks of a stack, and the reasons why a token may or may not use a field.

The local stack itself checks tokens, with the code that checks requests. A token is sent nowhere else.
"""

import asyncio
import platform
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
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
TOKEN_MODES: Final = frozenset({"AMAZON_COGNITO_USER_POOLS", "OPENID_CONNECT"})
API_KEY: Final = "API_KEY"
IAM: Final = "AWS_IAM"
UNCHECKED: Final = "AWS4-HMAC-SHA256"  # a signature covers one request, so the stack says that it cannot check one
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
    if stack.application_modes is not None:
        yield Finding("application", CheckStatus.NOTE, f"callers use {', '.join(stack.application_modes)}")
        return
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
        modes = caller.stack.application_modes
        return await (caller.authorization().headers() if modes is None else _of_application(caller, modes))
    text = (await asyncio.to_thread(sys.stdin.read) if token == STANDARD_INPUT else token).strip()
    if not text:
        raise InvalidInput("the token is empty; give the whole value of the Authorization header")
    return {"Authorization": text}


async def _of_application(caller: Caller, modes: Sequence[str]) -> Mapping[str, str]:
    """The header of a caller whom an application accepts. Its own authorizer expects tokens that only it knows."""
    if TOKEN_MODES & {*modes}:
        return {"Authorization": await caller.provider()()}
    if API_KEY in modes and caller.stack.api_keys:
        return {"x-api-key": caller.stack.api_keys[0]}
    return {"Authorization": UNCHECKED} if IAM in modes else {}


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
            # Without a credential, there is no mode to judge.
            return [_finding(found) for found in findings if headers or found["about"] != "mode"]
        case _:
            raise ConfigurationError(f"the stack at {url} has no doctor; start it again with this version")


def _finding(found: Mapping[str, Any]) -> Finding:
    return Finding(found["about"], CheckStatus(found["status"]), found["found"], found["advice"])
