"""Queries and mutations over HTTP: gql's aiohttp transport, one session for a client's whole life."""

import asyncio
import logging
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import aiohttp
from gql import GraphQLRequest
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import TransportClosed, TransportError, TransportServerError
from graphql import DocumentNode, parse

from longcall.addresses import is_loopback
from longcall.authorization import Authorization, authorized
from longcall.errors import ConfigurationError, ConnectionLost, ProtocolError, RequestRejected, Unreachable
from longcall.faults import is_token_refused, parse_faults, token_refused
from longcall.models import Json
from longcall.timing import Timing, pauses

log = logging.getLogger(__name__)

# gql writes whole requests and frames to its log at DEBUG, tokens and prompts among them.
logging.getLogger("gql.transport").setLevel(logging.INFO)

THROTTLED: Final = 429
UNAUTHORIZED: Final = 401


class Request(GraphQLRequest):
    """A document of this package with its variables. Its text is printed once, not for each request."""

    def __init__(self, name: str, variables: Mapping[str, Json]) -> None:
        super().__init__(_document(name), variable_values=dict(variables))
        self._text = _text(name)

    @property
    def payload(self) -> dict[str, Any]:
        return {"query": self._text, "variables": self.variable_values}


@cache
def _text(name: str) -> str:
    folder = files("longcall") / "documents"
    own, shared = ((folder / f"{file}.graphql").read_text("utf-8") for file in (name, "inference_fields"))
    return f"{own}\n{shared}" if "...InferenceFields" in own else own  # a fragment that nobody uses is refused


@cache
def _document(name: str) -> DocumentNode:
    return parse(_text(name))


class Requests:
    """Sends operations and gives their data.

    Every operation of this API may be sent twice without harm, so an answer that was lost is asked for again.
    """

    def __init__(self, url: str, authorization: Authorization, timing: Timing) -> None:
        self._url = url
        self._authorization = authorization
        self._timing = timing
        session = {
            "timeout": aiohttp.ClientTimeout(total=timing.answer),
            "trust_env": not is_loopback(url),
            "raise_for_status": _check_status,
        }
        self._transport = AIOHTTPTransport(url, client_session_args=session)

    async def open(self) -> None:
        await self._transport.connect()

    async def close(self) -> None:
        await self._transport.close()

    async def execute(self, name: str, variables: Mapping[str, Json]) -> Mapping[str, Any]:
        """The `data` that a document answers with.

        Raises:
            Unreachable: No connection; nothing was sent.
            ConnectionLost: No answer, however often it was asked for.
            NotAuthorized, RequestRejected, ProtocolError
        """
        request = Request(name, variables)
        waits = pauses(self._timing)
        for _ in range(self._timing.tries - 1):
            try:
                return await authorized(self._authorization, lambda headers: self._send(request, headers))
            except ConnectionLost:
                log.info("answer lost, asking again", extra={"event": "answer_lost", "operation": name})
            except RequestRejected as rejected:
                if not rejected.is_transient:
                    raise
            await asyncio.sleep(next(waits))
        return await authorized(self._authorization, lambda headers: self._send(request, headers))

    async def _send(self, request: Request, headers: Mapping[str, str]) -> Mapping[str, Any]:
        try:
            result = await self._transport.execute(request, extra_args={"headers": headers})
        except TransportError as exc:
            raise self._failure(exc) from exc
        if result.errors:
            faults = parse_faults(result.errors)
            raise token_refused(faults) if is_token_refused(faults) else RequestRejected(faults)
        if not isinstance(result.data, Mapping):
            raise ProtocolError(f"the answer from {self._url} has no data; check that this is the GraphQL URL")
        return result.data

    def _failure(self, exc: TransportError) -> Exception:
        if isinstance(exc, TransportClosed):
            return ConfigurationError("the client is not open; use it inside `async with`")
        code = exc.code if isinstance(exc, TransportServerError) else None
        if code == UNAUTHORIZED:
            return token_refused(())
        if code is not None and (code == THROTTLED or code >= 500):
            return ConnectionLost(f"the API at {self._url} answered with HTTP status {code}")
        if isinstance(exc.__cause__, aiohttp.ClientConnectorError):
            return Unreachable(f"nothing answers at {self._url}")
        if isinstance(exc.__cause__, aiohttp.ClientError | TimeoutError | OSError):
            return ConnectionLost(f"the connection to {self._url} broke before the answer came")
        return ProtocolError(f"{self._url} did not answer as a GraphQL API; check that this is the GraphQL URL")


async def _check_status(response: aiohttp.ClientResponse) -> None:
    """Judge by the status first: gql accepts any JSON with `errors` as an answer, also from a failing server."""
    if response.status == THROTTLED or response.status >= 500:
        raise TransportServerError("the server failed", response.status)
