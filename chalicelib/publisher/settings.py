"""What the publisher reads from its environment."""

from collections.abc import Mapping

from msgspec import Struct

from chalicelib.publisher.policies import SIZE, Bytes, CostShare, FlushPolicy, Interval, PolicyName
from chalicelib.settings import Reader


def flush_policy(reader: Reader) -> FlushPolicy:
    """When a worker sends the output that it has gathered."""
    size = reader.count("LONGCALL_FLUSH_BYTES", SIZE, least=1)
    seconds = reader.number("LONGCALL_FLUSH_SECONDS", 0.5, least=0.0)
    staleness = reader.number("LONGCALL_FLUSH_STALENESS", 2.0, least=0.0)
    share = reader.number("LONGCALL_FLUSH_SHARE", 0.1, least=0.0)
    match reader.choice("LONGCALL_FLUSH_POLICY", PolicyName.INTERVAL):
        case PolicyName.INTERVAL:
            return Interval(seconds, size)
        case PolicyName.BYTES:
            return Bytes(size, staleness)
        case PolicyName.COST:
            return CostShare(share, staleness, size)


class EndpointSettings(Struct, frozen=True):
    """What every function that publishes needs: the URL of the API, how to authenticate, and how types are named."""

    api_url: str
    region: str
    api_key: str | None  # None: requests are signed with the function's role
    type_prefix: str  # of the names of our types in the API's schema

    def __repr__(self) -> str:
        return f"EndpointSettings(api_url={self.api_url!r}, region={self.region!r})"  # without the API key

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "EndpointSettings":
        """Raises: MissingSettings: A variable is missing or invalid; the message lists all of them."""
        reader = Reader(environment)
        settings = cls(
            api_url=reader.text("LONGCALL_API_URL"),
            region=reader.text("AWS_REGION"),
            api_key=reader.text("LONGCALL_API_KEY", "") or None,
            type_prefix=reader.text("LONGCALL_TYPE_PREFIX", ""),
        )
        reader.check()
        return settings
