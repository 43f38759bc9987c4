"""What differs between stages, and nothing else: every other value of the stack holds for all of them.

A stage's settings reach the functions on AWS through their environments, and the local stack with `--stage`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from chalicelib.api.calls import Reporting
from chalicelib.publisher.policies import PolicyName

REQUIREMENTS: Final = "requirements.txt"
REQUIREMENTS_WITH_OPENAI: Final = "requirements/lambda-openai.txt"


class Data(Enum):
    """What becomes of jobs, users and logs when the stack is destroyed."""

    DESTROYED = "destroyed"
    RETAINED = "retained"  # and nobody deletes the table or the pool by mistake


class SecondFactor(Enum):
    """Whether users may ask for a one-time code at sign-in."""

    OFF = "off"
    OPTIONAL = "optional"


class SignUp(Enum):
    """Who makes users."""

    OPERATOR = "operator"
    ANYBODY = "anybody"  # with the app client's id, which is public


@dataclass(frozen=True, slots=True)
class Limits:
    """What one invocation of a handler may use."""

    timeout: int  # seconds
    memory_mb: int


LIMITS: Final[Mapping[str, Limits]] = {
    "inference": Limits(900, 512),  # the longest that Lambda gives
    "status_relay": Limits(10, 512),  # AppSync waits 30 s
    "authorizer": Limits(10, 256),  # AppSync waits 10 s
    "job_failed": Limits(60, 256),
    "sweep": Limits(60, 256),  # one at a time: it starts every minute
}


@dataclass(frozen=True, slots=True)
class OpenAIServer:
    """A server that speaks OpenAI's protocol, and that the worker can reach.

    Attributes:
        url: Up to the version, as in https://models.example/v1.
        models: As callers name them, behind `openai/`; `*` stands for any text.
        secret: Name of the secret in AWS Secrets Manager that is the server's key; empty: it asks for none.
        silence_seconds: How long it may say nothing.
    """

    url: str
    models: tuple[str, ...] = ("openai/*",)
    secret: str = ""
    silence_seconds: float = 300

    def settings(self) -> dict[str, object]:
        secret = {"LONGCALL_OPENAI_SECRET": self.secret} if self.secret else {}
        return {
            "LONGCALL_OPENAI_URL": self.url, "LONGCALL_OPENAI_SILENCE_SECONDS": self.silence_seconds, **secret
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stage:
    """One deployment of the stack.

    Attributes:
        name: Part of the stack's name; lower-case letters, digits and hyphens.
        data: What becomes of data with the stack.
        second_factor: At sign-in.
        sign_up: Who makes users.
        reporting: How the worker reports.
        workloads: Models that run in the worker itself; `*` stands for any text.
        bedrock: Ids of Bedrock models and inference profiles, or ARNs of them or of anything else to stream from.
        guardrail: Of Bedrock's, that every call passes: its id or ARN, a colon, and a version; empty: none.
        openai: Where models called `openai/…` run; with it the zip has the library that they need.
        jobs: Jobs that run at once, as the worker's reserved concurrency; more wait in the queue.
        log_days: Days that logs are kept; one of the numbers that CloudWatch takes.
        limits: By handler.
        quota: Unfinished jobs that one owner may have.
        retention_days: Life of a job.
        lease_seconds: Silence after which another invocation may take a job over.
        model_silence_seconds: How long a model on Bedrock may say nothing before it is given up.
        flush: By what output is gathered: time, size, or what publishing costs.
        flush_seconds: How long it is, by time.
        flush_bytes: Up to what size it is.
        flush_staleness: How long it is at most, by size and by cost.
        flush_share: Of the model's cost, what publishing may cost, by cost.
        heartbeat_seconds: Silence after which a worker asks whether it is still wanted.
        redispatch_seconds: Age at which a job that nobody claimed is dispatched once more.
        never_started_seconds: Silence after that at which it is failed; longer than an event may wait.
        stalled_seconds: Silence after which a claimed job is failed; longer than Lambda waits before a retry.
        event_age_seconds: How long a start may wait for a free worker.
    """

    name: str
    data: Data
    second_factor: SecondFactor
    sign_up: SignUp
    reporting: Reporting
    workloads: tuple[str, ...]
    bedrock: tuple[str, ...]
    jobs: int
    log_days: int
    guardrail: str = ""
    openai: OpenAIServer | None = None
    model_silence_seconds: float = 120
    limits: Mapping[str, Limits] = field(default_factory=lambda: LIMITS)
    quota: int = 10
    retention_days: float = 7
    lease_seconds: float = 30
    flush: PolicyName = PolicyName.INTERVAL
    flush_seconds: float = 0.5
    flush_bytes: int = 32_768
    flush_staleness: float = 2
    flush_share: float = 0.1
    heartbeat_seconds: float = 1
    redispatch_seconds: float = 120
    never_started_seconds: float = 3900
    stalled_seconds: float = 300
    event_age_seconds: int = 3600

    @property
    def models(self) -> tuple[str, ...]:
        """All that callers may ask for."""
        return (*self.workloads, *self.bedrock, *(self.openai.models if self.openai else ()))

    @property
    def requirements(self) -> str:
        """The project's file with what is in the zip besides the app."""
        return REQUIREMENTS if self.openai is None else REQUIREMENTS_WITH_OPENAI

    def settings(self, handler: str) -> dict[str, str]:
        """The handler's own settings, as `chalicelib.settings` reads them; addresses are not among them."""
        return {name: str(value) for name, value in self._values(handler).items()}

    def _values(self, handler: str) -> dict[str, object]:
        match handler:
            case "inference":
                return self._flushing() | {
                    "LONGCALL_HEARTBEAT_SECONDS": self.heartbeat_seconds,
                    "LONGCALL_MODEL_SILENCE_SECONDS": self.model_silence_seconds,
                    **({"LONGCALL_GUARDRAIL": self.guardrail} if self.guardrail else {}),
                    **(self.openai.settings() if self.openai else {}),
                }
            case "status_relay":
                return self._flushing() | {  # what a quote is made from
                    "LONGCALL_QUOTA": self.quota,
                    "LONGCALL_RETENTION_DAYS": self.retention_days,
                    "LONGCALL_LEASE_SECONDS": self.lease_seconds,
                    "LONGCALL_MODELS": ",".join(self.models),
                    "LONGCALL_REPORTING": self.reporting,
                }
            case "sweep":
                return {
                    "LONGCALL_REDISPATCH_SECONDS": self.redispatch_seconds,
                    "LONGCALL_NEVER_STARTED_SECONDS": self.never_started_seconds,
                    "LONGCALL_STALLED_SECONDS": self.stalled_seconds,
                }
            case _:
                return {}

    def _flushing(self) -> dict[str, object]:
        return {
            "LONGCALL_FLUSH_POLICY": self.flush.value,
            "LONGCALL_FLUSH_SECONDS": self.flush_seconds,
            "LONGCALL_FLUSH_BYTES": self.flush_bytes,
            "LONGCALL_FLUSH_STALENESS": self.flush_staleness,
            "LONGCALL_FLUSH_SHARE": self.flush_share,
        }


DEV: Final = Stage(
    name="dev",
    data=Data.DESTROYED,
    second_factor=SecondFactor.OFF,
    sign_up=SignUp.OPERATOR,
    reporting=Reporting.SIGNATURE,
    workloads=("simulated.*", "local.*"),
    bedrock=("amazon.nova-micro-v1:0",),
    jobs=10,
    log_days=7,
)

PROD: Final = Stage(
    name="prod",
    data=Data.RETAINED,
    second_factor=SecondFactor.OPTIONAL,
    sign_up=SignUp.OPERATOR,
    reporting=Reporting.SIGNATURE,
    workloads=("local.*", "simulated.story"),  # the story is what `longcall smoke` runs
    bedrock=("amazon.nova-lite-v1:0", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    jobs=100,
    log_days=90,
)

STAGES: Final[Mapping[str, Stage]] = {stage.name: stage for stage in (DEV, PROD)}


class UnknownStage(Exception):
    """There is no stage of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"no stage {name!r} is known; use {' or '.join(STAGES)}, or add it to infrastructure/stages.py"
        )


def stage_named(name: str) -> Stage:
    """The stage.

    Raises:
        UnknownStage
    """
    try:
        return STAGES[name]
    except KeyError:
        raise UnknownStage(name) from None
