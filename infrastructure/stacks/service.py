"""Everything of one stage, in one stack: users, job log, bucket, handlers, API, and what watches over them."""

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
from infrastructure.bundle import Package
from infrastructure.constructs.alarms import Alarms
from infrastructure.constructs.backend import Backend
from infrastructure.constructs.bedrock_access import let_guard, let_stream
from infrastructure.constructs.dashboard import Dashboard
from infrastructure.constructs.graphql_endpoint import GraphqlEndpoint
from infrastructure.constructs.identity import Identity
from infrastructure.constructs.jobs_table import JobsTable
from infrastructure.constructs.metrics import Counted
from infrastructure.constructs.objects_bucket import ObjectsBucket
from infrastructure.constructs.roles import Roles
from infrastructure.constructs.schema import for_modes
from infrastructure.stages import Data, Stage

DEAD_LETTER_LIFE: Final = Duration.days(14)  # the longest that SQS keeps a message
REPORT_AGE: Final = 21_600  # seconds that Lambda tries to hand a failure to `job_failed`, the longest it does
SWEEP_EVERY: Final = "rate(1 minute)"


class ServiceStack(Stack):
    """The stack of one stage.

    Args:
        root: The project's folder, with `graphql/` in it.
        stage: What differs between deployments.
        package: The zip of the handlers.
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
            self, "Identity", name=id_, data=stage.data, second_factor=stage.second_factor, sign_up=stage.sign_up
        )
        self._jobs = JobsTable(self, "Jobs", data=stage.data)
        self._objects = ObjectsBucket(self, "Objects", data=stage.data, retention=timedelta(days=stage.retention_days))
        self._dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            retention_period=DEAD_LETTER_LIFE,
        )
        Validations.of(self._dead_letters).acknowledge(
            Acknowledgment(
                id="AwsSolutions::AwsSolutions-SQS3",
                reason="it is a dead-letter queue itself, as the failure destination of a function",
            )
        )
        self._roles = Roles(self, "Roles", handlers=tuple(stage.limits), log_days=stage.log_days, data=stage.data)
        self._backend = Backend(self, "Backend", source=root, package=package, roles=self._roles, limits=stage.limits)
        self._endpoint = GraphqlEndpoint(
            self,
            "Graphql",
            name=id_,
            wiring=wiring,
            schema=for_modes(schema, wiring.modes),
            code=root / "graphql",
            functions={handler: self._backend.arn(handler) for handler in stage.limits},
            pool=self._identity.pool,
            client_id=self._identity.client.user_pool_client_id,
        )
        self._endpoint.keep_log(days=stage.log_days, data=stage.data)
        self._backend.let(
            "authorizer", service="appsync", source_arn=self._endpoint.api.attr_arn, name="AuthorizerPermission"
        )
        self._set_environments(stage)
        self._grant(stage)
        self._deliver(stage)
        self._watch(stage, name=id_)
        self._say()

    def _set_environments(self, stage: Stage) -> None:
        api = {"LONGCALL_API_URL": self._endpoint.url}
        ledger = {"LONGCALL_LEDGER": f"dynamodb:{self._jobs.table.table_name}"}
        bucket = {"LONGCALL_BUCKET": self._objects.bucket.bucket_name}
        key = {} if self._endpoint.key is None else {"LONGCALL_API_KEY": self._endpoint.key.attr_api_key}
        pool = {
            "LONGCALL_ISSUER": self._identity.issuer,
            "LONGCALL_CLIENT_ID": self._identity.client.user_pool_client_id,
        }
        addresses = {
            "inference": {**api, **bucket, **key},
            "status_relay": {**ledger, **bucket},
            "authorizer": pool,
            "job_failed": api,
            "sweep": {**api, **ledger},
        }
        for handler, variables in addresses.items():
            self._backend.set_environment(handler, {**variables, **stage.settings(handler)})

    def _grant(self, stage: Stage) -> None:
        """Who may do what; the authorizer may do nothing."""
        worker, relay, reporter, sweep = map(self._roles.role, ("inference", "status_relay", "job_failed", "sweep"))
        if stage.reporting is Reporting.SIGNATURE:
            self._endpoint.grant_field(worker, "Mutation.updateStatus")
            self._endpoint.grant_field(worker, "Mutation.dispatchInference")  # to hand over
        let_stream(worker, stage.bedrock)
        if stage.guardrail:
            let_guard(worker, stage.guardrail)
        if stage.openai and stage.openai.secret:
            self._let_read_secret(worker, stage.openai.secret)
        self._objects.let(worker, "inference")
        self._jobs.let(relay, "status_relay")
        self._objects.let(relay, "status_relay")
        self._endpoint.grant_field(reporter, "Mutation.updateStatus")
        self._jobs.let(sweep, "sweep")
        self._endpoint.grant_field(sweep, "Mutation.updateStatus")
        self._endpoint.grant_field(sweep, "Mutation.dispatchInference")

    def _let_read_secret(self, role: iam.Role, name: str) -> None:
        """Source: AWS Secrets Manager User Guide, "Resource-based policies": six characters are added to a name."""
        secret = f"arn:{Aws.PARTITION}:secretsmanager:{Aws.REGION}:{Aws.ACCOUNT_ID}:secret:{name}-??????"
        role.add_to_policy(iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[secret]))

    def _deliver(self, stage: Stage) -> None:
        """What becomes of asynchronous invocations, and what runs by the clock."""
        job_failed = self._backend.arn("job_failed")
        # Lambda sends to a failure destination with the rights of the function that failed.
        self._roles.role("inference").add_to_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[job_failed])
        )
        self._roles.role("job_failed").add_to_policy(
            iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[self._dead_letters.queue_arn])
        )
        self._backend.set_concurrency("inference", stage.jobs)
        self._backend.set_events("inference", age=stage.event_age_seconds, retries=2, on_failure=job_failed)
        self._backend.set_events("job_failed", age=REPORT_AGE, retries=2, on_failure=self._dead_letters.queue_arn)
        self._backend.set_events("sweep", age=60, retries=0, on_failure=None)  # the next one comes anyway
        rule = events.CfnRule(
            self,
            "EveryMinute",
            description="looks after jobs that nobody hears of any more",
            schedule_expression=SWEEP_EVERY,
            state="ENABLED",
            targets=[events.CfnRule.TargetProperty(id="sweep", arn=self._backend.arn("sweep"))],
        )
        self._backend.let("sweep", service="events", source_arn=rule.attr_arn, name="SweepPermission")

    def _watch(self, stage: Stage, *, name: str) -> None:
        functions = {handler: self._backend.name(handler) for handler in stage.limits}
        counted = Counted(
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
            counted=counted,
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
            counted=counted,
        )

    def _say(self) -> None:
        """What the command line, and whoever operates this, has to know; `longcall` reads these names."""
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
        }.items():
            CfnOutput(self, name, value=value)
