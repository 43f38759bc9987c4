"""The jobs for an application that has an AppSync API already."""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Self

from aws_cdk import Acknowledgment, Aws, CfnResource, Names, Stack, Token, Validations
from aws_cdk import aws_appsync as appsync
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct
from graphql import DefinitionNode

from appsync_local.api.model import AuthMode
from chalicelib.workloads.registry import find_own
from infrastructure.bundle import build
from infrastructure.constructs.api_log import acknowledge_log, add_log_group, add_log_role, log_config
from infrastructure.constructs.functions import plain_functions
from infrastructure.constructs.graphql_fields import add_fields
from infrastructure.constructs.jobs import Jobs
from infrastructure.jobs_schema import ROOT_TYPES, ApiUnfit, jobs_schema, schema_text
from infrastructure.limits import LIMITS
from infrastructure.project import ProjectInvalid, stage_of
from infrastructure.schema_merge import with_jobs
from infrastructure.stage import Stage
from infrastructure.wiring import wiring_for
from longcall import stages as public

BASE: Final = Path(__file__).resolve().parents[2]
TYPE_PREFIX: Final = "Longcall"
DASHBOARD_NAME: Final = 200  # characters; CloudWatch allows 255
API_NAME: Final = 64  # characters
HANDLERS: Final = tuple(handler for handler in LIMITS if handler != "authorizer")  # the API has its own
REPORTERS: Final = ("inference", "job_failed", "sweep")
MODES: Final[Mapping[appsync.AuthorizationType, AuthMode]] = {
    appsync.AuthorizationType.API_KEY: AuthMode.API_KEY,
    appsync.AuthorizationType.IAM: AuthMode.IAM,
    appsync.AuthorizationType.LAMBDA: AuthMode.LAMBDA,
    appsync.AuthorizationType.OIDC: AuthMode.OIDC,
    appsync.AuthorizationType.USER_POOL: AuthMode.COGNITO,
}


