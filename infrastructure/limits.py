"""What one invocation of each handler may use, and how many may run at once; with the limits that AWS sets to both."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

MEMORY: Final = (128, 10_240)  # megabytes of a function
UNRESERVED_BY_LAMBDA: Final = 100  # invocations of an account that no function can reserve
DEFAULT_ACCOUNT_CONCURRENCY: Final = 1000  # invocations at once in one region; a new account may have 10


@dataclass(frozen=True, slots=True)
class Limits:
    """What one invocation of a handler may use."""

    timeout: int  # seconds
    memory_mb: int


LIMITS: Final[Mapping[str, Limits]] = {
    "inference": Limits(900, 512),
    "status_relay": Limits(10, 512),
    "authorizer": Limits(10, 256),
    "job_failed": Limits(60, 256),
    "sweep": Limits(60, 256),
}

# The longest useful time-out in seconds, and what happens with a longer one.
# Source: Lambda quotas; AppSync Developer Guide, "Quotas" and "AWS_LAMBDA authorization".
LONGEST: Final[Mapping[str, tuple[int, str]]] = {
    "inference": (900, "Lambda ends the invocation first, after 900 s"),
    "status_relay": (29, "AppSync, which waits 30 s, answers first"),
    "authorizer": (10, "AppSync, which waits 10 s, denies access first"),
    "job_failed": (900, "Lambda ends the invocation first, after 900 s"),
    "sweep": (60, "the next sweep, after 60 s, finds no capacity"),
}

# Invocations at once of each handler but `inference`, whose number is the stage's `jobs`. A reservation is a guarantee
# and a limit: work that nobody waits for (`job_failed`, `sweep`) cannot take the capacity of the calls that somebody
# waits for (`status_relay`, `authorizer`), and those have capacity of their own.
Reservations = Mapping[str, int]
UNRESERVED: Final[Reservations] = {}  # every handler shares what the account has
FOR_DEVELOPMENT: Final[Reservations] = {"status_relay": 40, "authorizer": 20, "job_failed": 5, "sweep": 1}
FOR_PRODUCTION: Final[Reservations] = {"status_relay": 200, "authorizer": 50, "job_failed": 10, "sweep": 1}


def limit_problems(limits: Mapping[str, Limits]) -> Iterator[str]:
    """A sentence for each time-out that is longer than the handler's caller waits, and for what Lambda does not take.

    Source: AWS Lambda API Reference, CreateFunction, Timeout and MemorySize.
    """
    least, most = MEMORY
    for handler, (longest, reason) in LONGEST.items():
        limit = limits[handler]
        if limit.timeout > longest:
            yield f"the time-out of {handler} must be at most {longest}, but is {limit.timeout}: otherwise {reason}"
        if limit.timeout < 1:
            yield f"the time-out of {handler} must be 1 or more seconds, but is {limit.timeout}: Lambda takes no other"
        if not least <= limit.memory_mb <= most:
            yield (
                f"the memory of {handler} must be {least} to {most} megabytes, but is {limit.memory_mb}: "
                "Lambda takes no other"
            )


def reservation_problems(reserved: int, account: int) -> Iterator[str]:
    """A sentence if a stage reserves more invocations at once than its account can reserve.

    Source: AWS Lambda Developer Guide, "Configuring reserved concurrency".
    """
    available = max(0, account - UNRESERVED_BY_LAMBDA)
    if reserved > available:
        yield (
            f"the stage reserves {reserved} invocations at once, but the account may reserve {available}: its quota "
            f"(account_concurrency) is {account}, and Lambda keeps {UNRESERVED_BY_LAMBDA} unreserved; reserve less, "
            "ask AWS for more, or set reserved=UNRESERVED and jobs=None"
        )
