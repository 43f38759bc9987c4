"""A single POST request with JSON, for signing in and for an operator's request. The client itself uses a session."""

import json
from collections.abc import Mapping
from typing import Any

import aiohttp

from longcall.addresses import is_loopback
from longcall.errors import Unreachable


class NotJson(Exception):
    """The answer is not a JSON object."""


async def post_json(
    url: str, body: bytes, headers: Mapping[str, str], *, service: str, within: float
) -> dict[str, Any]:
    """Send JSON and return the JSON object in the answer, whatever its HTTP status.

    A request to another machine uses the proxy that the environment names, as every request of the client does.

    Args:
        url: Where to send it.
        body: JSON.
        headers: All headers of the request, with its `Content-Type`.
        service: What messages call the service, such as "the user pool at https://…".
        within: Seconds for the whole exchange.

    Raises:
        Unreachable: No answer came in time.
        NotJson: The answer is not a JSON object.
    """
    timeout = aiohttp.ClientTimeout(total=within)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=not is_loopback(url)) as session,
            session.post(url, data=body, headers=headers) as response,
        ):
            answer = json.loads(await response.read())
    except (aiohttp.ClientError, TimeoutError) as exc:
        raise Unreachable(f"no answer from {service}") from exc
    except ValueError as exc:
        raise NotJson from exc
    if not isinstance(answer, dict):
        raise NotJson
    return answer