class LongRunningJobs(Construct):
    """The jobs beside an existing API: `into` adds them to its schema, `beside` merges an API of their own with it.

    Attributes:
        alarm_topic: The topic that all alarms are sent to; subscribe to it.
    """

    alarm_topic: sns.Topic

    def __init__(self, scope: Construct, id_: str, *, stage: public.Stage, workloads: Path | str | None = None) -> None:
        """Create the resources that need no API. Use `into` or `beside`, which add the rest.

        Raises:
            ProjectInvalid: A setting of the stage cannot be used, or not here.
        """
        super().__init__(scope, id_)
        self._stage = stage_of(stage, self.node.path)
        if self._stage.console:
            raise ProjectInvalid(
                f"{self.node.path}: stage {stage.name!r}: console must be off, but is on: it signs in users of "
                "a stage of its own (`longcall new`)"
            )
        if self._stage.waf is not None:
            raise ProjectInvalid(
                f"{self.node.path}: stage {stage.name!r}: waf must be None, but is {self._stage.waf}: it protects an "
                "API of a stage's own, and this one is yours"
            )
        self._jobs = Jobs(self, stage=self._stage, handlers=HANDLERS)
        self._handlers = plain_functions(
            Construct(self, "Functions"),
            archive=_archive(self._stage.requirements, None if workloads is None else Path(workloads).resolve()),
            roles=self._jobs.roles,
            limits={handler: self._stage.limits[handler] for handler in HANDLERS},
        )

    @classmethod
    def into(
        cls,
        scope: Construct,
        id_: str,
        *,
        api: appsync.GraphqlApi,
        stage: public.Stage,
        type_prefix: str = TYPE_PREFIX,
        workloads: Path | str | None = None,
    ) -> Self:
        """Add the jobs to an API: types and fields to its schema, and what answers them.

        Args:
            scope: The stack or construct that gets the resources.
            id_: The construct's id in it.
            api: The API, defined in this app, with its schema from a file. Its modes have AWS_IAM, by which workers
                report, and one whose callers have an owner.
            stage: What differs between deployments.
            type_prefix: What the names of the types begin with; clients need it too. Empty: the names of our own API.
            workloads: The folder with the project's own `workloads/`; None: Longcall's workloads alone.

        Raises:
            ApiUnfit: The jobs cannot be added to this API; the message says why.
            ProjectInvalid: A setting of the stage cannot be used.
            PackagingFailed: The zip of the handlers cannot be built.
        """
        schema = api.node.try_find_child("Schema")
        text = schema.definition if isinstance(schema, appsync.CfnGraphQLSchema) else None
        if not isinstance(schema, appsync.CfnGraphQLSchema) or text is None or Token.is_unresolved(text):
            raise ApiUnfit(
                f"the schema of {api.node.path} cannot be read in this app; define the API with Definition.from_file, "
                "or merge it with LongRunningJobs.beside"
            )
        merged = with_jobs(text, _definitions(api, type_prefix))
        made = cls(scope, id_, stage=stage, workloads=workloads)
        schema.definition = merged.text
        made._connect(
            api,
            api_id=api.api_id,
            invoked_by=api.arn,
            roots=merged.roots,
            type_prefix=type_prefix,
            after_schema=api.add_schema_dependency,
        )
        return made

    @classmethod
    def beside(
        cls,
        scope: Construct,
        id_: str,
        *,
        merged_api: appsync.GraphqlApi,
        execution_role: iam.IRole,
        stage: public.Stage,
        type_prefix: str = TYPE_PREFIX,
        workloads: Path | str | None = None,
    ) -> Self:
        """Give the jobs an API of their own, and merge it into a merged API. Callers and workers use the merged API.

        Args:
            scope: The stack or construct that gets the resources.
            id_: The construct's id in it.
            merged_api: The merged API, defined in this app. Its modes have AWS_IAM, by which workers report, and one
                whose callers have an owner; the API of the jobs gets the same modes.
            execution_role: The role that the merged API was given as `merged_api_execution_role`.
            stage: What differs between deployments.
            type_prefix: What the names of the types begin with; clients need it too. Empty: the names of our own API.
            workloads: The folder with the project's own `workloads/`; None: Longcall's workloads alone.

        Raises:
            ApiUnfit: The jobs cannot be merged into this API; the message says why.
            ProjectInvalid: A setting of the stage cannot be used.
            PackagingFailed: The zip of the handlers cannot be built.
        """
        definitions = _definitions(merged_api, type_prefix)
        settings = merged_api.node.default_child
        if not isinstance(settings, appsync.CfnGraphQLApi) or settings.api_type != "MERGED":
            raise ApiUnfit(
                f"{merged_api.node.path} is not a merged API; define it with Definition.from_source_apis, or add the "
                "jobs to it with LongRunningJobs.into"
            )
        made = cls(scope, id_, stage=stage, workloads=workloads)
        source = _source_api(made, settings, made._stage)
        schema = appsync.CfnGraphQLSchema(
            made, "Schema", api_id=source.attr_api_id, definition=schema_text(definitions)
        )
        fields = made._connect(
            merged_api,
            api_id=source.attr_api_id,
            # AppSync may take the role of a data source for the API that was called, or for the one that has it.
            invoked_by=[source.attr_arn, merged_api.arn],
            roots={name: name for name in ROOT_TYPES},
            type_prefix=type_prefix,
            after_schema=lambda it: it.add_resource_dependency(schema),
        )
        association = appsync.SourceApiAssociation(
            made,
            "Association",
            source_api=appsync.GraphqlApi.from_graphql_api_attributes(
                made, "Source", graphql_api_id=source.attr_api_id, graphql_api_arn=source.attr_arn
            ),
            merged_api=merged_api,
            merged_api_execution_role=execution_role,
            merge_type=appsync.MergeType.AUTO_MERGE,
        )
        association.node.add_dependency(schema, fields)
        _acknowledge_merging(execution_role, association)
        return made

    def _connect(
        self,
        api: appsync.GraphqlApi,
        *,
        api_id: str,
        invoked_by: str | list[str],
        roots: Mapping[str, str],
        type_prefix: str,
        after_schema: Callable[[CfnResource], object],
    ) -> Construct:
        """Connect fields to the handlers, and handlers to the API that callers use.

        Returns:
            The construct with the resources of the fields.
        """
        fields = Construct(self, "Fields")
        add_fields(
            fields,
            api_id=api_id,
            invoked_by=invoked_by,
            wiring=wiring_for(roots),
            functions={handler: self._handlers.arn(handler) for handler in HANDLERS},
            code=BASE / "graphql",
            after_schema=after_schema,
        )
        # Other roles of the application may have the right to call all fields of its API.
        roles = [self._jobs.roles.role(handler).role_name for handler in REPORTERS]
        reporters = ",".join(f"arn:{Aws.PARTITION}:sts::{Aws.ACCOUNT_ID}:assumed-role/{role}" for role in roles)
        self._handlers.set_environment("status_relay", {"LONGCALL_REPORTERS": reporters})
        name = Names.unique_resource_name(self, max_length=DASHBOARD_NAME, separator="-")
        self.alarm_topic = self._jobs.connect(self._handlers, _ReportingApi(api, roots, type_prefix), name=name).topic
        return fields


