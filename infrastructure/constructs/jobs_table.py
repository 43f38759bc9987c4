"""The job log in DynamoDB, with the keys and indexes that `chalicelib.ledger.dynamodb` reads and writes."""

from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from chalicelib.ledger.dynamodb import table_definition
from infrastructure.stages import Data

EXPIRY: Final = "expiresAt"  # the attribute that DynamoDB's TTL looks at
WRITER: Final = ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:Query")
# A sweep writes no event. Reading a job's newest record repairs its projection where a crash left that behind.
READER: Final = ("dynamodb:Query", "dynamodb:UpdateItem")


class JobsTable(Construct):
    """The table; what becomes of it with the stack is `data`."""

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

    def let_write(self, role: iam.Role) -> None:
        """The relay's permissions: jobs one by one, and an owner's list."""
        self._let(role, WRITER, index="by_owner")

    def let_sweep(self, role: iam.Role) -> None:
        """The sweep's permissions: unfinished jobs, and the newest record of each."""
        self._let(role, READER, index="by_activity")

    def _let(self, role: iam.Role, actions: tuple[str, ...], *, index: str) -> None:
        arn = self.table.table_arn
        role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=[arn]))
        role.add_to_policy(iam.PolicyStatement(actions=["dynamodb:Query"], resources=[f"{arn}/index/{index}"]))


def _attribute(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
