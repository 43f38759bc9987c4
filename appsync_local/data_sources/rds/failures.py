"""The errors of databases."""

from appsync_local.errors import EngineError


class DatabaseUnusable(EngineError):
    """A URL that is not one of a supported database, or a library that is missing; the message says what to do."""


class DatabaseFailed(EngineError):
    """A statement that the database rejected; the message is the database's."""


class DatabaseLost(EngineError):
    """The database cannot be reached, or closed the connection; the message says why."""


def unknown_parameter(name: str) -> DatabaseFailed:
    """The error for a placeholder without a parameter. Source: the RDS Data API's text."""
    return DatabaseFailed(f"Cannot find parameter: {name}")
