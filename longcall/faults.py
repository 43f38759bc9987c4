"""GraphQL errors as AppSync writes them, and what each kind means for the caller. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from longcall.errors import GraphQLFault, NotAuthorized, RequestRejected, Throttled

# Beginnings of error types, without the data source's name and without the Java package.
THROTTLING_TYPES: Final = (
    "LimitExceeded",
    "MaxSubscriptionsReached",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "Throttl",
    "TooManyRequests",
)
THROTTLING_MESSAGES: Final = ("rate exceeded", "rate limit exceeded")  # beginnings, in lower case


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


def is_throttled(faults: Sequence[GraphQLFault]) -> bool:
    """Whether the API, or a service behind it, had no capacity for the request.

    Source: AppSync Developer Guide, "Troubleshooting"; AWS Lambda API Reference, Invoke ("Rate Exceeded.").
    """
    return any(
        _base_type(fault).startswith(THROTTLING_TYPES) or fault.message.lower().startswith(THROTTLING_MESSAGES)
        for fault in faults
    )


def rejection(faults: Sequence[GraphQLFault]) -> NotAuthorized | RequestRejected:
    """The error for the GraphQL errors of a request."""
    if is_token_refused(faults):
        return token_refused(faults)
    return Throttled(faults) if is_throttled(faults) else RequestRejected(faults)


def _base_type(fault: GraphQLFault) -> str:
    return (fault.error_type or "").rpartition("#")[2].rpartition(":")[2]
