"""The worker's settings for Amazon Bedrock: endpoint, login, guardrail and time-out."""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from chalicelib.settings import Reader

AWS: Final = "aws"  # value of LONGCALL_BEDROCK: the region's own endpoint
OFF: Final = "off"  # value of LONGCALL_BEDROCK: Bedrock must not be called
# Source: Amazon Bedrock API Reference, GuardrailStreamConfiguration.
_GUARDRAIL: Final = re.compile(r"[a-z0-9]+|arn:aws[a-z-]*:bedrock:[a-z0-9-]{1,20}:\d{12}:guardrail/[a-z0-9]+")
_GUARDRAIL_VERSION: Final = re.compile(r"[1-9][0-9]{0,7}|DRAFT")


class Guardrail(Struct, frozen=True):
    """A guardrail of Amazon Bedrock, in one version."""

    identifier: str  # id or ARN
    version: str  # a number, or DRAFT


class AwsLogin(Struct, frozen=True):
    """Credentials for Bedrock other than the function's role: an access key, or else a named profile."""

    profile: str | None
    access_key_id: str | None
    secret_access_key: str | None
    session_token: str | None

    def __repr__(self) -> str:
        return f"AwsLogin(profile={self.profile!r}, access_key_id={self.access_key_id!r})"  # without the secrets


class BedrockSettings(Struct, frozen=True):
    """How the `inference` handler calls Amazon Bedrock."""

    region: str
    endpoint: str | None  # None: the region's own endpoint
    is_off: bool  # this stack has no AWS account for Bedrock
    login: AwsLogin | None  # None: the function's role
    guardrail: Guardrail | None
    silence: float  # seconds without data from the model after which the call fails

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "BedrockSettings":
        """Raises: MissingSettings: A variable is missing or wrong."""
        reader = Reader(environment)
        endpoint = reader.text("LONGCALL_BEDROCK", AWS)
        settings = cls(
            region=reader.text("LONGCALL_BEDROCK_REGION", environment.get("AWS_REGION")),
            endpoint=None if endpoint in (AWS, OFF) else endpoint,
            is_off=endpoint == OFF,
            login=_login(environment),
            guardrail=reader.optional(
                "LONGCALL_GUARDRAIL", _guardrail, "the id or ARN of a guardrail, : and a version"
            ),
            # A large model needs up to a minute to read a long text. This may be longer than the lease: the publisher's
            # thread sends heartbeats while the worker waits for the model.
            silence=reader.number("LONGCALL_MODEL_SILENCE_SECONDS", 120.0, least=1.0),
        )
        reader.check()
        return settings


def _login(environment: Mapping[str, str]) -> AwsLogin | None:
    login = AwsLogin(
        profile=environment.get("LONGCALL_BEDROCK_PROFILE"),
        access_key_id=environment.get("LONGCALL_BEDROCK_ACCESS_KEY_ID"),
        secret_access_key=environment.get("LONGCALL_BEDROCK_SECRET_ACCESS_KEY"),
        session_token=environment.get("LONGCALL_BEDROCK_SESSION_TOKEN"),
    )
    return login if login.profile or login.access_key_id else None


def _guardrail(text: str) -> Guardrail:
    identifier, _, version = text.rpartition(":")
    if not _GUARDRAIL.fullmatch(identifier) or not _GUARDRAIL_VERSION.fullmatch(version):
        raise ValueError(text)
    return Guardrail(identifier, version)
