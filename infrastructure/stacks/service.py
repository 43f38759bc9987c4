"""The stack of one stage: users, job log, bucket, handlers, API, alarms and dashboard."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from aws_cdk import Acknowledgment, Aws, CfnOutput, Duration, Stack, Validations
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from appsync_local.api.model import AuthMode
from chalicelib.api.calls import Reporting
from infrastructure.api import API
from infrastructure.backend_fields import backend_fields
from infrastructure.bundle import Package
from infrastructure.constructs.alarms import Alarms
from infrastructure.constructs.backend import Backend
from infrastructure.constructs.bedrock_access import grant_guardrail, grant_stream
from infrastructure.constructs.dashboard import Dashboard
from infrastructure.constructs.firewall import Firewall
from infrastructure.constructs.graphql_endpoint import GraphqlEndpoint
from infrastructure.constructs.identity import Identity
from infrastructure.constructs.jobs_table import JobsTable
from infrastructure.constructs.metrics import LogMetrics
from infrastructure.constructs.objects_bucket import ObjectsBucket
from infrastructure.constructs.roles import Roles
from infrastructure.constructs.schema import for_modes
from infrastructure.limits import LIMITS
from infrastructure.stage import Data, Stage

REPORT_AGE: Final = 21_600  # seconds that Lambda tries to deliver a failure to `job_failed`; the longest that it allows
SWEEP_EVERY: Final = "rate(1 minute)"


class ServiceStack(Stack):
    """The stack of one stage.

    Args:
        root: The project's folder, which contains `graphql/`.
        stage: What differs between deployments.
        package: The zip with the handlers.
    """

    def __init__(
        self, scope: Construct, id_: str, *, root: Path, stage: Stage, package: Package, **options: Any
    ) -> None:
        super().__init__(
            scope,
            id_,
            description=f"Longcall, stage {stage.name}: long-running calls behind AWS AppSync",
            termination_protection=stage.data is Data.RETAINED,
            **options,
        )
        wiring = API if stage.reporting is Reporting.SIGNATURE else replace(API, modes=(*API.modes, AuthMode.API_KEY))
        schema = (root / "graphql" / "schema.graphql").read_text("utf-8")
        self._identity = Identity(
            self,
            "Identity",
            name=id_,
            data=stage.data,
            second_factor=stage.second_factor,
            sign_up=stage.sign_up,
            sign_in=stage.sign_in,
        )
        self._jobs = JobsTable(self, "Jobs", data=stage.data)
        self._objects = ObjectsBucket(self, "Objects", data=stage.data, retention=timedelta(days=stage.retention_days))
        self._dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            retention_period=Duration.days(stage.dead_letter_days),
        )
        Validations.of(self._dead_letters).acknowledge(
            Acknowledgment(
                id="AwsSolutions::AwsSolutions-SQS3",
                reason="it is a dead-letter queue itself: the failure destination of a function",
            )
        )
        self._roles = Roles(self, "Roles", handlers=tuple(stage.limits), log_days=stage.log_days, data=stage.data)
        self._backend = Backend(self, "Backend", source=root, package=package, roles=self._roles, limits=stage.limits)
        self._endpoint = GraphqlEndpoint(
            self,
            "Graphql",
            name=id_,
            wiring=wiring,
            limits=stage.operation,
            schema=for_modes(schema, wiring.modes),
            code=root / "graphql",
            functions={handler: self._backend.arn(handler) for handler in stage.limits},
            pool=self._identity.pool,
            client_id=self._identity.client.user_pool_client_id,
        )
        self._endpoint.keep_log(days=stage.log_days, data=stage.data)
        if stage.waf is not None:
            Firewall(self, "Firewall", api=self._endpoint.api, rule=stage.waf, reporting=stage.reporting)
        self._backend.allow_invocation(
            "authorizer", service="appsync", source_arn=self._endpoint.api.attr_arn, name="AuthorizerPermission"
        )
        self._set_environments(stage, denied_fields=backend_fields(schema))
        self._grant(stage)
        self._configure_events(stage)
        self._add_monitoring(stage, name=id_)
        self._add_outputs()

    def _set_environments(self, stage: Stage, *, denied_fields: tuple[str, ...]) -> None:
        api = {"LONGCALL_API_URL": self._endpoint.url}
        ledger = {"LONGCALL_LEDGER": f"dynamodb:{self._jobs.table.table_name}"}
        bucket = {"LONGCALL_BUCKET": self._objects.bucket.bucket_name}
        key = {} if self._endpoint.key is None else {"LONGCALL_API_KEY": self._endpoint.key.attr_api_key}
        pool = {
            "LONGCALL_ISSUER": self._identity.issuer,
            "LONGCALL_CLIENT_ID": self._identity.client.user_pool_client_id,
            "LONGCALL_DENIED_FIELDS": ",".join(denied_fields),
        }
        addresses = {
            "inference": {**api, **bucket, **key},
            "status_relay": {**ledger, **bucket},
            "authorizer": pool,
            "job_failed": api,
            "sweep": {**api, **ledger, "LONGCALL_DEAD_LETTERS": self._dead_letters.queue_url},
        }
        for handler, variables in addresses.items():
            self._backend.set_environment(handler, {**variables, **stage.settings(handler)})

    def _grant(self, stage: Stage) -> None:
        """The permissions of every handler; the authorizer has none."""
        worker, relay, reporter, sweep = map(self._roles.role, ("inference", "status_relay", "job_failed", "sweep"))
        if stage.reporting is Reporting.SIGNATURE:
            self._endpoint.grant_field(worker, "Mutation.updateStatus")
            self._endpoint.grant_field(worker, "Mutation.dispatchInference")  # it hands over
        grant_stream(worker, stage.bedrock)
        if stage.guardrail:
            grant_guardrail(worker, stage.guardrail)
        if stage.openai and stage.openai.secret:
            self._grant_secret(worker, stage.openai.secret)
        for right in stage.rights:
            worker.add_to_policy(iam.PolicyStatement(actions=list(right.actions), resources=list(right.resources)))
        self._objects.grant(worker, "inference")
        self._jobs.grant(relay, "status_relay")
        self._objects.grant(relay, "status_relay")
        self._endpoint.grant_field(reporter, "Mutation.updateStatus")
        self._jobs.grant(sweep, "sweep")
        self._endpoint.grant_field(sweep, "Mutation.updateStatus")
        self._endpoint.grant_field(sweep, "Mutation.dispatchInference")
        erasing = ["sqs:ReceiveMessage", "sqs:DeleteMessage"]
        sweep.add_to_policy(iam.PolicyStatement(actions=erasing, resources=[self._dead_letters.queue_arn]))

    def _grant_secret(self, role: iam.Role, name: str) -> None:
        """Let a role read a secret. Its ARN ends with six random characters.

        Source: AWS Secrets Manager User Guide, "Resource-based policies".
        """
        secret = f"arn:{Aws.PARTITION}:secretsmanager:{Aws.REGION}:{Aws.ACCOUNT_ID}:secret:{name}-??????"
        role.add_to_policy(iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[secret]))

    def _configure_events(self, stage: Stage) -> None:
        """Capacity, the handling of asynchronous events, and the schedule."""
        job_failed = self._backend.arn("job_failed")
        # Lambda sends to a failure destination with the role of the function that failed.
        self._roles.role("inference").add_to_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[job_failed])
        )
        self._roles.role("job_failed").add_to_policy(
            iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[self._dead_letters.queue_arn])
        )
        for handler in stage.limits:
            reserved = stage.reserved_for(handler)
            if reserved is not None:
                self._backend.reserve_concurrency(handler, reserved)
        self._backend.set_events("inference", age=stage.event_age_seconds, retries=2, on_failure=job_failed)
        self._backend.set_events("job_failed", age=REPORT_AGE, retries=2, on_failure=self._dead_letters.queue_arn)
        self._backend.set_events("sweep", age=60, retries=0, on_failure=None)  # the next one follows anyway
        rule = events.CfnRule(
            self,
            "EveryMinute",
            description="handles jobs whose worker is lost",
            schedule_expression=SWEEP_EVERY,
            state="ENABLED",
            targets=[events.CfnRule.TargetProperty(id="sweep", arn=self._backend.arn("sweep"))],
        )
        self._backend.allow_invocation("sweep", service="events", source_arn=rule.attr_arn, name="SweepPermission")

    def _add_monitoring(self, stage: Stage, *, name: str) -> None:
        functions = {handler: self._backend.name(handler) for handler in stage.limits}
        log_metrics = LogMetrics(
            self,
            "Counted",
            namespace=name,
            worker=self._roles.log("inference"),
            supervisors=[self._roles.log("sweep"), self._roles.log("job_failed")],
        )
        self._alarms = Alarms(
            self,
            "Alarms",
            functions=functions,
            api_id=self._endpoint.api.attr_api_id,
            dead_letters=self._dead_letters,
            log_metrics=log_metrics,
            event_age=stage.event_age_seconds,
        )
        Dashboard(
            self,
            "Dashboard",
            name=name,
            functions=functions,
            limits=stage.limits,
            api_id=self._endpoint.api.attr_api_id,
            table=self._jobs.table.table_name,
            log_metrics=log_metrics,
        )

    def _add_outputs(self) -> None:
        """What the command line and operators need to know. `longcall` reads these names."""
        for name, value in {
            "GraphqlUrl": self._endpoint.url,
            "RealtimeUrl": self._endpoint.realtime_url,
            "Region": Aws.REGION,
            "UserPoolId": self._identity.pool.user_pool_id,
            "ClientId": self._identity.client.user_pool_client_id,
            "TableName": self._jobs.table.table_name,
            "BucketName": self._objects.bucket.bucket_name,
            "DeadLetterQueueUrl": self._dead_letters.queue_url,
            "AlarmTopicArn": self._alarms.topic.topic_arn,
            "LogGroups": ",".join(self._roles.log(handler).log_group_name for handler in LIMITS),  # of the handlers
        }.items():
            CfnOutput(self, name, value=value)
