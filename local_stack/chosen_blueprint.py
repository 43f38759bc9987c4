"""What a stack runs: Longcall, the project in the working directory, or a template, as the options say."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from appsync_local.api.endpoints import GRAPHQL_PATH, authority
from local_stack.aws_access import AwsAccess
from local_stack.blueprint import Blueprint
from local_stack.databases import database_problems
from local_stack.options import Options
from local_stack.project import ROOT, blueprint_of_project, handlers_with
from local_stack.root_fields import root_fields
from local_stack.services.bedrock import with_bedrock
from local_stack.services.cognito.pool import Pool
from local_stack.services.openai import with_openai
from local_stack.template.assembly import find_template
from local_stack.template.blueprint import blueprint_from_template
from local_stack.template.composition import read_template
from local_stack.template.document import Template


def chosen_template(options: Options) -> Template | None:
    """The template that the options name; None: the project's own definition is run.

    Raises:
        TemplateInvalid: The template cannot be found or read.
    """
    if options.template is None:
        return None
    found = find_template(options.template, options.template_stack)
    return read_template(found.path, options.parameters, stack=found.stack)


def chosen_blueprint(
    options: Options,
    template: Template | None,
    pool: Pool,
    *,
    port: int,
    s3: str,
    new_folder: Callable[[], Path],
    aws: AwsAccess,
    bedrock: Mapping[str, str],
) -> Blueprint:
    """Everything that is needed to run a stack.

    Args:
        options: What `longcall serve` was asked for.
        template: See `chosen_template`.
        pool: The local user pool.
        port: Port of the APIs.
        s3: Endpoint of the local S3.
        new_folder: Makes the folder that functions for Node.js are unpacked to, if there are any. It is not below a
            project.
        aws: What an application's functions reach of AWS.
        bedrock: See `bedrock_variables`.

    Raises:
        TemplateInvalid: The template has no API.
        StackError: The project's handlers cannot be used.
    """
    address = authority(options.host, port)
    if template is None:
        blueprint = blueprint_of_project(
            graphql_url=f"http://{address}{GRAPHQL_PATH}", pool=pool, ledger=options.ledger, s3=s3, jobs=options.jobs,
            timeout=options.timeout, stage=options.stage, settings=options.settings,
            root=ROOT if options.project is None else handlers_with(options.project.folder, options.data),
        )  # fmt: skip
    else:
        blueprint = blueprint_from_template(
            template, address=address, pool=pool, ledger=options.ledger, s3=s3, data=options.data,
            new_folder=new_folder, aws=aws,
        )  # fmt: skip
    missing = database_problems((it for api in blueprint.apis for it in api.api.sources), options.databases)
    blueprint = replace(blueprint, problems=(*blueprint.problems, *missing))
    if blueprint.ledger is None:
        return blueprint
    return with_openai(with_bedrock(blueprint, bedrock), options.openai, os.environ)


def every_field(blueprint: Blueprint) -> frozenset[str]:
    """All root fields of a blueprint's APIs, as `Query.recipe`."""
    schemas = (api.schema.read_text("utf-8") for api in blueprint.apis)
    return frozenset(f"{type_name}.{field}" for schema in schemas for type_name, field in root_fields(schema))
