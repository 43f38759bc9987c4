"""Bedrock as one process calls it: the client, made once, and what its calls have in common."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config

from chalicelib.workloads.bedrock.settings import BedrockSettings, Guardrail

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime.client import BedrockRuntimeClient

CONNECT_TIMEOUT: Final = 5.0  # seconds


class NoAccount(Exception):
    """Nobody said with which AWS account Bedrock may be called."""


@dataclass(frozen=True, slots=True)
class Service:
    """What a call needs."""

    client: "BedrockRuntimeClient"
    guardrail: Guardrail | None


def open_service(settings: BedrockSettings) -> Service:
    """Make the client. botocore repeats nothing: what is to be tried again, `retrying` says.

    Raises:
        NoAccount: This stack is not to call Bedrock.
        BotoCoreError: There is no such profile, or only half of a key.
    """
    if settings.is_off:
        raise NoAccount
    login = settings.login
    session = boto3.Session(
        profile_name=login.profile if login else None,
        aws_access_key_id=login.access_key_id if login else None,
        aws_secret_access_key=login.secret_access_key if login else None,
        aws_session_token=login.session_token if login else None,
        region_name=settings.region,
    )
    client = session.client(
        "bedrock-runtime",
        endpoint_url=settings.endpoint,
        config=Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=settings.silence,
            retries={"total_max_attempts": 1, "mode": "standard"},
            tcp_keepalive=True,
        ),
    )
    return Service(client, settings.guardrail)
