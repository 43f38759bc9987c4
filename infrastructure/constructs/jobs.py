"""Everything of the jobs but their API: log, objects, permissions, environments, events, alarms and dashboard."""

from datetime import timedelta
from typing import Final, Protocol

from aws_cdk import Acknowledgment, Aws, Duration, Validations
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from chalicelib.api.calls import Reporting
from infrastructure.constructs.alarms import Alarms
from infrastructure.constructs.bedrock_access import grant_guardrail, grant_stream
from infrastructure.constructs.dashboard import Dashboard
from infrastructure.constructs.handlers import Handlers
from infrastructure.constructs.jobs_table import JobsTable
from infrastructure.constructs.metrics import LogMetrics
from infrastructure.constructs.objects_bucket import ObjectsBucket
from infrastructure.constructs.roles import Roles
from infrastructure.stage import Stage

REPORT_AGE: Final = 21_600  # seconds that Lambda tries to deliver a failure to `job_failed`; the longest that it allows
SWEEP_EVERY: Final = "rate(1 minute)"


class ReportingApi(Protocol):
    """The API that the worker and the supervisors report to."""

    @property
    def url(self) -> str: ...

    @property
    def api_id(self) -> str:
        """Of the API whose metrics are watched."""

    @property
    def api_key(self) -> str | None:
        """The key that the worker reports with; None: it signs its requests."""

    @property
    def type_prefix(self) -> str:
        """What the names of our types begin with in the API's schema."""

    def grant_field(self, role: iam.Role, field: str) -> None:
        """Let a role call one field, such as `Mutation.updateStatus`, with IAM authorization."""


