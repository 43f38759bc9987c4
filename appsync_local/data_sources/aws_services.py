"""Where data sources reach AWS services: local endpoints, AWS itself if that is allowed, or nowhere."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from appsync_local.errors import EngineError

# Hosts of AWS, also those of APIs and functions that somebody runs there.
_AWS_HOST: Final = re.compile(r"(?:.+\.)?(?:amazonaws\.com|amazonaws\.com\.cn|api\.aws|on\.aws)\.?", re.IGNORECASE)
# The first label of a host, for the services whose signatures have another name.
_NAMES: Final = {"sync-states": "states", "streams": "dynamodb"}


class NotOnThisMachine(EngineError):
    """A service of AWS that has no local endpoint, while AWS may not be called; the message names both."""


@dataclass(frozen=True, slots=True)
class AwsCredentials:
    """What requests are signed with.

    Args:
        access_key_id: The access key id; emulators accept any.
        secret_access_key: The secret access key.
        session_token: The session token of temporary credentials; None for long-term credentials.
    """

    access_key_id: str = "local"
    secret_access_key: str = field(default="local", repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AwsServices:
    """The AWS services that EventBridge, HTTP and Bedrock data sources may call.

    Args:
        local: The endpoints on this machine, by the name that signatures have for the service, as
            `{"states": "http://127.0.0.1:5000"}`.
        region: The region that requests to local endpoints are signed for.
        credentials: What requests to local endpoints are signed with.
        aws: What requests to AWS itself are signed with; None: no request is sent to AWS.
        advice: What a refusal advises.
    """

    local: Mapping[str, str] = field(default_factory=dict)
    region: str = "us-east-1"
    credentials: AwsCredentials = AwsCredentials()
    aws: AwsCredentials | None = None
    advice: str = "give the engine a local endpoint for it, or credentials for AWS"

    def endpoint_of(self, service: str, region: str | None, url: str) -> "AwsEndpoint":
        """Where to send requests for `url`, which is an address of a service of AWS.

        Args:
            service: The name that signatures have for the service.
            region: The region that signatures for AWS itself name; None: this stack's.
            url: The address on AWS.

        Raises:
            NotOnThisMachine: The service has no local endpoint, and AWS may not be called.
        """
        if service in self.local:
            return AwsEndpoint(self.local[service], self.region, self.credentials)
        if self.aws is not None:
            return AwsEndpoint(url, region or self.region, self.aws)
        raise NotOnThisMachine(
            f"{url} belongs to the AWS service {service!r}, which has no local counterpart, so nothing was sent; "
            f"{self.advice}"
        )


@dataclass(frozen=True, slots=True)
class AwsEndpoint:
    """An address, and how requests to it are signed."""

    url: str
    region: str
    credentials: AwsCredentials


def is_aws(host: str) -> bool:
    """Whether a host belongs to AWS."""
    return _AWS_HOST.fullmatch(host) is not None


def service_of(host: str) -> str:
    """The name of a service in signatures, read from its host at AWS."""
    label = host.lower().split(".")[0]
    for part in ("execute-api", "s3", "lambda-url", "appsync-api"):
        if f".{part}." in host.lower():
            return part
    return _NAMES.get(label, label)
