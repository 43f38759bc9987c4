"""Limits that an API's owner sets on its operations.

Source: AppSync Developer Guide, "Configuring GraphQL run complexity, query depth, and introspection", and "Quotas".
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

DEEPEST: Final = 75
MOST_RESOLVERS: Final = 10_000
MOST_INVALIDATIONS: Final = 5  # per request
# Seconds for one request. A data source that takes AppSync's 30 seconds is told so first, and its field's code decides;
# this ends what goes on regardless, such as the next call of a pipeline.
REQUEST_LIMIT: Final = 30.5
CODE_TIME: Final = 3.0  # seconds for all the resolver code of one request, which nothing else runs beside
VALUE_LIMIT: Final = 1_000_000  # values in the lists of one response: what is made of them in about a second
BODY_LIMIT: Final = 1024 * 1024  # bytes of one request, or of one realtime message
BODY_TIME: Final = 30.0  # seconds for a request's body to arrive
IDLE_LIMIT: Final = 75.0  # seconds for a connection to bring the head of a request, its first one or its next one
FIRST_MESSAGE_LIMIT: Final = 75.0  # seconds for a realtime connection to say something
LONGEST_ID: Final = 128  # characters of a subscription's id
SUBSCRIPTION_WEIGHT: Final = 50_000  # of all subscriptions of one connection: 250 for each of 200
LIFETIME: Final = 24 * 3600.0  # seconds


class Introspection(Enum):
    """Whether clients may ask for the schema."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one operation may ask for.

    Args:
        introspection: Where it is disabled, `__schema` and `__type` do not exist; `__typename` does.
        depth: Levels of fields that are answered, leaves included; 0: any number.
        resolvers: Resolvers that run for one request, at most 10,000.
    """

    introspection: Introspection = Introspection.ENABLED
    depth: int = 0
    resolvers: int = MOST_RESOLVERS


DEFAULT_LIMITS: Final = Limits()