class Jobs:
    """Everything of the jobs but their API. The resources are added to `scope` itself, with the names used here.

    Handlers and API need some of these resources, and these need handlers and API. So the first part is made here, and
    the rest by `connect`.

    Args:
        scope: The stack or construct that gets the resources.
        stage: What differs between deployments.
        handlers: The handlers that there are.
    """

    def __init__(self, scope: Construct, *, stage: Stage, handlers: tuple[str, ...]) -> None:
        self._scope = scope
        self._stage = stage
        self._names = handlers
        self.table = JobsTable(scope, "Jobs", data=stage.data)
        self.objects = ObjectsBucket(scope, "Objects", data=stage.data, retention=timedelta(days=stage.retention_days))
        self.dead_letters = sqs.Queue(
            scope,
            "DeadLetters",
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            retention_period=Duration.days(stage.dead_letter_days),
        )
        Validations.of(self.dead_letters).acknowledge(
            Acknowledgment(
                id="AwsSolutions::AwsSolutions-SQS3",
                reason="it is a dead-letter queue itself: the failure destination of a function",
            )
        )
        self.roles = Roles(scope, "Roles", handlers=handlers, log_days=stage.log_days, data=stage.data)

    def connect(self, handlers: Handlers, endpoint: ReportingApi, *, name: str) -> Alarms:
        """Configure the handlers, let them call the API, and watch both.

        Args:
            handlers: The handlers, with the roles that were made here.
            endpoint: The API.
            name: The namespace of the metrics, and the name of the dashboard.

        Returns:
            The alarms.
        """
        self._set_environments(handlers, endpoint)
        self._grant(endpoint)
        self._configure_events(handlers)
        return self._add_monitoring(handlers, endpoint, name=name)

    def _set_environments(self, handlers: Handlers, endpoint: ReportingApi) -> None:
        prefix = {"LONGCALL_TYPE_PREFIX": endpoint.type_prefix} if endpoint.type_prefix else {}
        api = {"LONGCALL_API_URL": endpoint.url, **prefix}
        ledger = {"LONGCALL_LEDGER": f"dynamodb:{self.table.table.table_name}"}
        bucket = {"LONGCALL_BUCKET": self.objects.bucket.bucket_name}
        key = {} if endpoint.api_key is None else {"LONGCALL_API_KEY": endpoint.api_key}
        addresses = {
            "inference": {**api, **bucket, **key},
            "status_relay": {**ledger, **bucket},
            "job_failed": api,
            "sweep": {**api, **ledger, "LONGCALL_DEAD_LETTERS": self.dead_letters.queue_url},
        }
        for handler, variables in addresses.items():
            handlers.set_environment(handler, {**variables, **self._stage.settings(handler)})

    def _grant(self, endpoint: ReportingApi) -> None:
        """The permissions of every handler."""
        stage = self._stage
        worker, relay, reporter, sweep = map(self.roles.role, ("inference", "status_relay", "job_failed", "sweep"))
        if stage.reporting is Reporting.SIGNATURE:
            endpoint.grant_field(worker, "Mutation.updateStatus")
            endpoint.grant_field(worker, "Mutation.dispatchInference")  # it hands over
        grant_stream(worker, stage.bedrock)
        if stage.guardrail:
            grant_guardrail(worker, stage.guardrail)
        if stage.openai and stage.openai.secret:
            self._grant_secret(worker, stage.openai.secret)
        for right in stage.rights:
            worker.add_to_policy(iam.PolicyStatement(actions=list(right.actions), resources=list(right.resources)))
        self.objects.grant(worker, "inference")
        self.table.grant(relay, "status_relay")
        self.objects.grant(relay, "status_relay")
        endpoint.grant_field(reporter, "Mutation.updateStatus")
        self.table.grant(sweep, "sweep")
        endpoint.grant_field(sweep, "Mutation.updateStatus")
        endpoint.grant_field(sweep, "Mutation.dispatchInference")
        erasing = ["sqs:ReceiveMessage", "sqs:DeleteMessage"]
        sweep.add_to_policy(iam.PolicyStatement(actions=erasing, resources=[self.dead_letters.queue_arn]))

    def _grant_secret(self, role: iam.Role, name: str) -> None:
        """Let a role read a secret. Its ARN ends with six random characters.

        Source: AWS Secrets Manager User Guide, "Resource-based policies".
        """
        secret = f"arn:{Aws.PARTITION}:secretsmanager:{Aws.REGION}:{Aws.ACCOUNT_ID}:secret:{name}-??????"
        role.add_to_policy(iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[secret]))

    def _configure_events(self, handlers: Handlers) -> None:
        """Capacity, the handling of asynchronous events, and the schedule."""
        job_failed = handlers.arn("job_failed")
        # Lambda sends to a failure destination with the role of the function that failed.
        self.roles.role("inference").add_to_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[job_failed])
        )
        self.roles.role("job_failed").add_to_policy(
            iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[self.dead_letters.queue_arn])
        )
        for handler in self._names:
            reserved = self._stage.reserved_for(handler)
            if reserved is not None:
                handlers.reserve_concurrency(handler, reserved)
        handlers.set_events("inference", age=self._stage.event_age_seconds, retries=2, on_failure=job_failed)
        handlers.set_events("job_failed", age=REPORT_AGE, retries=2, on_failure=self.dead_letters.queue_arn)
        handlers.set_events("sweep", age=60, retries=0, on_failure=None)  # the next one follows anyway
        rule = events.CfnRule(
            self._scope,
            "EveryMinute",
            description="handles jobs whose worker is lost",
            schedule_expression=SWEEP_EVERY,
            state="ENABLED",
            targets=[events.CfnRule.TargetProperty(id="sweep", arn=handlers.arn("sweep"))],
        )
        handlers.allow_invocation("sweep", service="events", source_arn=rule.attr_arn, name="SweepPermission")

    def _add_monitoring(self, handlers: Handlers, endpoint: ReportingApi, *, name: str) -> Alarms:
        functions = {handler: handlers.name(handler) for handler in self._names}
        log_metrics = LogMetrics(
            self._scope,
            "Counted",
            namespace=name,
            worker=self.roles.log("inference"),
            supervisors=[self.roles.log("sweep"), self.roles.log("job_failed")],
        )
        alarms = Alarms(
            self._scope,
            "Alarms",
            functions=functions,
            api_id=endpoint.api_id,
            dead_letters=self.dead_letters,
            log_metrics=log_metrics,
            event_age=self._stage.event_age_seconds,
        )
        Dashboard(
            self._scope,
            "Dashboard",
            name=name,
            functions=functions,
            limits=self._stage.limits,
            api_id=endpoint.api_id,
            table=self.table.table.table_name,
            log_metrics=log_metrics,
        )
        return alarms
