"""Makes the engines of a stack's APIs, and names everything that stops the stack from being started at once."""

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from appsync_local.authorization.sigv4 import IamPrincipal
from appsync_local.authorization.user_pools import UserPool
from appsync_local.data_sources.aws_services import AwsServices
from appsync_local.data_sources.dynamodb.endpoint import DynamoDbEndpoint
from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.devtools.health import Health
from appsync_local.devtools.meter import Meter
from appsync_local.devtools.operation_log import no_log_fields
from appsync_local.errors import ApiInvalid
from appsync_local.http.server import Engine
from appsync_local.http.sites import AllowedSites
from appsync_local.lambda_invoker import LambdaInvoker
from appsync_local.resolvers.file_check import file_problems
from local_stack.blueprint import Blueprint, LocalApi, api_path
from local_stack.errors import StackError
from local_stack.function_environment import REGION
from local_stack.log_fields import job_fields
from local_stack.oidc import providers_on_this_machine
from local_stack.services.cognito.pool import Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineParts:
    """What the engines of all APIs of a stack share; see `Engine` for what is not described here.

    Attributes:
        operator: The access key of an operator, which every API accepts.
        allows_aws: Whether AWS may be called.
    """

    invoker: LambdaInvoker
    pool: Pool
    operator: IamPrincipal
    allows_aws: bool
    dynamodb: DynamoDbEndpoint | None
    aws: AwsServices
    databases: Mapping[str, str]
    chaos: Chaos
    meter: Meter
    health: Health
    sites: AllowedSites

    def engine_of(self, api: LocalApi, blueprint: Blueprint) -> Engine:
        """The engine of one API of a blueprint.

        Raises:
            ApiInvalid: The API cannot be served.
        """
        pool = self.pool
        return Engine(
            api=api.api, schema=api.schema, code=api.code, path=api_path(api.name, of=len(blueprint.apis)),
            invoker=self.invoker,
            oidc_providers=providers_on_this_machine(api.oidc_providers, pool, allows_aws=self.allows_aws),
            user_pools=(UserPool(pool.issuer, pool.jwks_url, pool.client_id, api.default_action),),
            principals=(*blueprint.principals, self.operator), authorizer=api.authorizer, limits=api.limits,
            api_keys=api.api_keys, region=REGION, handlers=blueprint.handlers, dynamodb=self.dynamodb, aws=self.aws,
            databases=self.databases, chaos=self.chaos, meter=self.meter, health=self.health, sites=self.sites,
            log_fields=no_log_fields if blueprint.ledger is None else job_fields,
        )  # fmt: skip


async def build_engines(blueprint: Blueprint, parts: EngineParts, import_check: Awaitable[Sequence[str]]) -> Engine:
    """The engine of the first API, which serves the others too.

    Args:
        blueprint: The stack.
        parts: What the engines share.
        import_check: Why handlers cannot be imported; awaited only if there is another problem.

    Raises:
        ApiInvalid: The project's own API cannot be served.
        StackError: A template cannot be run; the message names everything that was found.
    """
    problems = list(blueprint.problems)
    engines: list[Engine] = []
    for api in blueprint.apis:
        if blueprint.problems:  # of an API that was read in part, only its files can be checked
            problems.extend(_with_origins(file_problems(api.schema, api.code), api))
            continue
        try:
            engines.append(parts.engine_of(api, blueprint))
        except ApiInvalid as invalid:
            if not api.origins:
                raise
            problems.extend(_with_origins(invalid.problems, api))
    if problems:
        problems.extend(await import_check)
        raise StackError("the template cannot be run:\n" + "\n".join(f"  - {it}" for it in problems))
    first, *others = engines
    for other in others:
        first.serve_also(other)
    return first


def _with_origins(problems: Sequence[str], api: LocalApi) -> Iterator[str]:
    """The problems, with the names of the files that a person edits instead of those of their copies."""
    for problem in problems:
        for copy, origin in api.origins.items():
            problem = problem.replace(str(copy), origin).replace(
                f"{api.code.name}/{copy.relative_to(copy.parents[1])} ", f"{origin} "
            )
        yield problem
