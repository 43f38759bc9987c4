"""One `updateStatus` mutation over HTTP, and whether its failure is worth another try."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Protocol

import aiohttp
from gql import Client
from gql.client import AsyncClientSession
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import (
    TransportConnectionFailed,
    TransportError,
    TransportProtocolError,
    TransportQueryError,
    TransportServerError,
)
from msgspec import Struct
from msgspec.structs import replace

from chalicelib.jobs.errors import (
    InternalError,
    InvalidRequest,
    InvalidTransition,
    JobNotFound,
    Unauthorized,
    UpdateRefused,
)
from chalicelib.jobs.model import Announcement, Claim, DispatchNext, Redispatch, StatusUpdate
from chalicelib.publisher.authorization import Authorization, OutgoingRequest
from chalicelib.publisher.fencing import UpdateAnswer
from chalicelib.publisher.messages import parse, render
from chalicelib.publisher.mutations import Prepared, mutation

OWN_ERRORS: Final = frozenset(
    kind.__name__ for kind in (InternalError, InvalidRequest, InvalidTransition, JobNotFound, Unauthorized)
)
FAULT_TRIES: Final = 5  # of an update that fails inside the API: about two seconds
CLOSE_TIMEOUT: Final = 1.0  # seconds that a TLS connection gets to close in good order

_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode

# At DEBUG gql writes whole requests to the log, and they hold what callers asked for and were answered.
logging.getLogger("gql.transport.aiohttp").setLevel(logging.INFO)


class Unreachable(Exception):
    """This try failed, and another one may succeed. The update may have been written.

    Attributes:
        most_tries: The number of such failures in a row after which to stop. None: try as long as there is time, since
            capacity or the connection is the problem. A number: the API probably has a bug, which another try rarely
            avoids.
    """

    def __init__(self, reason: str, *, most_tries: int | None = None) -> None:
        self.most_tries = most_tries
        super().__init__(reason)


class Channel(Protocol):
    """One try to bring one update to the API.

    Raises:
        Unreachable: Try again, with the same `update_id`.
        UpdateRefused: The API will not take it.
    """

    async def send(self, update: StatusUpdate | Redispatch | DispatchNext) -> UpdateAnswer: ...


class Endpoint(Protocol):
    """Where a job's updates go; `open` gives a channel for one job."""

    def open(self) -> AbstractAsyncContextManager[Channel]: ...


