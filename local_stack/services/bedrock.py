"""Amazon Bedrock for a local stack: the worker calls it with the developer's login, and AppSync with its own role."""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from appsync_local.data_sources.aws_services import AwsServices
from chalicelib.workloads.bedrock.settings import AWS, OFF
from local_stack.blueprint import Blueprint

if TYPE_CHECKING:
    from botocore.session import Session

WORKER: Final = "app.inference"
PRELOADED: Final = ("botocore.eventstream",)  # needed for calls of Bedrock only
DEFAULT_REGION: Final = "us-east-1"
TOKEN: Final = "AWS_BEARER_TOKEN_BEDROCK"  # an API key that is valid for Bedrock only  # noqa: S105
# How boto3 finds profiles and the network. They contain no key, so the worker's role is not affected.
BOTO_CONFIGURATION: Final = (
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CA_BUNDLE",
    "HTTPS_PROXY",
    "NO_PROXY",
)


class BedrockUnusable(Exception):
    """Bedrock cannot be called in the requested way; the message says what to do."""


def bedrock_variables(place: str | None, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The worker's variables for Bedrock's address and login; see `BedrockSettings`.

    Args:
        place: `aws`, or the URL of an endpoint; None: Bedrock is not called.
        environment: The developer's environment variables. A Bedrock API key, an access key and AWS_PROFILE are tried
            in this order, then the default profile, then any other login that boto3 finds.

    Raises:
        BedrockUnusable: No login was found, or it cannot be used.
    """
    if place is None:
        return {"LONGCALL_BEDROCK": OFF}
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    session = Session()
    try:
        region = environment.get("AWS_REGION") or session.get_config_variable("region") or DEFAULT_REGION
        return {
            **{name: environment[name] for name in BOTO_CONFIGURATION if name in environment},
            "LONGCALL_BEDROCK": place,
            "LONGCALL_BEDROCK_REGION": region,
            **_login(session, environment),
        }
    except BotoCoreError as error:
        raise BedrockUnusable(f"the AWS login for --bedrock cannot be used: {error}; sign in again") from error


def with_bedrock(blueprint: Blueprint, variables: Mapping[str, str]) -> Blueprint:
    """The same blueprint, with these variables for the worker."""
    functions = tuple(
        replace(it, environment={**it.environment, **variables}) if it.handler == WORKER else it
        for it in blueprint.functions
    )
    return replace(blueprint, functions=functions)


def with_bedrock_endpoint(services: AwsServices, place: str | None) -> AwsServices:
    """The same services, with the endpoint of `--bedrock` for data sources. AWS itself needs `--allow-aws`."""
    if place is None or place == AWS:
        return services
    from appsync_local.data_sources.bedrock import SERVICE

    return replace(services, local={**services.local, SERVICE: place})


def _login(session: "Session", environment: Mapping[str, str]) -> dict[str, str]:
    if TOKEN in environment:
        return {TOKEN: environment[TOKEN]}
    if environment.get("AWS_ACCESS_KEY_ID"):
        names = ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")
        return {f"LONGCALL_BEDROCK_{it}": environment[f"AWS_{it}"] for it in names if environment.get(f"AWS_{it}")}
    profile = environment.get("AWS_PROFILE") or "default"
    if profile in session.available_profiles:
        return {"LONGCALL_BEDROCK_PROFILE": profile}  # by name, because its keys may expire while the stack runs
    credentials = session.get_credentials()
    if credentials is None:
        raise BedrockUnusable(
            "no AWS credentials were found for Amazon Bedrock; sign in (`aws configure`, `aws sso login`), or "
            "set AWS_PROFILE, an access key or AWS_BEARER_TOKEN_BEDROCK, and start again with --bedrock"
        )
    key = credentials.get_frozen_credentials()
    found = {"ACCESS_KEY_ID": key.access_key, "SECRET_ACCESS_KEY": key.secret_key, "SESSION_TOKEN": key.token}
    return {f"LONGCALL_BEDROCK_{name}": value for name, value in found.items() if value}
