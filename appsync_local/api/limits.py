"""The limits of requests, connections and operations; the owner of an API sets some of them.

Source: AppSync Developer Guide, "Configuring GraphQL run complexity, query depth, and introspection", and "Quotas".
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

DEEPEST: Final = 75
MOST_RESOLVERS: Final = 10_000
MOST_INVALIDATIONS: Final = 5  # per request
# Seconds for one request. A data source times out after AppSync's 30 seconds, and the field's code handles that error.
# This limit ends what continues afterwards, such as the next call of a pipeline.
REQUEST_LIMIT: Final = 30.5
CODE_TIME: Final = 3.0  # seconds for all resolver code of one request; other requests wait for it
VALUE_LIMIT: Final = 1_000_000  # values in the lists of one response; they take about a second to complete
RESULT_LIMIT: Final = 5 * 1024 * 1024  # bytes of JSON that a resolver or a pipeline function may return
BODY_LIMIT: Final = 1024 * 1024  # bytes of one request, or of one realtime message
BODY_TIME: Final = 30.0  # seconds for a request's body to arrive
IDLE_LIMIT: Final = 75.0  # seconds for a connection to send the head of its first or next request
FIRST_MESSAGE_LIMIT: Final = 75.0  # seconds for a realtime connection to send its first message
LONGEST_ID: Final = 128  # characters of a subscription's id
SUBSCRIPTION_WEIGHT: Final = 50_000  # fields of all subscriptions of one connection: 250 for each of 200
LIFETIME: Final = 24 * 3600.0  # seconds of a realtime connection


class Introspection(Enum):
    """Whether clients may query the schema."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one operation.

    Args:
        introspection: If it is disabled, `__schema` and `__type` do not exist; `__typename` does.
        depth: The number of levels of fields that are answered, leaves included, 1 to 75; 0: no limit.
        resolvers: The number of resolvers that run for one request, 1 to 10,000.
    """

    introspection: Introspection = Introspection.ENABLED
    depth: int = 0
    resolvers: int = MOST_RESOLVERS


DEFAULT_LIMITS: Final = Limits()
