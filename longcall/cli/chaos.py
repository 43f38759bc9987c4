"""What the local stack loses on purpose: told and turned at its control endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin

import aiohttp

from longcall.cli.stack import Stack
from longcall.errors import ConfigurationError, InvalidInput, ProtocolError, Unreachable

OFF: Final = "off"
PATIENCE: Final = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class Chaos:
    """What is on now, as `longcall serve --chaos` takes it, or nothing; and how often each fault has happened."""

    spec: str
    counts: Mapping[str, int]

    def rows(self) -> list[str]:
        """For a person: one line for what is on, and one for each fault that has happened."""
        width = max(map(len, self.counts), default=0)
        return [f"chaos is {self.spec or OFF}", *(f"{name:<{width}}  {count}" for name, count in self.counts.items())]


async def turn(stack: Stack, spec: str | None) -> Chaos:
    """Turn the stack's chaos, or ask about it.

    Args:
        stack: A local one.
        spec: As `longcall serve --chaos` takes it, or `off`; None: change nothing.

    Raises:
        ConfigurationError: The stack has no chaos.
        InvalidInput: The specification is none.
        Unreachable: The stack does not answer.
    """
    url = urljoin(stack.graphql_url, "/chaos")
    if not stack.is_local:
        raise ConfigurationError(f"chaos is for a stack on this machine, and {stack.graphql_url} is not; see --stack")
    method, body = ("GET", None) if spec is None else ("PUT", "" if spec == OFF else spec)
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session,
            session.request(method, url, data=body) as response,
        ):
            status, told = response.status, await response.json()
    except (aiohttp.ClientConnectionError, TimeoutError) as exc:
        raise Unreachable(f"no answer from {url}") from exc
    except (aiohttp.ClientError, ValueError) as exc:
        raise ProtocolError(f"expected JSON from {url}, and found none") from exc
    match status, told:
        case 200, {"spec": str(found), "counts": dict(counts)}:
            return Chaos(found, counts)
        case 400, {"error": str(sentence)}:
            raise InvalidInput(sentence)
        case _:
            raise ConfigurationError(f"the stack at {url} has no chaos; start it again with this version")
