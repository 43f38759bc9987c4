"""The interface of a data source, and the errors of malformed request objects."""

from typing import Final, Protocol

from appsync_local.errors import FieldError
from appsync_local.javascript.context import FieldContext

EXECUTION_LIMIT: Final = 30.0  # seconds; Source: AppSync quotas, "request execution time"


class DataSource(Protocol):
    """One data source."""

    async def execute(self, request: object, context: FieldContext) -> object:
        """Execute a request object.

        Args:
            request: The return value of the request handler.
            context: The field that is resolved, and its caller.

        Returns:
            `ctx.result`, as JSON values.

        Raises:
            SourceFailed: The data source failed; the error becomes `ctx.error`.
            FieldError: The request object is malformed; the error ends the field.
        """


def malformed(message: str) -> FieldError:
    """The error for a request object that AppSync does not accept."""
    return FieldError(message, "MappingTemplate")


def not_found(member: str) -> FieldError:
    """The error for a request object without a required member."""
    return malformed(f"Value for field '$[{member}]' not found.")
