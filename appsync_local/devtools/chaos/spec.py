"""The specification of faults: their rates and the seed, such as `drop=0.3,delay=50ms,seed=7`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

from appsync_local.errors import EngineError


class Fault(StrEnum):
    """The faults. Each except DELAY has a rate: the fraction of cases in which it happens.

    Source: AppSync Developer Guide, "Monitoring", on events that are not delivered; Lambda Developer Guide, "How Lambda
    handles errors and retries with asynchronous invocation".
    """

    # to a push: a `data` message on its way to one subscription
    DROP = "drop"  # it never arrives
    DUPLICATE = "duplicate"  # it arrives twice
    REORDER = "reorder"  # it arrives after pushes of the same socket that were sent after it
    DELAY = "delay"  # it arrives late, in order, by up to the duration given
    AFTER_START_ACK = "after_start_ack"  # it never arrives, being one of the first after its subscription's `start_ack`
    DISCONNECT = "disconnect"  # the socket is cut instead
    # to an attempt at an asynchronous invocation (`Event`)
    CRASH = "crash"  # its process is killed at a random time, at the latest when it answers
    TWICE = "twice"  # the event is delivered a second time with the same request id, during or after the first
    THROTTLE = "throttle"  # it is refused, and the event waits in the queue, longer each time
    # to an HTTP request that is signed with IAM, such as those of publishers
    LOST_ANSWER = "lost_answer"  # it is executed, and the connection is closed without an answer
    SERVER_ERROR = "5xx"  # it is answered with 503, and not executed


SEED: Final = "seed"
DEFAULT_SEED: Final = 1
LONGEST_DELAY: Final = 60.0  # seconds

_NUMBER: Final = r"\d+(?:\.\d+)?|\.\d+"
_RATE: Final = re.compile(_NUMBER, re.ASCII)
_DURATION: Final = re.compile(rf"({_NUMBER})(ms|s)", re.ASCII)
_SEED: Final = re.compile(r"\d{1,18}", re.ASCII)


class ChaosInvalid(EngineError):
    """The specification is invalid; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class ChaosSpec:
    """The faults that happen.

    Attributes:
        rates: By fault: the fraction of cases, greater than 0 and at most 1. Missing faults do not happen.
        delay: The maximum delay of a push, in seconds.
        seed: The seed of all random decisions.
    """

    rates: Mapping[Fault, float] = field(default_factory=dict)
    delay: float = 0.0
    seed: int = DEFAULT_SEED

    def has(self, fault: Fault) -> bool:
        return self.delay > 0 if fault is Fault.DELAY else fault in self.rates

    @property
    def is_calm(self) -> bool:
        """Whether no fault is on."""
        return not self.rates and self.delay == 0

    def __str__(self) -> str:
        """The specification in the form that `parse_chaos` reads; empty if no fault is on."""
        if self.is_calm:
            return ""
        parts = [f"{fault}={_decimal(rate)}" for fault, rate in self.rates.items()]
        if self.delay:
            parts.append(f"{Fault.DELAY}={_decimal(self.delay)}s")
        return ",".join([*parts, f"{SEED}={self.seed}"])


def _decimal(number: float) -> str:
    return f"{Decimal(repr(number)):f}"  # exact, and without an exponent


CALM: Final = ChaosSpec()


def parse_chaos(text: str) -> ChaosSpec:
    """Read a specification: `name=value` pairs, joined by commas; empty for no faults.

    Raises:
        ChaosInvalid: A name is unknown or repeated, or a value is invalid.
    """
    values: dict[str, str] = {}
    for part in text.split(",") if text else ():
        name, equals, value = part.partition("=")
        if name not in {*Fault, SEED}:
            raise ChaosInvalid(_unknown(name))
        if not equals:
            raise ChaosInvalid(f"each part of a chaos specification must be name=value, but {part!r} has no value")
        if name in values:
            raise ChaosInvalid(f"a name may occur once in a chaos specification, but {name} is repeated")
        values[name] = value
    rates = {fault: _rate(fault, values[fault]) for fault in Fault if fault in values and fault is not Fault.DELAY}
    return ChaosSpec(
        rates={fault: rate for fault, rate in rates.items() if rate > 0},
        delay=_delay(values[Fault.DELAY]) if Fault.DELAY in values else 0.0,
        seed=_seed(values[SEED]) if SEED in values else DEFAULT_SEED,
    )


def _unknown(name: str) -> str:
    names = [*(fault.value for fault in Fault), SEED]
    near = get_close_matches(name, names, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"unknown fault {name!r}.{hint} Faults: {', '.join(names)}"


def _rate(fault: Fault, value: str) -> float:
    if not _RATE.fullmatch(value) or float(value) > 1:
        raise ChaosInvalid(f"{fault} must be a rate from 0 to 1, such as {fault}=0.1, but is {value!r}")
    return float(value)


def _delay(value: str) -> float:
    found = _DURATION.fullmatch(value)
    seconds = float(found[1]) / (1000 if found[2] == "ms" else 1) if found else LONGEST_DELAY + 1
    if seconds > LONGEST_DELAY:
        raise ChaosInvalid(
            f"delay must be a duration up to {LONGEST_DELAY:g}s, such as delay=50ms or delay=1.5s, but is {value!r}"
        )
    return seconds


def _seed(value: str) -> int:
    if not _SEED.fullmatch(value):
        raise ChaosInvalid(f"seed must be a whole number of at most 18 digits, such as seed=7, but is {value!r}")
    return int(value)
