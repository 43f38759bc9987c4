"""The stack of one stage: users, job log, bucket, handlers, API, alarms and dashboard."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from aws_cdk import Aws, CfnOutput, Stack
from constructs import Construct

from appsync_local.api.model import AuthMode
from chalicelib.api.calls import Reporting
from infrastructure.api import API
from infrastructure.backend_fields import backend_fields
from infrastructure.bundle import Package
from infrastructure.constructs.backend import Backend
from infrastructure.constructs.console import Console
from infrastructure.constructs.firewall import Firewall
from infrastructure.constructs.graphql_endpoint import GraphqlEndpoint
from infrastructure.constructs.identity import Identity
from infrastructure.constructs.jobs import Jobs
from infrastructure.constructs.schema import for_modes
from infrastructure.limits import LIMITS
from infrastructure.stage import Data, Stage


class ServiceStack(Stack):
    """The stack of one stage: the jobs, and an API and users of their own.

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
        self._jobs = Jobs(self, stage=stage, handlers=tuple(stage.limits))
        self._console: Console | None = None
        if stage.console:  # before the API, which accepts tokens of its client
            self._console = Console(
                self, "Console", identity=self._identity, objects=self._jobs.objects.bucket, data=stage.data
            )
        handlers = Backend(
            self, "Backend", source=root, package=package, roles=self._jobs.roles, limits=stage.limits
        ).handlers
        self._endpoint = GraphqlEndpoint(
            self,
            "Graphql",
            name=id_,
            wiring=wiring,
            limits=stage.operation,
            schema=for_modes(schema, wiring.modes),
            code=root / "graphql",
            functions={handler: handlers.arn(handler) for handler in stage.limits},
            pool=self._identity.pool,
            client_ids=self._identity.client_ids,
        )
        self._endpoint.keep_log(days=stage.log_days, data=stage.data)
        if stage.waf is not None:
            Firewall(self, "Firewall", api=self._endpoint.api, rule=stage.waf, reporting=stage.reporting)
        handlers.allow_invocation(
            "authorizer", service="appsync", source_arn=self._endpoint.api.attr_arn, name="AuthorizerPermission"
        )
        handlers.set_environment(
            "authorizer",
            {
                "LONGCALL_ISSUER": self._identity.issuer,
                "LONGCALL_CLIENT_ID": ",".join(self._identity.client_ids),
                "LONGCALL_DENIED_FIELDS": ",".join(backend_fields(schema)),
            },
        )
        self._alarms = self._jobs.connect(handlers, self._endpoint, name=id_)
        self._add_outputs()
        if self._console is not None:
            self._console.connect(
                graphql_url=self._endpoint.url, realtime_url=self._endpoint.realtime_url, log_days=stage.log_days
            )
            CfnOutput(self, "ConsoleUrl", value=self._console.url)

    def _add_outputs(self) -> None:
        """What the command line and operators need to know. `longcall` reads these names."""
        for name, value in {
            "GraphqlUrl": self._endpoint.url,
            "RealtimeUrl": self._endpoint.realtime_url,
            "Region": Aws.REGION,
            "UserPoolId": self._identity.pool.user_pool_id,
            "ClientId": self._identity.client.user_pool_client_id,
            "TableName": self._jobs.table.table.table_name,
            "BucketName": self._jobs.objects.bucket.bucket_name,
            "DeadLetterQueueUrl": self._jobs.dead_letters.queue_url,
            "AlarmTopicArn": self._alarms.topic.topic_arn,
            "LogGroups": ",".join(self._jobs.roles.log(handler).log_group_name for handler in LIMITS),
        }.items():
            CfnOutput(self, name, value=value)
