"""The operation log: one line per operation, and one line per resolver step.

These are two loggers, so that each can be enabled alone. A line never contains a token, a variable, a prompt or a
result. Texts from clients and resolvers, such as error types, are shown without control characters.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from appsync_local.api.model import AuthMode
from appsync_local.authorization.caller import Caller
from appsync_local.errors import FieldError

operations: Final = logging.getLogger("appsync_local.operations")
steps: Final = logging.getLogger("appsync_local.steps")

OK: Final = "ok"
_LONGEST: Final = 120  # characters of a name


# The embedder's fields of an operation's line, from its variables and its `data`; must not contain secrets.
LogFields = Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, str]]


def no_log_fields(_: Mapping[str, Any], __: Mapping[str, Any]) -> Mapping[str, str]:
    """The embedder has no fields."""
    return {}


@dataclass(slots=True)
class OperationRecord:
    """The line of one operation. It is completed while the operation runs.

    Args:
        operation: The type and name of the operation, or another action of a client, such as `connect`.
        caller: The caller, once authenticated.
        outcome: `ok`, or the types of the errors.
        fields: The embedder's, see `LogFields`.
    """

    operation: str
    caller: Caller | None = None
    outcome: str = OK
    fields: Mapping[str, str] = field(default_factory=dict)

    def write(self, seconds: float) -> None:
        if not operations.isEnabledFor(logging.INFO):
            return
        who, milliseconds = caller_name(self.caller), seconds * 1000
        operation, outcome = printable(self.operation), printable(self.outcome)
        operations.info(
            "%s %s %.1f ms %s", operation, who, milliseconds, outcome,
            extra={
                "event": "operation", "operation": operation, "caller": who,
                "milliseconds": milliseconds, "outcome": outcome, **self.fields,
            },
        )  # fmt: skip


class StepRecord:
    """The line of one resolver or pipeline function, written when its `with` block ends.

    `outcome` is as in `OperationRecord`.

    Args:
        field: `Type.field`.
        code: Name of the code file.
        source: Name of the data source.
    """

    def __init__(self, field: str, code: str, source: str) -> None:
        self.outcome = OK
        self._step = field if code == field else f"{field} › {code}"
        self._source = source
        self._started = time.perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        milliseconds = (time.perf_counter() - self._started) * 1000
        if isinstance(error, FieldError):
            self.outcome = error.type or "error"
        steps.info(
            "%s on %s %.1f ms %s", self._step, self._source, milliseconds, printable(self.outcome),
            extra={
                "event": "step", "step": self._step, "source": self._source,
                "milliseconds": milliseconds, "outcome": printable(self.outcome),
            },
        )  # fmt: skip


def caller_name(caller: Caller | None) -> str:
    """The name of a caller, if there is one, and the authorization mode."""
    if caller is None:
        return "nobody"
    identity = caller.identity or {}
    if caller.mode is AuthMode.LAMBDA:
        context = identity.get("resolverContext")
        identity = context if isinstance(context, Mapping) else {}
    named = next((str(identity[key]) for key in ("username", "sub") if identity.get(key)), "")
    return printable(f"{named} ({caller.mode.value})" if named else f"({caller.mode.value})")


def outcome_of(result: Mapping[str, Any]) -> str:
    """The outcome of an operation, from its response: `ok`, or the types of its errors."""
    errors = result.get("errors")
    if not errors:
        return OK
    return ", ".join(dict.fromkeys(str(error.get("errorType") or "error") for error in errors))


def printable(text: str) -> str:
    """The text without control characters, shortened to at most 120 characters."""
    shown = text
    if not text.isprintable():
        shown = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
