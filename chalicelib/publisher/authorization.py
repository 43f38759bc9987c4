"""Headers that prove who sends a request: a signature by this function's role, or an API key.

An authorization is a value that gives headers for one request, because a signature covers that request's body and
the credentials behind it expire.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from botocore.credentials import Credentials

SERVICE: Final = "appsync"


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """A request as it is about to be sent; `body` holds the very bytes."""

    method: str
    url: str
    headers: Mapping[str, str]  # only those that a signature shall cover
    body: bytes


class Authorization(Protocol):
    """Gives the headers to add to one request."""

    def headers(self, request: OutgoingRequest) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An AppSync API key."""

    key: str = field(repr=False)

    def headers(self, request: OutgoingRequest) -> Mapping[str, str]:  # noqa: ARG002  # a key is the same for all
        return {"x-api-key": self.key}


@dataclass(frozen=True, slots=True)
class Signature:
    """AWS Signature Version 4 for AppSync.

    `credentials` is what botocore's provider chain found; where it can expire, botocore renews it as it is read.
    """

    credentials: "Credentials" = field(repr=False)
    region: str

    def headers(self, request: OutgoingRequest) -> Mapping[str, str]:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        signed = AWSRequest(request.method, request.url, headers=dict(request.headers), data=request.body)
        # Frozen, so that one signature never mixes an old key with a new secret.
        SigV4Auth(self.credentials.get_frozen_credentials(), SERVICE, self.region).add_auth(signed)
        return {name: value for name, value in signed.headers.items() if name not in request.headers}


def signature_of_this_function(region: str) -> Signature:
    """Sign with what botocore's provider chain finds: in Lambda, the function's role.

    Raises:
        NoCredentialsError: It finds none.
    """
    from botocore.exceptions import NoCredentialsError
    from botocore.session import get_session

    credentials = get_session().get_credentials()
    if credentials is None:
        raise NoCredentialsError
    return Signature(credentials, region)
