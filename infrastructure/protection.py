"""How a stage protects its API against unbounded use, and how its users sign in. Both with the limits that AWS sets."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from appsync_local.api.limits import DEEPEST, MOST_RESOLVERS, Introspection, Limits
from longcall.stages import RateRule as RateRule  # stages take it from here

# What one operation may ask for. The largest operation of our own clients has 5 levels and 1 resolver.
# Introspection by clients of GraphQL has up to 15 levels.
OPERATION: Final = Limits(Introspection.ENABLED, depth=20, resolvers=30)
OPERATION_IN_PRODUCTION: Final = Limits(Introspection.DISABLED, depth=12, resolvers=30)

RATE_LIMITS: Final = (10, 2_000_000_000)  # requests: what AWS WAF accepts
RATE_WINDOWS: Final = (60, 120, 300, 600)  # seconds
PASSWORD_LENGTHS: Final = (6, 99)  # characters: what Cognito accepts
REFRESH_DAYS: Final = (1, 3650)  # what Cognito accepts, in whole days


class Flow(Enum):
    """How a user proves the password, spelt as Cognito spells the flow."""

    SRP = "USER_SRP_AUTH"  # the password is not sent
    PASSWORD = "USER_PASSWORD_AUTH"  # noqa: S105  # the name of a flow


class ThreatProtection(Enum):
    """What Cognito does about sign-ins that look like an attack. Except for `OFF` it needs the pool's Plus plan."""

    OFF = "off"
    AUDIT = "audit"  # they are only recorded
    ENFORCED = "enforced"  # they are blocked, or need a second factor


@dataclass(frozen=True, slots=True)
class SignIn:
    """How the users of a stage sign in.

    Attributes:
        flows: Accepted ways to prove the password.
        password_length: Characters that a password has at least.
        refresh_days: Days after which a user must enter the password again.
        threat_protection: What Cognito does about sign-ins that look like an attack.
    """

    flows: tuple[Flow, ...] = (Flow.SRP, Flow.PASSWORD)
    password_length: int = 8
    refresh_days: int = 30
    threat_protection: ThreatProtection = ThreatProtection.OFF


SIGN_IN_IN_PRODUCTION: Final = SignIn(flows=(Flow.SRP,), password_length=12, refresh_days=7)


def operation_problems(limits: Limits) -> Iterator[str]:
    """A sentence for each limit of operations that AppSync does not accept.

    Source: AWS CloudFormation, "AWS::AppSync::GraphQLApi", QueryDepthLimit and ResolverCountLimit.
    """
    if not 0 <= limits.depth <= DEEPEST:
        yield f"depth of operation must be 0 (no limit) to {DEEPEST}, but is {limits.depth}: AppSync takes no other"
    if not 1 <= limits.resolvers <= MOST_RESOLVERS:
        yield (
            f"resolvers of operation must be 1 to {MOST_RESOLVERS}, but is {limits.resolvers}: AppSync takes no other"
        )


def rate_problems(rule: RateRule | None) -> Iterator[str]:
    """A sentence for each value of a rate rule that AWS WAF does not accept.

    Source: AWS WAF API Reference, RateBasedStatement.
    """
    if rule is None:
        return
    least, most = RATE_LIMITS
    if not least <= rule.requests <= most:
        yield f"requests of waf must be {least} to {most}, but is {rule.requests}: AWS WAF takes no other"
    if rule.seconds not in RATE_WINDOWS:
        windows = ", ".join(map(str, RATE_WINDOWS))
        yield f"seconds of waf must be one of {windows}, but is {rule.seconds}: AWS WAF takes no other"


def sign_in_problems(sign_in: SignIn) -> Iterator[str]:
    """A sentence for each setting that Cognito does not accept, or with which nobody can sign in.

    Source: Amazon Cognito API Reference, PasswordPolicyType and CreateUserPoolClient.
    """
    if not sign_in.flows:
        yield "flows of sign_in must name at least one flow, but is empty: otherwise nobody can sign in"
    least, most = PASSWORD_LENGTHS
    if not least <= sign_in.password_length <= most:
        yield (
            f"password_length of sign_in must be {least} to {most}, but is {sign_in.password_length}: "
            "Cognito takes no other"
        )
    first, last = REFRESH_DAYS
    if not first <= sign_in.refresh_days <= last:
        yield (
            f"refresh_days of sign_in must be {first} to {last}, but is {sign_in.refresh_days}: Cognito takes no other"
        )
