"""The web console on AWS: a private bucket, and CloudFront before it."""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from aws_cdk import (
    Acknowledgment,
    Aws,
    DefaultStackSynthesizer,
    Duration,
    Names,
    RemovalPolicy,
    Stack,
    Validations,
)
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_deployment as deployment
from constructs import Construct

from infrastructure.console_site import (
    ASKED_EACH_TIME,
    ASSETS,
    CONFIGURATION_PATH,
    DIST,
    FOR_EVER,
    INDEX,
    VIEWS,
    files,
    page,
    policy,
)
from infrastructure.constructs.roles import RETENTION
from infrastructure.stage import Data

HTTPS_ONLY_FOR: Final = Duration.days(365)
COPIER: Final = "Custom::CDKBucketDeployment"  # the function of CDK that copies the files into the bucket
COPIER_MEMORY: Final = 256  # MB
QUALIFIER: Final = DefaultStackSynthesizer.DEFAULT_QUALIFIER  # in the name of CDK's bucket of uploaded files
# Answers every view with the application. Any other address is a file's.
ROUTER: Final = """\
var views = %s;
function handler(event) {
  var request = event.request;
  var isView = views.some(function (view) {
    return view !== '/' && view.endsWith('/') ? request.uri.startsWith(view) : request.uri === view;
  });
  if (isView) request.uri = '/%s';
  return request;
}
"""


def router() -> str:
    """The code of the function that CloudFront runs for each request."""
    return ROUTER % (json.dumps(VIEWS), INDEX)


