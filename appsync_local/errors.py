"""The errors of the engine, named for what each one ends.

EngineError
├── ApiInvalid         the engine does not start: invalid schema, API or code; one line per problem
├── PortInUse          the engine does not start: another process listens on the port
├── RequestRefused     ends one HTTP request or one realtime connection, before a field is resolved
├── OperationInvalid   ends one operation before it runs: syntax, validation, variables
├── ResponseTooLarge   ends one operation during execution, or the push of one event
├── FieldError         ends one field; the caller receives it in `errors`
│   └── FieldUnauthorized
├── SourceFailed       ends one request to a data source; becomes `ctx.error` of the resolver
│   └── FunctionFailed     ends one Lambda invocation
├── ScriptFailed       ends one JavaScript call
└── FilterInvalid      ends one `start`: a subscription filter is invalid or exceeds a limit of AppSync
"""

from collections.abc import Iterable, Sequence
from typing import Final

UNAUTHORIZED_EXCEPTION: Final = "UnauthorizedException"
INVALID_SIGNATURE: Final = "InvalidSignatureException"
NOT_AUTHORIZED: Final = "You are not authorized to make this call."
NO_VALID_CREDENTIAL: Final = "Valid authorization header not provided."


class EngineError(Exception):
    """Root of all errors that this package raises on purpose."""


class ApiInvalid(EngineError):
    """Schema, API or code is invalid; `problems` has one sentence for each fault, with file and line if known."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("the API cannot be served:\n" + "\n".join(f"  - {problem}" for problem in self.problems))


class PortInUse(EngineError):
    """Another process listens on the engine's port."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        super().__init__(
            f"port {port} on {host} is in use by another process; stop that process, or choose another port"
        )


class RequestRefused(EngineError):
    """A request that is answered with a 4xx status and one error; `error_type` is also sent as `x-amzn-errortype`."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        self.status = status
        self.error_type = error_type
        self.message = message
        super().__init__(message)


class OperationInvalid(EngineError):
    """An operation that does not fit the schema; `entries` are sent in `errors`, with status 200."""

    def __init__(self, entries: Sequence[dict[str, object]]) -> None:
        self.entries = list(entries)
        super().__init__("; ".join(str(entry["message"]) for entry in entries))


class ResponseTooLarge(EngineError):
    """A response or a pushed event with more values than the engine allows."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the response has more than {limit} values in its lists; ask for less at once")


class FieldError(EngineError):
    """A field that becomes null, with one entry in `errors`; `type`, `data` and `info` are as in `util.error`."""

    def __init__(self, message: str, type: str | None = None, data: object = None, info: object = None) -> None:  # noqa: A002
        self.message = message
        self.type = type
        self.data = data
        self.info = info
        super().__init__(message)


class FieldUnauthorized(FieldError):
    """A field that this caller may not use."""

    def __init__(self, type_name: str, field: str) -> None:
        super().__init__(f"Not Authorized to access {field} on type {type_name}", "Unauthorized")


class SourceFailed(EngineError):
    """A data source that failed.

    Args:
        type: Such as `DynamoDB:ConditionalCheckFailedException`.
        message: The service's message.
        result: The value of `ctx.result` in spite of the error.
    """

    def __init__(self, type: str, message: str, result: object = None) -> None:  # noqa: A002
        self.type = type
        self.message = message
        self.result = result
        super().__init__(f"{type}: {message}")


class FunctionFailed(SourceFailed):
    """A Lambda invocation without a result.

    Args:
        type: Such as `Lambda:Unhandled` or `Lambda:ExecutionTimeoutException`.
        message: The message of the function or of the service.
        name: The class name of the exception that the function raised; None if it raised none.
    """

    def __init__(self, type: str, message: str, name: str | None = None) -> None:  # noqa: A002
        self.name = name
        super().__init__(type, message)


class ScriptFailed(EngineError):
    """A JavaScript call that raised an exception or exceeded a limit.

    Args:
        message: Sent to the caller; starts with `code.js:line:column: `.
        trace: The stack of the code, innermost frame first, each with file, line and column.
    """

    def __init__(self, message: str, trace: tuple[str, ...] = ()) -> None:
        self.message = message
        self.trace = trace
        super().__init__(message)


class FilterInvalid(EngineError):
    """A subscription filter that AppSync rejects; the message names the fault or the limit."""


def unauthorized(message: str = NOT_AUTHORIZED) -> RequestRefused:
    """The error for a missing or invalid credential."""
    return RequestRefused(401, UNAUTHORIZED_EXCEPTION, message)


def throttled() -> RequestRefused:
    """The refusal of a request for which there is no capacity now; the client may send it again."""
    return RequestRefused(429, "TooManyRequestsException", "Rate Exceeded.")
