"""The DynamoDB endpoint that the engine calls."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DynamoDbEndpoint:
    """An address and the credentials for it.

    Args:
        url: Such as `http://127.0.0.1:8000` or `https://dynamodb.eu-west-1.amazonaws.com`.
        region: The region that requests are signed for.
        access_key_id: The access key id; emulators accept any.
        secret_access_key: The secret access key.
        session_token: The session token of temporary credentials; None for long-term credentials.
    """

    url: str
    region: str = "us-east-1"
    access_key_id: str = "local"
    secret_access_key: str = field(default="local", repr=False)
    session_token: str | None = field(default=None, repr=False)
