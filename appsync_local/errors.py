"""What the engine raises, named for what each error ends.

EngineError
├── ApiInvalid         the engine does not start: schema, wiring or code; one line per problem
├── PortInUse          the engine does not start: somebody else listens there
├── RequestRefused     ends one HTTP request or one realtime connection, before any field is resolved
├── OperationInvalid   ends one operation before it runs: syntax, validation, variables
├── AnswerTooLarge     ends one operation while it is answered, or the push of one event
├── FieldError         ends one field; the caller sees it in `errors`
│   └── FieldUnauthorized
├── SourceFailed       ends one data source's work; becomes `ctx.error` of the resolver
│   └── FunctionFailed     ends one Lambda invocation
├── ScriptFailed       ends one JavaScript call
└── FilterInvalid      ends one `start`: a subscription filter outside AppSync's limits
"""

from collections.abc import Iterable, Sequence
from typing import Final

UNAUTHORIZED_EXCEPTION: Final = "UnauthorizedException"
NOT_AUTHORIZED: Final = "You are not authorized to make this call."
NO_VALID_CREDENTIAL: Final = "Valid authorization header not provided."


class EngineError(Exception):
    """Root of everything this package raises on purpose."""


class ApiInvalid(EngineError):
    """Schema, wiring or code cannot be served; `problems` has one sentence each, with file and line where known."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("the API cannot be served:\n" + "\n".join(f"  - {problem}" for problem in self.problems))


class PortInUse(EngineError):
    """Another process listens where the engine was told to."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        super().__init__(
            f"port {port} on {host} is in use by another process; stop that process, or choose another port"
        )


class RequestRefused(EngineError):
    """A request that AppSync answers with a 4xx and one error; `error_type` also goes into `x-amzn-errortype`."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        self.status = status
        self.error_type = error_type
        self.message = message
        super().__init__(message)


class OperationInvalid(EngineError):
    """An operation that does not fit the schema; `entries` is what AppSync answers in `errors`, with status 200."""

    def __init__(self, entries: Sequence[dict[str, object]]) -> None:
        self.entries = list(entries)
        super().__init__("; ".join(str(entry["message"]) for entry in entries))


class AnswerTooLarge(EngineError):
    """A response, or a pushed event, of more values than the engine puts together."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the response has more than {limit} values in its lists; ask for less at once")


class FieldError(EngineError):
    """A field that becomes null with one entry in `errors`; `type`, `data` and `info` as `util.error` takes them."""

    def __init__(self, message: str, type: str | None = None, data: object = None, info: object = None) -> None:  # noqa: A002
        self.message = message
        self.type = type
        self.data = data
        self.info = info
        super().__init__(message)


class FieldUnauthorized(FieldError):
    """A field that this caller may not read or call."""

    def __init__(self, type_name: str, field: str) -> None:
        super().__init__(f"Not Authorized to access {field} on type {type_name}", "Unauthorized")


class SourceFailed(EngineError):
    """A data source that did not do what it was asked for.

    Args:
        type: Such as `DynamoDB:ConditionalCheckFailedException`.
        message: What the service said.
        result: What the resolver sees as `ctx.result` nevertheless.
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
        message: What the function, or the service, said.
        name: The name of the function's own exception, where it raised one.
    """

    def __init__(self, type: str, message: str, name: str | None = None) -> None:  # noqa: A002
        self.name = name
        super().__init__(type, message)


class ScriptFailed(EngineError):
    """A JavaScript call that ended in an exception or at a limit.

    Args:
        message: What the caller sees; starts with `code.js:line:column: `.
        trace: The code's own stack, innermost first, each with file, line and column.
    """

    def __init__(self, message: str, trace: tuple[str, ...] = ()) -> None:
        self.message = message
        self.trace = trace
        super().__init__(message)


class FilterInvalid(EngineError):
    """A subscription filter that AppSync refuses; the message names the limit."""


def unauthorized(message: str = NOT_AUTHORIZED) -> RequestRefused:
    """The refusal of a credential, or of none."""
    return RequestRefused(401, UNAUTHORIZED_EXCEPTION, message)
