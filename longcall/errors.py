"""The errors of the client.

LongcallError
├── InvalidInput           the caller's input; nothing was sent
├── ConfigurationError     an address or a stack file cannot be used; nothing was sent
├── ClientClosed           the client was closed; ends everything that it was doing
├── SignInFailed           the user pool returned no token
├── Unreachable            no answer: there is no connection
│   ├── RealtimeUnreachable  no connection to the realtime endpoint; the API may answer requests
│   └── ConnectionLost     the connection was closed or silent; ends every subscription on it
├── NotAuthorized          the API refused the token, and a fresh one too
├── ProtocolError          the answer is not one of the contract
└── RequestRejected        GraphQL `errors`, all kept in `faults`
    ├── Throttled          the API has no capacity for the request now
    ├── JobNotFound        the caller has no such job
    └── SubscriptionRejected  the API refused one subscription; the connection is still open
"""

from collections.abc import Sequence
from dataclasses import dataclass


class LongcallError(Exception):
    """Root of all errors that this package raises on purpose. The message is one sentence for a person."""


class InvalidInput(LongcallError):
    """The API would refuse the input. Nothing was sent."""


class ConfigurationError(LongcallError):
    """The address of the API or the user's name is missing or malformed. Nothing was sent."""


class ClientClosed(LongcallError):
    """The client was closed. Ends every request, upload and watch of this client."""

    def __init__(self) -> None:
        super().__init__("the client is closed; make a new one and use it inside `async with`")


class SignInFailed(LongcallError):
    """The user pool refused the user, or requires a step that this client does not support."""


class Unreachable(LongcallError):
    """No answer arrived. The message says only what happened: what to do depends on where the API runs."""


class RealtimeUnreachable(Unreachable):
    """The realtime endpoint accepted no connection. The API itself may answer."""


class ConnectionLost(Unreachable):
    """The connection was closed, or silent for too long."""


class NotAuthorized(LongcallError):
    """The API refused this caller's token."""


class ProtocolError(LongcallError):
    """The server answered with something that is not in the contract."""


@dataclass(frozen=True, slots=True)
class GraphQLFault:
    """One entry of a GraphQL `errors` list. `error_type` is AppSync's flat `errorType`, or None."""

    message: str
    error_type: str | None = None


class RequestRejected(LongcallError):
    """GraphQL errors; `error_type` and the message are those of the first one."""

    def __init__(self, faults: Sequence[GraphQLFault]) -> None:
        self.faults = tuple(faults)
        first = self.faults[0] if self.faults else GraphQLFault("the API refused the request without a reason")
        self.error_type = first.error_type
        super().__init__(first.message)

    @property
    def is_transient(self) -> bool:
        """Whether the cause is behind the API rather than in the request, so that a retry may succeed.

        Source: AppSync Developer Guide, "Troubleshooting": such types begin with the data source's name.
        """
        type_ = self.error_type or ""
        return type_ == "LedgerUnavailable" or type_.startswith(("Lambda:", "DynamoDB:")) or self.is_fault

    @property
    def is_fault(self) -> bool:
        """Whether the API's function failed in a way that is probably a bug, so that few retries are enough."""
        return self.error_type in {"InternalError", "Lambda:Unhandled"}


class Throttled(RequestRejected):
    """The API has no capacity for the request now. The client has retried it for `Timing.throttled` seconds."""

    @property
    def is_transient(self) -> bool:
        return True


class JobNotFound(RequestRejected):
    """The caller has no such job. The API answers the same about another caller's job."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        sentence = f"no job {job_id} was found; check the id, and that you are signed in as the user who started it"
        super().__init__((GraphQLFault(sentence, "JobNotFound"),))


class SubscriptionRejected(RequestRejected):
    """The API refused the subscription: it answered `start` with `error`."""
