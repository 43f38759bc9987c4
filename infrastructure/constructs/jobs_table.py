"""The job log in DynamoDB, with the keys and indexes that `chalicelib.ledger.dynamodb_items` describes."""

from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from chalicelib.ledger.dynamodb_items import table_definition
from infrastructure.permissions import TABLE_ACTIONS
from infrastructure.stage import Data

EXPIRY: Final = "expiresAt"  # the attribute that DynamoDB's TTL reads


class JobsTable(Construct):
    """The table. `data` says what happens to it when the stack is destroyed."""

    def __init__(self, scope: Construct, id_: str, *, data: Data) -> None:
        super().__init__(scope, id_)
        definition = table_definition("jobs")
        partition, sort = (_attribute(key["AttributeName"]) for key in definition["KeySchema"])
        self.table = dynamodb.Table(
            self,
            "Jobs",
            partition_key=partition,
            sort_key=sort,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute=EXPIRY,
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            deletion_protection=data is Data.RETAINED,
            removal_policy=RemovalPolicy.RETAIN if data is Data.RETAINED else RemovalPolicy.DESTROY,
        )
        for index in definition["GlobalSecondaryIndexes"]:
            partition, sort = (_attribute(key["AttributeName"]) for key in index["KeySchema"])
            self.table.add_global_secondary_index(index_name=index["IndexName"], partition_key=partition, sort_key=sort)

    def grant(self, role: iam.Role, handler: str) -> None:
        """Give a role the permissions on the table that a handler needs."""
        actions: dict[str | None, list[str]] = {}
        for action, index in TABLE_ACTIONS[f"app.{handler}"]:
            actions.setdefault(index, []).append(action)
        for index, allowed in actions.items():
            arn = self.table.table_arn if index is None else f"{self.table.table_arn}/index/{index}"
            role.add_to_policy(iam.PolicyStatement(actions=allowed, resources=[arn]))


def _attribute(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
