"""The bucket that `chalicelib.objects` keeps in: contents too large for a request or for a record of the log."""

from datetime import timedelta
from typing import Final

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from chalicelib.objects import lifetimes
from infrastructure.permissions import BUCKET_ACTIONS
from infrastructure.stages import Data

PREFLIGHT: Final = 3600  # seconds that a browser remembers what it may send


class ObjectsBucket(Construct):
    """The bucket; what becomes of it with the stack is `data`, and of an object after its job's life nothing stays."""

    def __init__(self, scope: Construct, id_: str, *, data: Data, retention: timedelta) -> None:
        super().__init__(scope, id_)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            # Browsers of any page may use an address that the API signed; who has none is refused all the same.
            cors=[
                s3.CorsRule(
                    allowed_methods=[s3.HttpMethods.PUT, s3.HttpMethods.GET],
                    allowed_origins=["*"],
                    allowed_headers=["*"],
                    max_age=PREFLIGHT,
                )
            ],
            lifecycle_rules=[
                s3.LifecycleRule(
                    id=folder.strip("/"),
                    prefix=folder,
                    expiration=Duration.days(days),
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                )
                for folder, days in lifetimes(retention).items()
            ],
            removal_policy=RemovalPolicy.RETAIN if data is Data.RETAINED else RemovalPolicy.DESTROY,
            auto_delete_objects=data is Data.DESTROYED,  # or CloudFormation would not delete it while there are some
        )
        Validations.of(self.bucket).acknowledge(
            Acknowledgment(
                id="AwsSolutions::AwsSolutions-S1",
                reason="access logs keep whole addresses, and a signed one opens its object while it lasts; "
                "data events of CloudTrail tell who did what without them",
            )
        )

    def let(self, role: iam.Role, handler: str) -> None:
        """Let a handler's role do to the bucket what the handler does."""
        actions: dict[str | None, list[str]] = {}
        for action, folder in BUCKET_ACTIONS[f"app.{handler}"]:
            actions.setdefault(folder, []).append(action)
        name = Stack.of(self).resolve(Stack.of(self).get_logical_id(self._resource))
        for folder, allowed in actions.items():
            if folder is None:
                role.add_to_policy(iam.PolicyStatement(actions=allowed, resources=[self.bucket.bucket_arn]))
                continue
            arn = self.bucket.arn_for_objects(f"{folder}*")
            role.add_to_policy(iam.PolicyStatement(actions=allowed, resources=[arn]))
            Validations.of(role).acknowledge(
                Acknowledgment(
                    id=f"AwsSolutions::AwsSolutions-IAM5[Resource::<{name}.Arn>/{folder}*]",
                    reason="the objects of all jobs are in this folder, and their names come with the jobs",
                )
            )

    @property
    def _resource(self) -> s3.CfnBucket:
        resource = self.bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)  # noqa: S101
        return resource
