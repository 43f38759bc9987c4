"""The verified caller of one request or one subscription."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from appsync_local.api.model import AuthMode

# Source: AppSync Developer Guide, "Built-in utilities", `util.authType()`.
AUTH_TYPES: Final[Mapping[AuthMode, str]] = {
    AuthMode.LAMBDA: "Lambda Authorization",
    AuthMode.COGNITO: "User Pool Authorization",
    AuthMode.IAM: "IAM Authorization",
    AuthMode.OIDC: "Open ID Connect Authorization",
    AuthMode.API_KEY: "API Key Authorization",
}

# Modes that may use a field, each with the groups of which the caller needs one; None where there is no such condition.
Rule = Mapping[AuthMode, frozenset[str] | None]


@dataclass(frozen=True, slots=True)
class Caller:
    """An identity and its limits.

    Args:
        mode: How the caller signed in.
        identity: `ctx.identity`, in the mode's own shape.
        groups: Groups in the user pool.
        allowed: Root fields, as `Type.field`, that the caller's permissions name; None where nothing restricts them.
        denied: Fields, as `Type.field`, that the Lambda authorizer refused.
    """

    mode: AuthMode
    identity: Mapping[str, object] | None
    groups: frozenset[str] = field(default=frozenset())
    allowed: frozenset[str] | None = None
    denied: frozenset[str] = field(default=frozenset())

    def fits(self, rule: Rule) -> bool:
        """Whether the directives of a field let this caller use it."""
        if self.mode not in rule:
            return False
        groups = rule[self.mode]
        return groups is None or not groups.isdisjoint(self.groups)

    def is_denied(self, coordinate: str) -> bool:
        """Whether a field, as `Type.field`, is refused to this caller whatever the directives say."""
        return coordinate in self.denied

    def may_call(self, coordinate: str) -> bool:
        """Whether the caller's permissions name this root field."""
        return self.allowed is None or coordinate in self.allowed