class ConsoleSite(Construct):
    """The site. First it has an address and no files; `upload` adds them, when the addresses in them are known.

    Args:
        data: What happens to the bucket when the stack is destroyed.
        addresses: What the application may talk to besides its own site. The API is not among them: it accepts tokens
            of a client that returns to this site, so it is created after the site.
        folder: The built files.
    """

    def __init__(
        self, scope: Construct, id_: str, *, data: Data, addresses: Sequence[str], folder: Path = DIST
    ) -> None:
        super().__init__(scope, id_)
        self._folder = folder
        self._bucket = s3.Bucket(
            self,
            "Files",
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=RemovalPolicy.RETAIN if data is Data.RETAINED else RemovalPolicy.DESTROY,
            auto_delete_objects=data is Data.DESTROYED,
        )
        # These names are for the whole account, and a stage may be deployed in several regions.
        self._name = f"{Names.unique_resource_name(self, max_length=40)}-{Aws.REGION}"
        access = cloudfront.S3OriginAccessControl(self, "Access", origin_access_control_name=self._name)
        behavior: dict[str, Any] = {
            "origin": origins.S3BucketOrigin.with_origin_access_control(self._bucket, origin_access_control=access),
            "viewer_protocol_policy": cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
            "response_headers_policy": self._headers(addresses),
            "compress": True,
        }
        function = cloudfront.Function(
            self,
            "Router",
            comment="answers every page of the console with its application",
            code=cloudfront.FunctionCode.from_inline(router()),
            runtime=cloudfront.FunctionRuntime.JS_2_0,
        )
        self._distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=f"{Stack.of(self).stack_name}: the console",
            default_behavior=cloudfront.BehaviorOptions(
                **behavior,
                cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,  # a deployment is seen at once
                function_associations=[
                    cloudfront.FunctionAssociation(
                        function=function, event_type=cloudfront.FunctionEventType.VIEWER_REQUEST
                    )
                ],
            ),
            additional_behaviors={
                f"{ASSETS}*": cloudfront.BehaviorOptions(
                    **behavior, cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED
                )
            },
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
        )
        self._acknowledge()

    @property
    def url(self) -> str:
        """The site's address, without a slash at the end."""
        return f"https://{self._distribution.distribution_domain_name}"

    def upload(
        self, configuration: Mapping[str, object], *, addresses: Sequence[str], log_days: int, data: Data
    ) -> None:
        """Deploy the files.

        Args:
            configuration: What the application reads at `CONFIGURATION_PATH`.
            addresses: All that the application may talk to besides its own site, the API included.
            log_days: How long the log of the function that copies the files is kept.
            data: What happens to this log when the stack is destroyed.
        """
        used = files(self._folder)
        log = logs.LogGroup(
            self,
            "CopierLog",
            retention=RETENTION[log_days],
            removal_policy=RemovalPolicy.RETAIN if data is Data.RETAINED else RemovalPolicy.DESTROY,
        )
        shared: dict[str, Any] = {
            "destination_bucket": self._bucket,
            "memory_limit": COPIER_MEMORY,
            "log_group": log,
            "role": self._copier(log),
        }
        # Files of earlier deployments stay: a page that was opened before loads parts of its application later.
        assets = deployment.BucketDeployment(
            self,
            "Assets",
            sources=[self._built({it for it in used if it.startswith("assets/")})],
            cache_control=[deployment.CacheControl.from_string(FOR_EVER)],
            prune=False,
            **shared,
        )
        pages = deployment.BucketDeployment(
            self,
            "Pages",
            sources=[
                self._built({it for it in used if not it.startswith("assets/")} - {INDEX}),
                deployment.Source.data(INDEX, page(addresses, self._folder)),
                deployment.Source.json_data(CONFIGURATION_PATH.removeprefix("/"), dict(configuration)),
            ],
            cache_control=[deployment.CacheControl.from_string(ASKED_EACH_TIME)],
            exclude=["assets/*"],
            **shared,
        )
        pages.node.add_dependency(assets)  # the page names the assets
        for child in Stack.of(self).node.children:
            if child.node.id.startswith(COPIER):
                Validations.of(child).acknowledge(
                    Acknowledgment(
                        id="AwsSolutions::AwsSolutions-L1",
                        reason="the function is CDK's own, and so is its version of Python",
                    )
                )

    def _built(self, wanted: Collection[str]) -> deployment.ISource:
        """The built files with these paths."""
        built = {it.relative_to(self._folder).as_posix() for it in self._folder.rglob("*") if it.is_file()}
        return deployment.Source.asset(str(self._folder), exclude=sorted(built - set(wanted)))

    def _headers(self, addresses: Sequence[str]) -> cloudfront.ResponseHeadersPolicy:
        return cloudfront.ResponseHeadersPolicy(
            self,
            "Headers",
            response_headers_policy_name=self._name,
            comment=f"{Stack.of(self).stack_name}: the console",
            security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
                content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                    content_security_policy=policy(addresses), override=True
                ),
                content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
                referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                    referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
                ),
                strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=HTTPS_ONLY_FOR, include_subdomains=True, override=True
                ),
            ),
        )

    def _copier(self, log: logs.LogGroup) -> iam.Role:
        """The role of the function of CDK that copies the files. CDK adds its permissions on the buckets."""
        role = iam.Role(self, "CopierRole", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log.grant_write(role)
        name = Stack.of(self).resolve(Stack.of(self).get_logical_id(_resource(self._bucket)))
        staged = f"arn:<AWS::Partition>:s3:::cdk-{QUALIFIER}-assets-<AWS::AccountId>-<AWS::Region>"
        wildcards = (
            *(f"Action::s3:{it}*" for it in ("GetBucket", "GetObject", "List", "Abort", "DeleteObject")),
            *(f"Resource::{it}/*" for it in (staged, f"<{name}.Arn>")),
        )
        for wildcard in wildcards:
            Validations.of(role).acknowledge(
                Acknowledgment(
                    id=f"AwsSolutions::AwsSolutions-IAM5[{wildcard}]",
                    reason="CDK gives these to its own function, which reads what CDK uploaded and writes the site",
                )
            )
        return role

    def _acknowledge(self) -> None:
        logs_reason = "access logs contain whole addresses, and one of them has the code of a sign-in"
        for scope, rules in {
            self._bucket: {"S1": logs_reason},
            self._distribution: {
                "CFR1": "users may be in any country; who may sign in is decided by the user pool",
                "CFR2": "the site is static files; the API behind it has a firewall if the stage sets one (waf)",
                "CFR3": logs_reason,
                "CFR4": "CloudFront sets the version of TLS itself for its own domain names; others need a certificate",
            },
        }.items():
            for rule, reason in rules.items():
                Validations.of(scope).acknowledge(
                    Acknowledgment(id=f"AwsSolutions::AwsSolutions-{rule}", reason=reason)
                )


def _resource(bucket: s3.Bucket) -> s3.CfnBucket:
    resource = bucket.node.default_child
    assert isinstance(resource, s3.CfnBucket)  # noqa: S101
    return resource
