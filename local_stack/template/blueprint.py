"""A blueprint of a local stack from the template that CDK synthesised for AWS."""

import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from appsync_local.api.model import AuthMode
from appsync_local.authorization.api_keys import ApiKey
from appsync_local.authorization.sigv4 import IamPrincipal
from appsync_local.functions.spec import FunctionSpec, Package
from chalicelib.ledger import DYNAMODB
from local_stack.aws_access import AwsAccess
from local_stack.blueprint import Blueprint, LocalApi, api_path
from local_stack.event_sources import EventSource, MutationSource
from local_stack.function_environment import (
    COMMON_VARIABLES,
    REGION,
    access_key_variables,
    bucket_variables,
)
from local_stack.services.cognito.pool import Pool
from local_stack.template.api_names import api_names
from local_stack.template.document import TABLES, Resource, Template
from local_stack.template.intrinsics import IntrinsicResolver
from local_stack.template.packages import Packages, have_same_code
from local_stack.template.problems import Problems
from local_stack.template.service_resources import CREATED, queue_addresses
from local_stack.template.services import TemplateServices, read_services, read_tables
from local_stack.template.stack import TemplateApi, read_stack

LEDGER_VARIABLE: Final = "LONGCALL_LEDGER"
TYPE_PREFIX: Final = "LONGCALL_TYPE_PREFIX"
CALLING: Final = frozenset({"AMAZON_DYNAMODB", "AMAZON_EVENTBRIDGE", "HTTP"})  # types of data sources
FOLDER: Final = "template"  # of the data folder; created again at every start


@dataclass(frozen=True, slots=True)
class LocalStores:
    """The tables, buckets and queues of a template, and the local stores that replace tables and buckets."""

    tables: frozenset[str]
    ledger: str  # sqlite:<path>
    buckets: frozenset[str]
    s3: str  # endpoint
    queues: frozenset[str]  # which this machine does not have

    def variables(self, name: str, value: str) -> dict[str, str]:
        """The local variables that replace one variable of the template."""
        if value.startswith(DYNAMODB) and value.removeprefix(DYNAMODB) in self.tables:
            return {name: self.ledger}
        if name == "LONGCALL_DEAD_LETTERS" and value in self.queues:
            return {}
        return bucket_variables(self.s3) if name == "LONGCALL_BUCKET" and value in self.buckets else {name: value}


def has_jobs(template: Template) -> bool:
    """Whether a template is a stage of Longcall, and not another application: its functions have Longcall's ledger."""
    return _longcalls_function(template) is not None


def _longcalls_function(template: Template) -> Resource | None:
    """A function in Longcall's package.

    The functions of this package use the libraries of the local stack, because those in the package are for Lambda.
    """
    return next((it for it in template.functions() if LEDGER_VARIABLE in _variables(it)), None)


def _variables(function: Resource) -> Mapping[str, object]:
    match function.properties.get("Environment"):
        case {"Variables": dict(found)}:
            return found
        case _:
            return {}


def uses_services(template: Template) -> bool:
    """Whether the functions or data sources of a template call services of AWS, so that it needs the local ones."""
    sources = {str(it.properties.get("Type")) for it in template.of_type("AWS::AppSync::DataSource")}
    if has_jobs(template):
        return "AMAZON_DYNAMODB" in sources
    return bool(sources & CALLING) or any(template.functions()) or any(template.of_type(*CREATED))