class AppSync(Struct, frozen=True):
    """The GraphQL API at `url`. A channel is one HTTP connection. `Connection` decides how long it is kept."""

    url: str
    authorization: Authorization
    type_prefix: str = ""  # of the names of our types in the API's schema

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Channel]:
        transport = AIOHTTPTransport(
            self.url,
            ssl_close_timeout=CLOSE_TIMEOUT,
            json_serialize=_encode,
            client_session_args={
                "connector": aiohttp.TCPConnector(limit=1),
                "middlewares": (self._authorize,),
                "timeout": aiohttp.ClientTimeout(),  # the publisher has its own
            },
        )
        client = Client(transport=transport, execute_timeout=None)
        async with client as session:
            yield _Mutations(session, self.type_prefix)

    async def _authorize(
        self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        body = request.body if isinstance(request.body, bytes) else await request.body.as_bytes()
        covered = {"Host": request.headers["Host"], "Content-Type": request.headers["Content-Type"]}
        request.headers.update(
            self.authorization.headers(OutgoingRequest(request.method, str(request.url), covered, body))
        )
        response = await send(request)
        if is_temporary(response.status):
            # gql would read the body and forget the status; the body is read to keep the connection.
            await response.read()
            raise TransportServerError(f"HTTP status {response.status}", response.status)
        return response


class _Mutations(Struct, frozen=True):
    session: AsyncClientSession
    type_prefix: str

    async def send(self, update: StatusUpdate | Redispatch | DispatchNext) -> UpdateAnswer:
        variables: dict[str, Any]
        match update:
            case Redispatch(job_id, sequence):
                field, name = "dispatchInference", "dispatch_inference"
                variables = {"jobId": job_id, "sequence": sequence}
            case DispatchNext(job_id, attempt):
                field, name = "dispatchInference", "dispatch_inference"
                variables = {"jobId": job_id, "attempt": attempt}
            case Claim(job_id, request_id):
                # One request for both: their order is kept, and the claim does not wait for another round trip.
                field, name = "claim", "claim_job"
                announcement = Announcement(job_id, request_id)
                variables = {"announcement": render(announcement), "claim": render(update)}
            case _:
                field, name, variables = "updateStatus", "update_status", {"input": render(update)}
        request = Prepared(mutation(name, self.type_prefix), variables)
        try:
            data = await self.session.execute(request, extra_args={"allow_redirects": False})
        except TransportError as error:
            if is_worth_a_retry(error):
                raise Unreachable(describe(error), most_tries=FAULT_TRIES if is_fault(error) else None) from error
            error_type = _error_type(error) if isinstance(error, TransportQueryError) else ""
            raise UpdateRefused(error_type, f"AppSync refused an update: {describe(error)}") from error
        answer = parse(data.get(field))
        return replace(answer, announced=parse(data["announcement"]).pushes) if isinstance(update, Claim) else answer


def is_temporary(status: int) -> bool:
    """Whether an HTTP status says: later, perhaps."""
    return status in {408, 425, 429} or status >= 500


def is_worth_a_retry(error: TransportError) -> bool:
    """Whether another try can end better. An error that is not known to be temporary is final."""
    match error:
        case TransportServerError(code=code):
            return code is not None and is_temporary(code)
        case TransportQueryError():
            return _is_temporary_error_type(_error_type(error))
        case TransportConnectionFailed(__cause__=cause):
            return isinstance(cause, aiohttp.ClientError | OSError)  # and not, say, missing credentials
        case TransportProtocolError():
            return True  # an answer cut short, or by something in between
        case _:
            return False


def is_fault(error: TransportError) -> bool:
    """Whether the API failed in a way that is probably a bug of its own, such as an exception in its function."""
    return isinstance(error, TransportQueryError) and (
        _error_type(error) == InternalError.__name__
        or (_error_type(error).startswith("Lambda:") and not _is_capacity(_error_type(error)))
    )


def describe(error: TransportError) -> str:
    """What failed, for the log, without anything that callers sent."""
    match error:
        case TransportServerError(code=code):
            return f"HTTP status {code}"
        case TransportQueryError():
            return f"{_error_type(error) or 'an error without a type'}{_safe_message(error)}"
        case TransportConnectionFailed(__cause__=cause):
            return f"no answer ({type(cause).__name__})"
        case TransportProtocolError():
            return "an answer that is not a GraphQL result"
        case _:
            return type(error).__name__


def _is_temporary_error_type(name: str) -> bool:
    return name.startswith("Lambda:") or name == InternalError.__name__ or _is_capacity(name)


def _is_capacity(name: str) -> bool:
    temporary = ("Throttl", "TooManyRequests", "LimitExceeded", "InternalFailure", "InternalServer", "Unavailable")
    return any(word in name for word in temporary)


def _first_error(error: TransportQueryError) -> dict[str, Any]:
    first = error.errors[0] if error.errors else None
    return first if isinstance(first, dict) else {}


def _error_type(error: TransportQueryError) -> str:
    return str(_first_error(error).get("errorType") or "")


def _safe_message(error: TransportQueryError) -> str:
    # Of our own errors, of a missing right, and of validation, which quotes the document; others may quote callers.
    message = str(_first_error(error).get("message") or "")
    is_safe = _error_type(error) in (*OWN_ERRORS, "UnauthorizedException") or message.startswith("Validation error")
    return f": {message[:200]}" if is_safe else ""
