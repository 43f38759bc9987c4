"""Headers that prove who sends a request: a signature by this function's role, or an API key.

An authorization returns headers for one request, because a signature covers the request's body and the credentials
expire.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from botocore.credentials import Credentials

SERVICE: Final = "appsync"


class OutgoingRequest(Struct, frozen=True):
    """A request before it is sent. `body` has exactly the bytes that are sent."""

    method: str
    url: str
    headers: Mapping[str, str]  # only those that a signature covers
    body: bytes


class Authorization(Protocol):
    """Returns the headers to add to one request."""

    def headers(self, request: OutgoingRequest) -> Mapping[str, str]: ...


class ApiKey(Struct, frozen=True):
    """An AppSync API key."""

    key: str

    def __repr__(self) -> str:
        return "ApiKey()"  # without the key

    def headers(self, request: OutgoingRequest) -> Mapping[str, str]:  # noqa: ARG002  # the same for all requests
        return {"x-api-key": self.key}


class Signature(Struct, frozen=True):
    """AWS Signature Version 4 for AppSync.

    `credentials` come from botocore's provider chain. botocore renews credentials that expire when they are read.
    """

    credentials: "Credentials"
    region: str

    def __repr__(self) -> str:
        return f"Signature(region={self.region!r})"  # without the credentials

    def headers(self, request: OutgoingRequest) -> Mapping[str, str]:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        signed = AWSRequest(request.method, request.url, headers=dict(request.headers), data=request.body)
        # Frozen, so that a signature never combines an old key with a new secret.
        SigV4Auth(self.credentials.get_frozen_credentials(), SERVICE, self.region).add_auth(signed)
        return {name: value for name, value in signed.headers.items() if name not in request.headers}


def signature_of_this_function(region: str) -> Signature:
    """Sign with the credentials of botocore's provider chain: in Lambda, those of the function's role.

    Lambda puts the credentials into the environment, and the chain looks there first. If they are there, no session is
    made: a session would set up the other providers too, and two of these create an HTTP client.

    Raises:
        NoCredentialsError: It finds no credentials.
        PartialCredentialsError: The environment has one part of them and lacks another.
    """
    from botocore.credentials import EnvProvider
    from botocore.exceptions import NoCredentialsError

    credentials = EnvProvider().load()
    if credentials is None:
        from botocore.session import get_session

        credentials = get_session().get_credentials()
    if credentials is None:
        raise NoCredentialsError
    return Signature(credentials, region)
