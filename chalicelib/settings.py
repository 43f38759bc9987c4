"""What each handler reads from its environment: once, and every problem reported together."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from chalicelib.api.calls import Reporting
from chalicelib.jobs.errors import MissingSettings
from chalicelib.jobs.rules import Lease
from chalicelib.publisher.policies import SIZE, Bytes, CostShare, FlushPolicy, Interval, PolicyName
from chalicelib.supervision.diagnosis import Patience

T = TypeVar("T")
Choice = TypeVar("Choice", bound=StrEnum)


class Reader:
    """Reads environment variables and collects every problem, so that `check` reports all of them at once.

    An unset or empty variable gives the default. A wrong value is noted as a problem, and the default is returned.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._problems: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        value = self._environment.get(name) or default
        if value is None:
            self._problems.append(f"{name} is not set")
            return ""
        return value

    def number(self, name: str, default: float, *, least: float) -> float:
        return self._parsed(
            name, default, float, lambda value: math.isfinite(value) and value >= least, f">= {least:g}"
        )

    def count(self, name: str, default: int, *, least: int) -> int:
        return self._parsed(name, default, int, lambda value: value >= least, f"a whole number >= {least}")

    def optional(self, name: str, parse: Callable[[str], T], words: str) -> T | None:
        return self._parsed(name, None, parse, lambda _: True, words)

    def choice(self, name: str, default: Choice) -> Choice:
        kind = type(default)
        return self._parsed(name, default, kind, lambda _: True, f"one of {', '.join(kind)}")

    def _parsed(self, name: str, default: T, parse: Callable[[str], T], fits: Callable[[T], bool], words: str) -> T:
        text = self._environment.get(name)
        if not text:
            return default
        try:
            value = parse(text)
        except ValueError:
            value = None
        if value is None or not fits(value):
            self._problems.append(f"{name} has to be {words}, and is {text!r}")
            return default
        return value

    def check(self) -> None:
        """Raises: MissingSettings: A variable is missing or wrong; the message lists all of them."""
        if self._problems:
            raise MissingSettings(self._problems)


def _flush_policy(reader: Reader) -> FlushPolicy:
    size = reader.count("LONGCALL_FLUSH_BYTES", SIZE, least=1)
    seconds = reader.number("LONGCALL_FLUSH_SECONDS", 0.5, least=0.0)
    staleness = reader.number("LONGCALL_FLUSH_STALENESS", 2.0, least=0.0)
    share = reader.number("LONGCALL_FLUSH_SHARE", 0.1, least=0.0)
    match reader.choice("LONGCALL_FLUSH_POLICY", PolicyName.INTERVAL):
        case PolicyName.INTERVAL:
            return Interval(seconds, size)
        case PolicyName.BYTES:
            return Bytes(size, staleness)
        case PolicyName.COST:
            return CostShare(share, staleness, size)


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """`status_relay`: where the log is, and the stage's rules."""

    ledger: str  # sqlite:<path> or dynamodb:<table>
    retention: timedelta
    quota: int  # unfinished jobs an owner may have
    lease: Lease
    models: tuple[str, ...]  # that callers may ask for; `*` stands for any text
    flush_policy: FlushPolicy  # as the workers have it
    reporting: Reporting  # how the workers prove themselves

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "RelaySettings":
        """Raises: MissingSettings."""
        reader = Reader(environment)
        settings = cls(
            ledger=reader.text("LONGCALL_LEDGER"),
            retention=timedelta(days=reader.number("LONGCALL_RETENTION_DAYS", 7.0, least=0.01)),
            quota=reader.count("LONGCALL_QUOTA", 10, least=1),
            lease=Lease(
                duration=timedelta(seconds=reader.number("LONGCALL_LEASE_SECONDS", 30.0, least=3.0)),
                renewal=timedelta(seconds=reader.number("LONGCALL_LEASE_SECONDS", 30.0, least=3.0) / 3),
            ),
            models=tuple(reader.text("LONGCALL_MODELS", "*").split(",")),
            flush_policy=_flush_policy(reader),
            reporting=reader.choice("LONGCALL_REPORTING", Reporting.SIGNATURE),
        )
        reader.check()
        return settings


@dataclass(frozen=True, slots=True)
class AuthorizerSettings:
    """`authorizer`: whose tokens count."""

    issuer: str
    jwks_url: str
    client_id: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "AuthorizerSettings":
        """Raises: MissingSettings."""
        reader = Reader(environment)
        issuer = reader.text("LONGCALL_ISSUER")
        settings = cls(
            issuer=issuer,
            # OpenID Connect Discovery puts the keys of a Cognito pool here; a local issuer serves them elsewhere.
            jwks_url=reader.text("LONGCALL_JWKS_URL", f"{issuer}/.well-known/jwks.json"),
            client_id=reader.text("LONGCALL_CLIENT_ID"),
        )
        reader.check()
        return settings


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """`inference` and the supervisors: where to publish, and how to prove who does."""

    api_url: str
    region: str
    api_key: str | None  # None: sign with this function's role

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "EndpointSettings":
        """Raises: MissingSettings."""
        reader = Reader(environment)
        settings = cls(
            api_url=reader.text("LONGCALL_API_URL"),
            region=reader.text("AWS_REGION"),
            api_key=reader.text("LONGCALL_API_KEY", "") or None,
        )
        reader.check()
        return settings


@dataclass(frozen=True, slots=True)
class ObjectSettings:
    """`inference` and `status_relay`: where that is which is too large for the log."""

    bucket: str | None  # None: it is refused

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "ObjectSettings":
        return cls(bucket=environment.get("LONGCALL_BUCKET") or None)


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """`inference`: how often a job reports, and what is metered."""

    flush_policy: FlushPolicy  # when gathered output goes out
    heartbeat: float  # seconds of silence after which the worker says that it is alive
    megabytes: int  # memory of the function

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "WorkerSettings":
        """Raises: MissingSettings."""
        reader = Reader(environment)
        settings = cls(
            flush_policy=_flush_policy(reader),
            heartbeat=reader.number("LONGCALL_HEARTBEAT_SECONDS", 1.0, least=0.05),
            megabytes=reader.count("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 512, least=1),  # set by Lambda
        )
        reader.check()
        return settings


@dataclass(frozen=True, slots=True)
class SweepSettings:
    """`sweep`: where the log is, and how long a job may be silent."""

    ledger: str
    patience: Patience

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "SweepSettings":
        """Raises: MissingSettings."""
        reader = Reader(environment)
        settings = cls(
            ledger=reader.text("LONGCALL_LEDGER"),
            patience=Patience(
                redispatch=timedelta(seconds=reader.number("LONGCALL_REDISPATCH_SECONDS", 120.0, least=1.0)),
                # Lambda keeps an event for an hour here; a retry follows a crash after 2 minutes at the latest.
                never_started=timedelta(seconds=reader.number("LONGCALL_NEVER_STARTED_SECONDS", 3900.0, least=1.0)),
                stalled=timedelta(seconds=reader.number("LONGCALL_STALLED_SECONDS", 300.0, least=1.0)),
            ),
        )
        reader.check()
        return settings
