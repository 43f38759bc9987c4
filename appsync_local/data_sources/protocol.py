"""What all data sources have in common."""

from typing import Final, Protocol

from appsync_local.errors import FieldError
from appsync_local.javascript.context import FieldContext

EXECUTION_LIMIT: Final = 30.0  # seconds; Source: AppSync quotas, "request execution time"


class DataSource(Protocol):
    """One data source."""

    async def execute(self, request: object, asked: FieldContext) -> object:
        """Carry out a request object and give its result.

        Args:
            request: What the request handler answered.
            asked: For whom and for which field.

        Raises:
            SourceFailed: The data source failed; becomes `ctx.error`.
            FieldError: The request object is malformed; ends the field.
        """


def malformed(message: str) -> FieldError:
    """The error of a request object that AppSync cannot read."""
    return FieldError(message, "MappingTemplate")


def not_found(member: str) -> FieldError:
    """The error of a request object that lacks a member."""
    return malformed(f"Value for field '$[{member}]' not found.")
