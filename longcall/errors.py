"""What can go wrong at a client, each with what it ends.

LongcallError
├── InvalidInput           the caller's input, before any network
├── ConfigurationError     an address or a stack file that cannot be used, before any network
├── SignInFailed           the identity provider gave no token
├── Unreachable            no answer: never connected, or no longer
│   └── ConnectionLost     closed, or silent for too long; ends every subscription on that connection
├── NotAuthorized          the API refused a token, and a fresh one too
├── ProtocolError          the answer is not what the contract says
├── RequestRejected        GraphQL `errors`, kept whole
│   └── JobNotFound        no such job for this caller
└── SubscriptionRejected   this subscription only; the connection lives
"""

from collections.abc import Sequence
from dataclasses import dataclass


class LongcallError(Exception):
    """Root of everything this package raises on purpose. The message is one sentence for a person."""


class InvalidInput(LongcallError):
    """The input cannot be what the API takes; nothing was sent."""


class ConfigurationError(LongcallError):
    """Where the API is, or who signs in, is missing or malformed; nothing was sent."""


class SignInFailed(LongcallError):
    """The identity provider refused the user, or asked for a step that this client does not take."""


class Unreachable(LongcallError):
    """No answer came. The message is the fact alone; what to do depends on whose API it is."""


class ConnectionLost(Unreachable):
    """The realtime connection was closed, or fell silent."""


class NotAuthorized(LongcallError):
    """The API refuses this caller's token."""


class ProtocolError(LongcallError):
    """The server answered with something the contract does not know."""


@dataclass(frozen=True, slots=True)
class GraphQLFault:
    """One entry of a GraphQL `errors` list. `error_type` is AppSync's flat `errorType`, where it has one."""

    message: str
    error_type: str | None = None


class RequestRejected(LongcallError):
    """GraphQL errors; `error_type` and the message are those of the first one."""

    def __init__(self, faults: Sequence[GraphQLFault]) -> None:
        self.faults = tuple(faults)
        first = self.faults[0] if self.faults else GraphQLFault("the API refused the request without saying why")
        self.error_type = first.error_type
        super().__init__(first.message)

    @property
    def is_transient(self) -> bool:
        """Whether something behind the API failed rather than the request.

        Source: AppSync Developer Guide, "Troubleshooting": such types begin with the data source's name.
        """
        return (self.error_type or "").startswith(("Lambda:", "DynamoDB:"))


class JobNotFound(RequestRejected):
    """Also what the API answers about another caller's job."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        sentence = f"no job {job_id} was found; check the id, and that you are signed in as the user who started it"
        super().__init__((GraphQLFault(sentence, "JobNotFound"),))


class SubscriptionRejected(RequestRejected):
    """The API answered `start` with an `error`."""
