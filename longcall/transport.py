"""Queries and mutations over HTTP: gql's aiohttp transport, one session for a client's whole life."""

import asyncio
import logging
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from gql import GraphQLRequest
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import TransportClosed, TransportError, TransportServerError
from graphql import DocumentNode, ExecutionResult, parse

from longcall.authorization import Authorization, authorized
from longcall.errors import (
    ConfigurationError,
    ConnectionLost,
    GraphQLFault,
    NotAuthorized,
    ProtocolError,
    RequestRejected,
    Unreachable,
)
from longcall.models import Json
from longcall.timing import Timing, pauses

log = logging.getLogger(__name__)

# gql writes whole requests and frames to its log at DEBUG, tokens and prompts among them.
logging.getLogger("gql.transport").setLevel(logging.INFO)

THROTTLED: Final = 429
UNAUTHORIZED: Final = 401
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


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


def check_url(url: str) -> str:
    """The GraphQL URL, if it is one.

    Raises:
        ConfigurationError
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"the GraphQL URL must look like https://host/graphql, and {url!r} does not")
    return url


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine, where a proxy of the environment has no place."""
    return urlsplit(url).hostname in LOOPBACK


class Requests:
    """Sends operations and gives their data.

    Every operation of this API may be sent twice without harm, so an answer that was lost is asked for again.
    """

    def __init__(self, url: str, authorization: Authorization, timing: Timing) -> None:
        self._url = url
        self._authorization = authorization
        self._timing = timing
        session = {"timeout": aiohttp.ClientTimeout(total=timing.answer), "trust_env": not is_loopback(url)}
        self._transport = _Transport(url, client_session_args=session)

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
            raise refused(faults) if is_refusal(faults) else RequestRejected(faults)
        if not isinstance(result.data, Mapping):
            raise ProtocolError(f"the answer from {self._url} has no data; check that this is the GraphQL URL")
        return result.data

    def _failure(self, exc: TransportError) -> Exception:
        if isinstance(exc, TransportClosed):
            return ConfigurationError("the client is not open; use it inside `async with`")
        code = exc.code if isinstance(exc, TransportServerError) else None
        if code == UNAUTHORIZED:
            return refused(())
        if code is not None and (code == THROTTLED or code >= 500):
            return ConnectionLost(f"the API at {self._url} answered with HTTP status {code}")
        if isinstance(exc.__cause__, aiohttp.ClientConnectorError):
            return Unreachable(f"nothing answers at {self._url}")
        if isinstance(exc.__cause__, aiohttp.ClientError | TimeoutError | OSError):
            return ConnectionLost(f"the connection to {self._url} broke before the answer came")
        return ProtocolError(f"{self._url} did not answer as a GraphQL API; check that this is the GraphQL URL")


class _Transport(AIOHTTPTransport):
    """Looks at the status first: gql takes any JSON with `errors` for an answer, also from a failing server."""

    async def _prepare_result(self, response: aiohttp.ClientResponse) -> ExecutionResult:
        if response.status == THROTTLED or response.status >= 500:
            raise TransportServerError("the server failed", response.status)
        return await super()._prepare_result(response)


def parse_faults(errors: Any) -> tuple[GraphQLFault, ...]:
    """Read an `errors` list as AppSync writes it: flat, with `errorType` beside `message`."""
    entries = errors if isinstance(errors, list) else [errors]
    return tuple(
        GraphQLFault(str(entry.get("message") or entry.get("errorType") or "no message"), entry.get("errorType"))
        for entry in entries
        if isinstance(entry, Mapping)
    )


def is_refusal(faults: tuple[GraphQLFault, ...]) -> bool:
    """Whether the token itself was turned down; a single field that is not for this caller is not meant.

    Source: captures of the service show the type both plain and with a Java package before it.
    """
    return any((fault.error_type or "").rpartition("#")[2] == "UnauthorizedException" for fault in faults)


def refused(faults: tuple[GraphQLFault, ...]) -> NotAuthorized:
    said = f" ({faults[0].message})" if faults else ""
    return NotAuthorized(f"the API refused this token{said}; sign in again, or check which user and mode it is for")
