"""The bucket of `chalicelib.objects`: contents that are too large for a request or for a record of the log."""

from datetime import timedelta
from typing import Final

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from chalicelib.objects.keys import lifetimes
from infrastructure.permissions import BUCKET_ACTIONS
from infrastructure.stage import Data

PREFLIGHT: Final = 3600  # seconds that a browser caches the answer to a CORS preflight


class ObjectsBucket(Construct):
    """The bucket. `data` says what happens to it when the stack is destroyed; an object is deleted with its job."""

    def __init__(self, scope: Construct, id_: str, *, data: Data, retention: timedelta) -> None:
        super().__init__(scope, id_)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            # Any page may use an address that the API has signed; a request without a signature is refused anyway.
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
            auto_delete_objects=data is Data.DESTROYED,  # CloudFormation deletes only an empty bucket
        )
        Validations.of(self.bucket).acknowledge(
            Acknowledgment(
                id="AwsSolutions::AwsSolutions-S1",
                reason="access logs contain whole addresses, and a signed one opens its object while it is valid; "
                "data events of CloudTrail record the same accesses without addresses",
            )
        )

    def grant(self, role: iam.Role, handler: str) -> None:
        """Give a role the permissions on the bucket that a handler needs."""
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
                    reason="this folder contains the objects of all jobs, and their names are not known beforehand",
                )
            )

    @property
    def _resource(self) -> s3.CfnBucket:
        resource = self.bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)  # noqa: S101
        return resource
