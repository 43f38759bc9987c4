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

# The modes that may use a field. The value of a mode is a set of groups: the caller must be in one of them. None: the
# caller needs no group.
Rule = Mapping[AuthMode, frozenset[str] | None]


@dataclass(frozen=True, slots=True)
class Caller:
    """An identity and its permissions.

    Args:
        mode: The authorization mode of the credential.
        identity: `ctx.identity`, in the form of this mode; None for an API key.
        groups: The caller's groups in the user pool.
        allowed: The root fields that the caller may use, as `Type.field`; None means all.
        denied: The fields that the Lambda authorizer denies, as `Type.field`.
    """

    mode: AuthMode
    identity: Mapping[str, object] | None
    groups: frozenset[str] = field(default=frozenset())
    allowed: frozenset[str] | None = None
    denied: frozenset[str] = field(default=frozenset())

    def fits(self, rule: Rule) -> bool:
        """Whether the directives of a field allow this caller."""
        if self.mode not in rule:
            return False
        groups = rule[self.mode]
        return groups is None or not groups.isdisjoint(self.groups)

    def is_denied(self, coordinate: str) -> bool:
        """Whether the authorizer denies a field, as `Type.field`, independently of its directives."""
        return coordinate in self.denied

    def may_call(self, coordinate: str) -> bool:
        """Whether the caller's permissions include this root field, as `Type.field`."""
        return self.allowed is None or coordinate in self.allowed
