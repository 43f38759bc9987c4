"""Which DynamoDB the engine works on."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DynamoDbEndpoint:
    """Where tables are, and who asks for them.

    Args:
        url: Such as `http://127.0.0.1:8000` or `https://dynamodb.eu-west-1.amazonaws.com`.
        region: What signatures are for.
        access_key_id: The public half of the key; emulators take any.
        secret_access_key: The secret half.
        session_token: What temporary credentials have besides.
    """

    url: str
    region: str = "us-east-1"
    access_key_id: str = "local"
    secret_access_key: str = field(default="local", repr=False)
    session_token: str | None = field(default=None, repr=False)
