"""The client with which a process calls Bedrock."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

import boto3
from botocore.config import Config
from msgspec import Struct

from chalicelib.workloads.bedrock.settings import BedrockSettings, Guardrail

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime.client import BedrockRuntimeClient

CONNECT_TIMEOUT: Final = 5.0  # seconds
BODY: Final = "Body"  # the name that `_keep_body` gives to the body


class NoAccount(Exception):
    """This stack has no AWS account for Bedrock."""


class Service(Struct, frozen=True):
    """What every call uses."""

    client: "BedrockRuntimeClient"
    guardrail: Guardrail | None


def open_service(settings: BedrockSettings) -> Service:
    """Make the client. botocore does not retry: `retrying` decides about that.

    Raises:
        NoAccount: This stack has no AWS account for Bedrock.
        BotoCoreError: The profile does not exist, or the access key is incomplete.
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
    client.meta.events.register("before-parse.bedrock-runtime.ConverseStream", _keep_body)
    return Service(client, settings.guardrail)


def body_of(response: Mapping[str, Any]) -> Iterator[bytes]:
    """The bytes of an answer, as they arrive."""
    return cast("Iterator[bytes]", response[BODY].stream())


def _keep_body(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Add the body to what the call returns: botocore's own reader of it is too strict, see `events`."""
    if response_dict["status_code"] == HTTPStatus.OK:
        customized_response_dict[BODY] = response_dict["body"]
