"""A role and a log group for each handler."""

from typing import Final

from aws_cdk import Acknowledgment, RemovalPolicy, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from chalice.utils import to_cfn_resource_name
from constructs import Construct, IDependable

from infrastructure.stage import Data

# By number of days; `infrastructure.stage.LOG_DAYS` lists the numbers.
RETENTION: Final = {
    1: logs.RetentionDays.ONE_DAY,
    7: logs.RetentionDays.ONE_WEEK,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}


class Roles(Construct):
    """A role and a log group for each handler. By itself, a role may only write to its log group and send traces."""

    def __init__(self, scope: Construct, id_: str, *, handlers: tuple[str, ...], log_days: int, data: Data) -> None:
        super().__init__(scope, id_)
        self._roles: dict[str, iam.Role] = {}
        self._logs: dict[str, logs.LogGroup] = {}
        for handler in handlers:
            name = to_cfn_resource_name(handler)
            group = logs.LogGroup(
                self,
                f"{name}Log",
                retention=RETENTION[log_days],
                removal_policy=RemovalPolicy.RETAIN if data is Data.RETAINED else RemovalPolicy.DESTROY,
            )
            role = iam.Role(self, f"{name}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
            group.grant_write(role)
            role.add_to_policy(
                iam.PolicyStatement(actions=["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources=["*"])
            )
            Validations.of(role).acknowledge(
                Acknowledgment(
                    id="AwsSolutions::AwsSolutions-IAM5[Resource::*]",
                    reason="actions that send traces have no resources; see AWS X-Ray, Service Authorization Reference",
                )
            )
            self._roles[handler], self._logs[handler] = role, group

    def role(self, handler: str) -> iam.Role:
        return self._roles[handler]

    def log(self, handler: str) -> logs.LogGroup:
        return self._logs[handler]


def policy_of(role: iam.Role) -> IDependable:
    """The policy of a role. Resources that use the role depend on it: without its policy a role allows nothing."""
    policy = role.node.try_find_child("DefaultPolicy")
    assert policy is not None  # noqa: S101  # every role here has permissions
    return policy
