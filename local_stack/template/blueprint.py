"""A stack on one machine, from the template that CDK synthesised for AWS."""

import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from appsync_local.authorization.api_keys import ApiKey
from appsync_local.functions.spec import FunctionSpec
from chalicelib.ledger import DYNAMODB
from local_stack.blueprint import Blueprint
from local_stack.project import REGION, WHERE, keys_of, objects_at, principal
from local_stack.services.cognito import Pool
from local_stack.template.intrinsics import Meanings, Template, read_template
from local_stack.template.stack import read_stack, unpack_functions

FOLDER: Final = "template"  # of the data folder; made anew at every start


@dataclass(frozen=True, slots=True)
class Places:
    """A template's tables and buckets, and what stands for them on this machine."""

    tables: frozenset[str]
    ledger: str  # sqlite:<path>
    buckets: frozenset[str]
    s3: str  # endpoint

    def here(self, name: str, value: str) -> dict[str, str]:
        """What becomes of a variable."""
        if value.startswith(DYNAMODB) and value.removeprefix(DYNAMODB) in self.tables:
            return {name: self.ledger}
        return objects_at(self.s3) if name == "LONGCALL_BUCKET" and value in self.buckets else {name: value}


def from_template(
    file: Path, *, graphql_url: str, realtime_url: str, pool: Pool, ledger: str, s3: str, data: Path
) -> Blueprint:
    """The stack of a template.

    Three things are this machine's: jobs are kept in `ledger` where the template has a table, objects in the bucket of
    `s3` where it has a bucket, and the authorizer is told where the local pool's keys are, which it would find at the
    issuer's own address. Everything else is the template's, and what it lacks is lacking.

    Args:
        file: The template.
        graphql_url: Where the API will be.
        realtime_url: Where its subscriptions will be.
        pool: What stands for the template's user pool.
        ledger: sqlite:<path>.
        s3: Where S3 with the bucket is.
        data: Where to unpack to.

    Raises:
        TemplateInvalid
    """
    template = read_template(file)
    keys = {it.name: f"da2-{secrets.token_hex(13)}" for it in template.of_type("AWS::AppSync::ApiKey")}
    meanings = Meanings(template, REGION, _addresses(template, pool, keys, graphql_url, realtime_url))
    stack = read_stack(template, meanings)
    places = Places(
        tables=frozenset(meanings.name(table) for table in template.of_type("AWS::DynamoDB::Table")), ledger=ledger,
        buckets=frozenset(meanings.name(bucket) for bucket in template.of_type("AWS::S3::Bucket")), s3=s3,
    )  # fmt: skip
    folder = data / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    files = {"schema.graphql": stack.schema, **{f"code/{name}": text for name, text in stack.code.items()}}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    principals = {it.name: principal(it.name, stack.fields[it.name]) for it in stack.functions}
    return Blueprint(
        api=stack.api,
        schema=folder / "schema.graphql",
        code=folder / "code",
        root=unpack_functions(template, folder / "task"),
        functions=tuple(
            replace(it, environment=_environment(it, places, pool, keys_of(principals[it.name])))
            for it in stack.functions
        ),
        principals=tuple(principals.values()),
        schedules=stack.schedules,
        tables=stack.tables,
        authorizer=stack.authorizer,
        api_keys=tuple(ApiKey(key) for key in keys.values()),
        refusals=stack.refusals,
        remarks=stack.remarks,
    )


def _addresses(
    template: Template, pool: Pool, keys: Mapping[str, str], graphql_url: str, realtime_url: str
) -> dict[tuple[str, str], str]:
    known: dict[tuple[str, str], str] = {}
    for api in template.of_type("AWS::AppSync::GraphQLApi"):
        known |= {(api.name, "GraphQLUrl"): graphql_url, (api.name, "RealtimeUrl"): realtime_url}
    for users in template.of_type("AWS::Cognito::UserPool"):
        known |= {
            (users.name, "Ref"): pool.pool_id,
            (users.name, "UserPoolId"): pool.pool_id,
            (users.name, "ProviderURL"): pool.issuer,
        }
    for client in template.of_type("AWS::Cognito::UserPoolClient"):
        known |= {(client.name, "Ref"): pool.client_id, (client.name, "ClientId"): pool.client_id}
    return known | {(name, "ApiKey"): key for name, key in keys.items()}


def _environment(function: FunctionSpec, places: Places, pool: Pool, keys: Mapping[str, str]) -> dict[str, str]:
    environment = dict(WHERE)
    for name, value in function.environment.items():
        environment |= places.here(name, value)
        if value == pool.issuer:
            environment["LONGCALL_JWKS_URL"] = pool.jwks_url
    return environment | dict(keys)
