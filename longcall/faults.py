"""GraphQL errors as AppSync writes them, and what each kind means for the caller. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from longcall.errors import GraphQLFault, NotAuthorized


def parse_faults(errors: Any) -> tuple[GraphQLFault, ...]:
    """Read an `errors` list as AppSync writes it: flat entries, with `errorType` beside `message`."""
    entries = errors if isinstance(errors, list) else [errors]
    return tuple(
        GraphQLFault(str(entry.get("message") or entry.get("errorType") or "no message"), entry.get("errorType"))
        for entry in entries
        if isinstance(entry, Mapping)
    )


def is_token_refused(faults: Sequence[GraphQLFault]) -> bool:
    """Whether the API refused the token itself, rather than one field for this caller.

    Source: captures of the service show the type both plain and with a Java package before it.
    """
    return any((fault.error_type or "").rpartition("#")[2] == "UnauthorizedException" for fault in faults)


def token_refused(faults: Sequence[GraphQLFault]) -> NotAuthorized:
    """The error for a refused token, with the API's message where there is one."""
    message = f" ({faults[0].message})" if faults else ""
    return NotAuthorized(f"the API refused this token{message}; sign in again, or check which user and mode it is for")