def blueprint_from_template(
    template: Template,
    *,
    address: str,
    pool: Pool,
    ledger: str,
    s3: str,
    data: Path,
    new_folder: Callable[[], Path],
    aws: AwsAccess,
) -> Blueprint:
    """The stack of a template.

    If it is a stage of Longcall, three things differ from the template: jobs are stored in `ledger` instead of the
    template's table, objects in the bucket of `s3` instead of the template's bucket, and the authorizer gets the
    address of the local pool's keys, which on AWS it derives from the issuer. Everything else is the template's; what
    the template lacks stays missing.

    Args:
        template: The template.
        address: Host and port that the APIs are served at.
        pool: The local pool that replaces the template's user pool.
        ledger: Where a stage of Longcall stores its jobs, sqlite:<path>.
        s3: Endpoint of the local S3.
        data: Folder that code and schema are unpacked to.
        new_folder: Makes the folder that functions for Node.js are unpacked to, if there are any. It is not below a
            project.
        aws: What an application's functions reach of AWS.

    Raises:
        TemplateInvalid: The template has no API. What else cannot be run is among the blueprint's problems.
    """
    keys = {it.name: _new_api_key() for it in template.of_type("AWS::AppSync::ApiKey")}
    values = _pool_values(template, pool) | {(name, "ApiKey"): key for name, key in keys.items()}
    names = api_names(template, IntrinsicResolver(template, REGION, values))
    for resource, name in names.items():
        url = f"{address}{api_path(name, of=len(names))}"
        values |= {(resource, "GraphQLUrl"): f"http://{url}", (resource, "RealtimeUrl"): f"ws://{url}"}
    is_application = not has_jobs(template)
    if is_application:
        values |= queue_addresses(template, IntrinsicResolver(template, REGION, values), aws.endpoint)
    intrinsics = IntrinsicResolver(template, REGION, values)
    stack = read_stack(template, intrinsics, names)
    services = (
        read_services(template, intrinsics) if is_application else read_tables(template, intrinsics, stack.tables)
    )
    stores = LocalStores(
        tables=frozenset(intrinsics.name(table) for table in template.of_type(*TABLES)), ledger=ledger,
        buckets=frozenset(intrinsics.name(bucket) for bucket in template.of_type("AWS::S3::Bucket")), s3=s3,
        queues=frozenset(intrinsics.name(queue) for queue in template.of_type("AWS::SQS::Queue")),
    )  # fmt: skip
    folder = data / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    code = Packages(template, intrinsics, folder=folder, new_folder=new_folder)
    own = _longcalls_function(template)
    root, problems = folder, Problems((*stack.problems, *services.problems))
    if own is not None:
        with problems.of(own):
            root = code.shared_code(own)
    packages: dict[str, Package] = {}
    for function in map(intrinsics.function, [it.name for it in stack.functions]):
        if own is None or not have_same_code(function, own):
            with problems.of(function):
                packages[intrinsics.name(function)] = code.of(function)
    principals = {
        it.name: _with_role(aws.principal(it.name, stack.fields), it.name, intrinsics) for it in stack.functions
    }
    shared = aws.variables(pool.endpoint)
    # Beside Longcall's functions, others reach few services here. Without a login, they still send nothing to AWS.
    reaching = {it.name for it in stack.functions if is_application or (it.name in packages and aws.login is None)}
    return Blueprint(
        apis=tuple(_local_api(it, folder / it.name, keys) for it in stack.apis),
        root=root,
        functions=tuple(
            replace(
                it,
                environment=_environment(
                    it,
                    stores,
                    pool,
                    (shared if it.name in reaching else {}) | access_key_variables(principals[it.name]),
                ),
                package=packages.get(it.name),
            )
            for it in stack.functions
        ),
        principals=tuple(principals.values()),
        schedules=stack.schedules,
        creations=services.creations,
        event_sources=_event_sources(services, names, stack.unsupported),
        refusals=stack.refusals,
        ledger=None if is_application else ledger,
        type_prefix=next((it.environment[TYPE_PREFIX] for it in stack.functions if TYPE_PREFIX in it.environment), ""),
        unsupported=stack.unsupported,
        problems=tuple(dict.fromkeys(problems.found)),
        warnings=tuple(dict.fromkeys((*stack.warnings, *code.warnings, *services.warnings))),
    )


def _event_sources(
    services: TemplateServices, names: Mapping[str, str], unsupported: Mapping[str, str]
) -> tuple[EventSource, ...]:
    """Those whose functions can run; `names` has the names of APIs, by logical id."""
    sources = (
        replace(it, api=names[it.api]) if isinstance(it, MutationSource) else it for it in services.event_sources
    )
    return tuple(it for it in sources if isinstance(it, MutationSource) or it.function not in unsupported)


def _local_api(api: TemplateApi, folder: Path, keys: Mapping[str, str]) -> LocalApi:
    """The API with its texts in files of a folder, where the engine reads them."""
    texts = {"schema.graphql": api.schema, **{f"code/{name}": text for name, text in api.code.items()}}
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return LocalApi(
        api.api,
        schema=folder / "schema.graphql",
        code=folder / "code",
        authorizer=api.authorizer,
        limits=api.limits,
        api_keys=_api_keys(api, keys),
        oidc_providers=api.oidc_providers,
        default_action=api.default_action,
        name=api.name,
        origins={
            folder / (name if name == "schema.graphql" else f"code/{name}"): origin
            for name, origin in api.origins.items()
        },
    )


def _api_keys(api: TemplateApi, keys: Mapping[str, str]) -> tuple[ApiKey, ...]:
    """The keys of the template; one of this machine if it has the mode and no key, as after a deployment by hand."""
    if AuthMode.API_KEY in api.api.modes and not api.keys:
        return (ApiKey(_new_api_key()),)
    return tuple(ApiKey(keys[name]) for name in api.keys)


def _new_api_key() -> str:
    return f"da2-{secrets.token_hex(13)}"


def _pool_values(template: Template, pool: Pool) -> dict[tuple[str, str], str]:
    values: dict[tuple[str, str], str] = {}
    for users in template.of_type("AWS::Cognito::UserPool"):
        values |= {
            (users.name, "Ref"): pool.pool_id,
            (users.name, "UserPoolId"): pool.pool_id,
            (users.name, "ProviderURL"): pool.issuer,
        }
    for client in template.of_type("AWS::Cognito::UserPoolClient"):
        values |= {(client.name, "Ref"): pool.client_id, (client.name, "ClientId"): pool.client_id}
    return values


def _with_role(principal: IamPrincipal, function: str, intrinsics: IntrinsicResolver) -> IamPrincipal:
    """The principal with the ARN that a function has on AWS: its role, assumed in a session with its name."""
    reference = intrinsics.function(function).properties.get("Role")
    role = "" if reference is None else intrinsics.text(reference)
    if ":role/" not in role:
        return principal
    name = role.rpartition("/")[2]
    return replace(principal, arn=f"arn:aws:sts::{principal.account_id}:assumed-role/{name}/{function}")


def _environment(
    function: FunctionSpec, stores: LocalStores, pool: Pool, access_key: Mapping[str, str]
) -> dict[str, str]:
    environment = dict(COMMON_VARIABLES)
    for name, value in function.environment.items():
        environment |= stores.variables(name, value)
        if name == "LONGCALL_ISSUER" and value == pool.issuer:
            environment["LONGCALL_JWKS_URL"] = pool.jwks_url
    return environment | dict(access_key)
