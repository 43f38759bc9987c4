"""What a stage is, and the check that its settings fit together and keep the limits of AWS.

A stage's settings reach the functions through their environments, on AWS and in the local stack with `--stage`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from appsync_local.api.limits import Limits as OperationLimits
from chalicelib.api.calls import Reporting
from chalicelib.jobs.timing import FOR_STAGE, contradictions
from chalicelib.publisher.policies import PolicyName
from infrastructure.limits import (
    DEFAULT_ACCOUNT_CONCURRENCY,
    FOR_DEVELOPMENT,
    LIMITS,
    Limits,
    Reservations,
    limit_problems,
    reservation_problems,
)
from infrastructure.protection import (
    OPERATION,
    RateRule,
    SignIn,
    operation_problems,
    rate_problems,
    sign_in_problems,
)
from longcall.stages import OpenAIServer as OpenAIServer  # stages take it from here
from longcall.stages import Right

REQUIREMENTS: Final = "requirements.txt"
REQUIREMENTS_WITH_OPENAI: Final = "requirements/lambda-openai.txt"
LOG_DAYS: Final = (1, 7, 30, 90, 365)  # a selection of the values that CloudWatch Logs accepts
RETRY_PAUSE: Final = 120  # seconds at most that Lambda waits before it retries a failed asynchronous invocation
FIRST_RETRY_PAUSE: Final = 60  # seconds that it waits before the first retry
EVENT_AGES: Final = (60, 21_600)  # seconds: what Lambda accepts as the maximum age of an event
DAY: Final = 86_400  # seconds
DEAD_LETTER_DAYS: Final = (1, 14)  # what SQS keeps a message for, in whole days


class Data(Enum):
    """What happens to jobs, users and logs when the stack is destroyed."""

    DESTROYED = "destroyed"
    RETAINED = "retained"  # and table, pool and stack are protected against deletion


class SecondFactor(Enum):
    """Whether users may ask for a one-time code at sign-in."""

    OFF = "off"
    OPTIONAL = "optional"


class SignUp(Enum):
    """Who may create users."""

    OPERATOR = "operator"
    ANYBODY = "anybody"  # with the app client's id, which is public


class StageInvalid(Exception):
    """Settings of a stage contradict each other, or a limit of AWS."""

    def __init__(self, name: str, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__(f"stage {name} cannot be deployed: {'; '.join(problems)}")


@dataclass(frozen=True, slots=True)
class Stage:
    """One deployment of the stack.

    Attributes:
        name: Part of the stack's name; lower-case letters, digits and hyphens.
        data: What happens to the data when the stack is destroyed.
        second_factor: Whether users may ask for a one-time code.
        sign_up: Who may create users.
        sign_in: How users sign in, and with what passwords.
        operation: What one GraphQL operation may ask for, and whether clients may query the schema.
        waf: Requests of one IP address above which AWS WAF blocks it; None: the API has no firewall.
        reporting: How the worker authenticates when it reports.
        environment: Environment variables of the worker, for a project's own workloads.
        rights: What the worker may do besides, for a project's own workloads.
        workloads: Models that run in the worker itself; `*` matches any text.
        bedrock: Ids of models and inference profiles on Bedrock, or ARNs of anything that can be streamed from.
        guardrail: The guardrail of Bedrock for every call: its id or ARN, a colon, and a version; empty: none.
        openai: The server of models named `openai/…`. If there is one, the zip contains the library for it.
        jobs: Jobs that run at once, as the worker's reserved concurrency; further jobs wait in the queue. None: as many
            as the account's capacity allows.
        reserved: Reserved concurrency of the other handlers; a handler that is not named shares the account's capacity.
        account_concurrency: The account's quota of invocations at once, in the region of the stage.
        log_days: Days that logs are kept, one of `LOG_DAYS` and at least as long as a job.
        limits: Time-out and memory of each handler.
        quota: Unfinished jobs that one owner may have.
        retention_days: Life of a job.
        dead_letter_days: Days that operators have to look at a report that could not be delivered. It contains a
            prompt; it is erased earlier when the job is deleted.
        lease_seconds: Silence after which another invocation may take over a job.
        model_silence_seconds: How long a model on Bedrock may send no data before the call fails.
        flush: What decides when gathered output is sent: time, size, or the cost of publishing.
        flush_seconds: With `flush` by time: how long output is gathered.
        flush_bytes: The size at which output is sent.
        flush_staleness: With `flush` by size or cost: how long output is gathered at most.
        flush_share: With `flush` by cost: what publishing may cost, as a share of the model's cost.
        heartbeat_seconds: Silence after which a worker reports that it is alive, and learns whether it should stop.
        redispatch_seconds: Age at which a job that no worker has claimed is dispatched again.
        never_started_seconds: Silence after a second dispatch at which the job is failed.
        stalled_seconds: Silence after which a claimed job is failed.
        event_age_seconds: How long a start may wait for a free worker.
        console: Whether the web console is deployed too, with a page where users sign in.

    Raises:
        StageInvalid: Settings contradict each other, or a limit of AWS.
    """

    name: str
    data: Data
    second_factor: SecondFactor
    sign_up: SignUp
    reporting: Reporting
    workloads: tuple[str, ...]
    bedrock: tuple[str, ...]
    jobs: int | None
    log_days: int
    reserved: Reservations = field(default_factory=lambda: FOR_DEVELOPMENT)
    account_concurrency: int = DEFAULT_ACCOUNT_CONCURRENCY
    sign_in: SignIn = field(default_factory=SignIn)
    operation: OperationLimits = OPERATION
    waf: RateRule | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    rights: tuple[Right, ...] = ()
    guardrail: str = ""
    openai: OpenAIServer | None = None
    model_silence_seconds: float = 120
    limits: Mapping[str, Limits] = field(default_factory=lambda: LIMITS)
    quota: int = 10
    retention_days: float = 7
    dead_letter_days: int = 4
    lease_seconds: float = 30
    flush: PolicyName = PolicyName.INTERVAL
    flush_seconds: float = 0.5
    flush_bytes: int = 32_768
    flush_staleness: float = 2
    flush_share: float = 0.1
    heartbeat_seconds: float = 1
    redispatch_seconds: float = 120
    never_started_seconds: float = 3900
    stalled_seconds: float = 3900
    event_age_seconds: int = 3600
    console: bool = False

    def __post_init__(self) -> None:
        if problems := tuple(self._problems()):
            raise StageInvalid(self.name, problems)

    @property
    def models(self) -> tuple[str, ...]:
        """All models that callers may use."""
        return (*self.workloads, *self.bedrock, *(self.openai.models if self.openai else ()))

    @property
    def requirements(self) -> str:
        """The project's file that lists the libraries in the zip."""
        return REQUIREMENTS if self.openai is None else REQUIREMENTS_WITH_OPENAI

    @property
    def reserved_in_all(self) -> int:
        """Invocations at once that the stage reserves for all its handlers."""
        return sum(self.reserved.values()) + (self.jobs or 0)

    def reserved_for(self, handler: str) -> int | None:
        """Invocations at once that are reserved for a handler; None if it shares the account's capacity."""
        return self.jobs if handler == "inference" else self.reserved.get(handler)

    def _problems(self) -> Iterator[str]:
        """A sentence for each contradiction."""
        times = {
            "heartbeat_seconds": float(self.heartbeat_seconds),
            "lease_seconds": float(self.lease_seconds),
            "redispatch_seconds": float(self.redispatch_seconds),
            "never_started_seconds": float(self.never_started_seconds),
            "stalled_seconds": float(self.stalled_seconds),
            "event_age_seconds": float(self.event_age_seconds),
        }
        yield from contradictions(FOR_STAGE, times)
        yield from limit_problems(self.limits)
        yield from reservation_problems(self.reserved_in_all, self.account_concurrency)
        yield from operation_problems(self.operation)
        yield from rate_problems(self.waf)
        yield from sign_in_problems(self.sign_in)
        yield from self._problems_with_lambda()
        yield from self._problems_with_retention()
        yield from self._problems_with_silence()

    def _problems_with_lambda(self) -> Iterator[str]:
        least, most = EVENT_AGES
        if not least <= self.event_age_seconds <= most:
            yield f"event_age_seconds must be {least} to {most}, but is {self.event_age_seconds}: Lambda takes no other"
        retried = self.lease_seconds + RETRY_PAUSE
        if self.lease_seconds < self.stalled_seconds <= retried:
            yield (
                f"stalled_seconds must be more than lease_seconds and the {RETRY_PAUSE} s that Lambda waits before it "
                f"retries ({retried:g}), but is {self.stalled_seconds:g}: otherwise the sweep would fail a job before "
                "it is retried"
            )
        if self.lease_seconds < self.redispatch_seconds <= FIRST_RETRY_PAUSE:
            yield (
                f"redispatch_seconds must be more than {FIRST_RETRY_PAUSE}, but is {self.redispatch_seconds:g}: Lambda "
                "waits so long before it retries a failed start, and otherwise the job would be dispatched twice"
            )

    def _problems_with_retention(self) -> Iterator[str]:
        if self.log_days not in LOG_DAYS:
            days = ", ".join(map(str, LOG_DAYS))
            yield f"log_days must be one of {days}, but is {self.log_days}: CloudWatch Logs takes no other number"
        elif self.log_days < self.retention_days:
            yield (
                f"log_days must be at least retention_days ({self.retention_days:g}), but is {self.log_days}: "
                "otherwise `longcall logs` would find nothing about a job that still exists"
            )
        least, most = DEAD_LETTER_DAYS
        if not least <= self.dead_letter_days <= most:
            yield f"dead_letter_days must be {least} to {most}, but is {self.dead_letter_days}: SQS takes no other"
        elif self.dead_letter_days > max(least, self.retention_days):
            yield (
                f"dead_letter_days must be at most retention_days ({self.retention_days:g}), but is "
                f"{self.dead_letter_days}: otherwise a prompt would outlive its job"
            )
        if self.retention_days * DAY <= self.never_started_seconds:
            yield (
                f"retention_days must be more than never_started_seconds ({self.never_started_seconds / DAY:g} days), "
                f"but is {self.retention_days:g}: otherwise a job could expire before it is failed"
            )

    def _problems_with_silence(self) -> Iterator[str]:
        timeout = self.limits["inference"].timeout
        silences = {"model_silence_seconds": self.model_silence_seconds}
        if self.openai is not None:
            silences["silence_seconds of openai"] = self.openai.silence_seconds
        for name, silence in silences.items():
            if silence >= timeout:
                yield (
                    f"{name} must be less than the time-out of inference ({timeout}), but is {silence:g}: otherwise "
                    "the invocation ends first, and the job does not fail as MODEL_TIMED_OUT"
                )

    def settings(self, handler: str) -> dict[str, str]:
        """The handler's own environment variables, without addresses."""
        return {name: str(value) for name, value in self._values(handler).items()}

    def _values(self, handler: str) -> dict[str, object]:
        match handler:
            case "inference":
                return self._flushing() | {
                    **self.environment,
                    "LONGCALL_HEARTBEAT_SECONDS": self.heartbeat_seconds,
                    "LONGCALL_LEASE_SECONDS": self.lease_seconds,
                    "LONGCALL_MODEL_SILENCE_SECONDS": self.model_silence_seconds,
                    **({"LONGCALL_GUARDRAIL": self.guardrail} if self.guardrail else {}),
                    **self._openai_settings(),
                }
            case "status_relay":
                return self._flushing() | {  # a quote depends on it
                    "LONGCALL_QUOTA": self.quota,
                    "LONGCALL_RETENTION_DAYS": self.retention_days,
                    "LONGCALL_LEASE_SECONDS": self.lease_seconds,
                    "LONGCALL_MODELS": ",".join(self.models),
                    "LONGCALL_REPORTING": self.reporting,
                }
            case "sweep":
                return {
                    "LONGCALL_LEASE_SECONDS": self.lease_seconds,
                    "LONGCALL_EVENT_AGE_SECONDS": self.event_age_seconds,
                    "LONGCALL_REDISPATCH_SECONDS": self.redispatch_seconds,
                    "LONGCALL_NEVER_STARTED_SECONDS": self.never_started_seconds,
                    "LONGCALL_STALLED_SECONDS": self.stalled_seconds,
                }
            case _:
                return {}

    def _openai_settings(self) -> dict[str, object]:
        if self.openai is None:
            return {}
        return {
            "LONGCALL_OPENAI_URL": self.openai.url,
            "LONGCALL_OPENAI_SILENCE_SECONDS": self.openai.silence_seconds,
            **({"LONGCALL_OPENAI_SECRET": self.openai.secret} if self.openai.secret else {}),
        }

    def _flushing(self) -> dict[str, object]:
        return {
            "LONGCALL_FLUSH_POLICY": self.flush.value,
            "LONGCALL_FLUSH_SECONDS": self.flush_seconds,
            "LONGCALL_FLUSH_BYTES": self.flush_bytes,
            "LONGCALL_FLUSH_STALENESS": self.flush_staleness,
            "LONGCALL_FLUSH_SHARE": self.flush_share,
        }
