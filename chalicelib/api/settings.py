"""What the relay and the authorizer read from their environment."""

from collections.abc import Mapping
from datetime import timedelta

from msgspec import Struct

from chalicelib.api.calls import Reporting
from chalicelib.jobs.rules import Lease
from chalicelib.publisher.policies import FlushPolicy
from chalicelib.publisher.settings import flush_policy
from chalicelib.settings import Reader


class RelaySettings(Struct, frozen=True):
    """What `status_relay` needs: the location of the log, and the rules of the stage."""

    ledger: str  # sqlite:<path> or dynamodb:<table>
    retention: timedelta
    quota: int  # unfinished jobs an owner may have
    lease: Lease
    models: tuple[str, ...]  # patterns of the models that callers may use; `*` matches any text
    flush_policy: FlushPolicy  # the same as the workers'; quotes depend on it
    reporting: Reporting  # how the workers authenticate
    reporters: tuple[str, ...]  # roles that may report; empty: every caller that IAM lets in

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "RelaySettings":
        """Raises: MissingSettings: A variable is missing or invalid; the message lists all of them."""
        reader = Reader(environment)
        settings = cls(
            ledger=reader.text("LONGCALL_LEDGER"),
            retention=timedelta(days=reader.number("LONGCALL_RETENTION_DAYS", 7.0, least=0.01)),
            quota=reader.count("LONGCALL_QUOTA", 10, least=1),
            lease=Lease(
                duration=timedelta(seconds=reader.number("LONGCALL_LEASE_SECONDS", 30.0, least=3.0)),
                renewal=timedelta(seconds=reader.number("LONGCALL_LEASE_SECONDS", 30.0, least=3.0) / 3),
            ),
            models=tuple(reader.text("LONGCALL_MODELS", "*").split(",")),
            flush_policy=flush_policy(reader),
            reporting=reader.choice("LONGCALL_REPORTING", Reporting.SIGNATURE),
            reporters=tuple(filter(None, reader.text("LONGCALL_REPORTERS", "").split(","))),
        )
        reader.check()
        return settings


class AuthorizerSettings(Struct, frozen=True):
    """What `authorizer` needs: the issuer and the clients whose tokens are accepted, and fields that all are denied."""

    issuer: str
    jwks_url: str
    client_ids: tuple[str, ...]
    denied_fields: tuple[str, ...]  # as `Type.field`

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "AuthorizerSettings":
        """Raises: MissingSettings: A variable is missing or invalid; the message lists all of them."""
        reader = Reader(environment)
        issuer = reader.text("LONGCALL_ISSUER")
        settings = cls(
            issuer=issuer,
            # A Cognito pool publishes its keys under this path (OpenID Connect Discovery); a local issuer elsewhere.
            jwks_url=reader.text("LONGCALL_JWKS_URL", f"{issuer}/.well-known/jwks.json"),
            client_ids=tuple(reader.text("LONGCALL_CLIENT_ID").split(",")),
            denied_fields=tuple(reader.text("LONGCALL_DENIED_FIELDS").split(",")),
        )
        reader.check()
        return settings