@dataclass(frozen=True, slots=True)
class _ReportingApi:
    """The API that callers use; see `infrastructure.constructs.jobs.ReportingApi`."""

    api: appsync.GraphqlApi
    roots: Mapping[str, str]
    type_prefix: str

    @property
    def url(self) -> str:
        return self.api.graphql_url

    @property
    def api_id(self) -> str:
        return self.api.api_id

    @property
    def api_key(self) -> None:
        return None

    def grant_field(self, role: iam.Role, field: str) -> None:
        type_name, _, field_name = field.partition(".")
        arn = f"{self.api.arn}/types/{self.roots[type_name]}/fields/{field_name}"
        role.add_to_policy(iam.PolicyStatement(actions=["appsync:GraphQL"], resources=[arn]))


@cache
def _archive(requirements: str, workloads: Path | None) -> Path:
    """The zip of the handlers, built once for all stages of an app."""
    if workloads is not None and (problems := find_own(workloads).problems):
        raise ProjectInvalid("the project's workloads cannot be used:" + "".join(f"\n  - {it}" for it in problems))
    folder = Path(tempfile.mkdtemp(prefix="longcall-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return build(BASE, folder, stage="jobs", requirements=requirements, project=workloads).archive


def _acknowledge_merging(role: iam.IRole, association: appsync.SourceApiAssociation) -> None:
    """Explain to cdk-nag why the merged API may use all fields of the jobs' API."""
    resource = association.node.default_child
    assert isinstance(resource, CfnResource)  # noqa: S101
    name = Stack.of(resource).resolve(resource.logical_id)
    Validations.of(role).acknowledge(
        Acknowledgment(
            id=f"AwsSolutions::AwsSolutions-IAM5[Resource::<{name}.SourceApiArn>/*]",
            reason="the merged API passes on calls of every field of the jobs' API, and of no other API",
        )
    )


def _definitions(api: appsync.GraphqlApi, type_prefix: str) -> tuple[DefinitionNode, ...]:
    schema = (BASE / "graphql" / "schema.graphql").read_text("utf-8")
    return jobs_schema(schema, modes=[MODES[mode] for mode in api.modes], type_prefix=type_prefix)


def _source_api(scope: Construct, merged: appsync.CfnGraphQLApi, stage: Stage) -> appsync.CfnGraphQLApi:
    """The API that is merged. It has the modes of the merged API, so that both understand the same directives."""
    role = add_log_role(scope)
    made = appsync.CfnGraphQLApi(
        scope,
        "Api",
        name=Names.unique_resource_name(scope, max_length=API_NAME, separator="-"),
        authentication_type=merged.authentication_type,
        additional_authentication_providers=merged.additional_authentication_providers,
        user_pool_config=merged.user_pool_config,
        open_id_connect_config=merged.open_id_connect_config,
        lambda_authorizer_config=merged.lambda_authorizer_config,
        xray_enabled=True,
        log_config=log_config(role),
    )
    acknowledge_log(made)
    add_log_group(scope, made, role, days=stage.log_days, data=stage.data)
    return made
