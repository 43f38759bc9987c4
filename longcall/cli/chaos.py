"""Faults that the local stack injects on purpose: read and set at its control endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin

import aiohttp

from longcall.cli.stack import Stack
from longcall.errors import ConfigurationError, InvalidInput, ProtocolError, Unreachable

OFF: Final = "off"
TIMEOUT: Final = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class Chaos:
    """The faults that are active, as `longcall serve --chaos` takes them, and how often each fault has happened."""

    spec: str
    counts: Mapping[str, int]

    def rows(self) -> list[str]:
        """One line for the active faults, and one for each fault that has happened."""
        width = max(map(len, self.counts), default=0)
        return [f"chaos is {self.spec or OFF}", *(f"{name:<{width}}  {count}" for name, count in self.counts.items())]


async def set_chaos(stack: Stack, spec: str | None) -> Chaos:
    """Set the faults of a stack, or only read them.

    Args:
        stack: A local stack.
        spec: As `longcall serve --chaos` takes it, or `off`. None changes nothing.

    Raises:
        ConfigurationError: The stack is not local, or has no control endpoint.
        InvalidInput: The specification is invalid.
        Unreachable: The stack does not answer.
        ProtocolError: The answer is not JSON.
    """
    url = urljoin(stack.graphql_url, "/chaos")
    if not stack.is_local:
        raise ConfigurationError(
            f"chaos is for a stack on this machine, and {stack.graphql_url} is elsewhere; see --stack"
        )
    method, body = ("GET", None) if spec is None else ("PUT", "" if spec == OFF else spec)
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as session,
            session.request(method, url, data=body) as response,
        ):
            status, answer = response.status, await response.json()
    except (aiohttp.ClientConnectionError, TimeoutError) as exc:
        raise Unreachable(f"no answer from {url}") from exc
    except (aiohttp.ClientError, ValueError) as exc:
        raise ProtocolError(f"expected JSON from {url}, and found something else") from exc
    match status, answer:
        case 200, {"spec": str(found), "counts": dict(counts)}:
            return Chaos(found, counts)
        case 400, {"error": str(sentence)}:
            raise InvalidInput(sentence)
        case _:
            raise ConfigurationError(f"the stack at {url} has no chaos; start it again with this version")
