"""The stages of a project, for its file `stages.py`: what differs between its deployments. Plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Right:
    """What the project's workloads may do on AWS: actions of IAM, and the ARNs that they are allowed on."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]


def read_bucket(name: str, *, prefix: str = "") -> tuple[Right, ...]:
    """The rights to list a bucket of S3 and to read its objects.

    Args:
        name: The bucket's name.
        prefix: Read only objects whose keys begin with this.
    """
    return (
        Right(("s3:ListBucket",), (f"arn:aws:s3:::{name}",)),
        Right(("s3:GetObject",), (f"arn:aws:s3:::{name}/{prefix}*",)),
    )


@dataclass(frozen=True, slots=True)
class OpenAIServer:
    """An OpenAI-compatible server that the worker can reach.

    Attributes:
        url: Of the API including its version, such as https://models.example/v1.
        models: Names that callers may use, including `openai/`; `*` matches any text.
        secret: Name of the secret in AWS Secrets Manager with the server's key; empty: the server needs no key.
        silence_seconds: How long the server may send no data before the call fails.
    """

    url: str
    models: tuple[str, ...] = ("openai/*",)
    secret: str = ""
    silence_seconds: float = 300


@dataclass(frozen=True, slots=True)
class RateRule:
    """A rule of AWS WAF: addresses that send more requests are blocked until they send fewer.

    Attributes:
        requests: That one IP address may send.
        seconds: In this time, one of 60, 120, 300 and 600.
    """

    requests: int = 3000
    seconds: int = 300


@dataclass(frozen=True, slots=True)
class HandlerLimits:
    """What one function may use, where it differs from the stage that this one is like. None: as there.

    Attributes:
        timeout: Seconds of one invocation.
        memory_mb: Megabytes. Lambda gives a function processors in proportion to its memory.
        reserved: Invocations at once, which are guaranteed to it and limit it. Those of `inference` are the setting
            `jobs`.
    """

    timeout: int | None = None
    memory_mb: int | None = None
    reserved: int | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One deployment.

    Attributes:
        name: Part of the stack's name; lower-case letters, digits and hyphens.
        workloads: Models that callers may use; `*` matches any text.
        bedrock: Ids of models and inference profiles on Amazon Bedrock, or their ARNs.
        environment: Environment variables of the workloads.
        rights: What the workloads may do on AWS.
        openai: The server of models named `openai/…`, which callers may use too.
        waf: What AWS WAF blocks; None: the API has no firewall.
        limits: By function: `inference` (it runs the jobs), `status_relay`, `authorizer`, `job_failed`, `sweep`.
        like: Whose other settings it has: `dev` deletes everything with the stack, `prod` retains and protects it.
        settings: Other settings, by the name that docs/deploying.md lists, such as `{"jobs": 20, "quota": 5}`.
    """

    name: str
    workloads: tuple[str, ...]
    bedrock: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    rights: tuple[Right, ...] = ()
    openai: OpenAIServer | None = None
    waf: RateRule | None = None
    limits: Mapping[str, HandlerLimits] = field(default_factory=dict)
    like: Literal["dev", "prod"] = "dev"
    settings: Mapping[str, object] = field(default_factory=dict)
