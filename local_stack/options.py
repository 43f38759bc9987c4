"""What a local stack is started with, checked: the values behind the options of `longcall serve`."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from appsync_local.devtools.chaos.spec import ChaosInvalid, ChaosSpec, parse_chaos
from appsync_local.http.sites import AllowedSites, OriginInvalid, is_loopback, parse_origin
from chalicelib.workloads.bedrock.settings import AWS
from infrastructure.project import Project, find_project
from infrastructure.stage import Stage
from infrastructure.stages import UnknownStage, stage_named
from local_stack.addresses import LOOPBACK
from local_stack.arguments import DEFAULT_JOBS, LONGEST_INVOCATION
from local_stack.databases import database_urls
from local_stack.errors import OptionInvalid

MOST_JOBS: Final = 256
LEDGERS: Final = ("sqlite", "dynamodb")
MOST_USERS: Final = 100
HANDLER_SETTINGS: Final = frozenset(  # settings of the handlers that are read from this process's environment
    f"LONGCALL_{name}"
    for name in (
        "QUOTA", "RETENTION_DAYS", "LEASE_SECONDS", "FLUSH_POLICY", "FLUSH_SECONDS", "FLUSH_BYTES",
        "FLUSH_STALENESS", "FLUSH_SHARE", "HEARTBEAT_SECONDS",
        "MODELS", "GUARDRAIL", "MODEL_SILENCE_SECONDS", "REDISPATCH_SECONDS", "NEVER_STARTED_SECONDS",
        "STALLED_SECONDS", "EVENT_AGE_SECONDS",
    )
)  # fmt: skip
FORWARDING: Final = 'docs/local-stack.md, "In a container or on another machine"'
DECIDED_BY_TEMPLATE: Final = ("stage", "jobs", "timeout", "ledger")


@dataclass(frozen=True, slots=True)
class Options:
    """What `longcall serve` was asked for.

    Attributes:
        host: Loopback address to listen on.
        port: Port of the GraphQL API; 0: a free one.
        sites: The origins whose pages may call the API, and what a refusal advises.
        data: Folder for jobs and state, absolute.
        ledger: sqlite:<path> or dynamodb:<table>.
        users: Number of test users.
        jobs: Jobs that run at once.
        timeout: Seconds of one job's invocation; None: the stage's limit.
        chaos: Faults to inject.
        project: The project in the working directory, whose workloads run besides Longcall's; None: there is none.
        watches: Whether schema, resolvers and handlers are reloaded when they change.
        settings: LONGCALL_* variables for the handlers; they override the stack's own.
        stage: Whose settings the handlers have; None: the defaults for development.
        template: A CloudFormation template, or a folder with one, to run instead of the project's own definition.
        template_stack: The name of a stack in that folder; None: it has one.
        parameters: Values of the template's parameters, and of references that this machine cannot resolve.
        allows_aws: Whether functions and data sources of the template may call AWS itself.
        bedrock: Where Amazon Bedrock is called, `aws` or a URL; None: its models are off.
        openai: URL of an OpenAI-compatible server; None: see `with_openai`.
        databases: URLs of the databases of RDS data sources, by the name of a data source or of a cluster.
    """

    host: str
    port: int
    sites: AllowedSites
    data: Path
    ledger: str
    users: int
    jobs: int
    timeout: int | None
    chaos: ChaosSpec
    project: Project | None
    watches: bool
    settings: Mapping[str, str]
    stage: Stage | None
    template: Path | None
    template_stack: str | None
    parameters: Mapping[str, str]
    allows_aws: bool
    bedrock: str | None
    openai: str | None
    databases: Mapping[str, str] = field(default_factory=dict, repr=False)


def options_from(
    arguments: argparse.Namespace, environment: Mapping[str, str] = os.environ, *, folder: Path | None = None
) -> Options:
    """Check parsed arguments.

    Args:
        arguments: See `argument_parser`.
        folder: Where a project is looked for; None: the working directory.
        environment: Where the handlers' settings are read from.

    Raises:
        OptionInvalid: An option has a value that cannot be used, or two options exclude each other.
        ProjectInvalid: The project in the folder cannot be used.
    """
    if not is_loopback(arguments.host):
        raise OptionInvalid(
            f"--host takes a loopback address, such as {LOOPBACK}, and {arguments.host} is not one: the local stack is "
            f"for this machine only. To reach it from elsewhere, forward its port: see {FORWARDING}"
        )
    data = arguments.data.resolve()
    project = None if arguments.template is not None else find_project(folder or Path.cwd())
    stage = _stage(arguments.stage, project)
    default_jobs = DEFAULT_JOBS if stage is None or stage.jobs is None else min(stage.jobs, MOST_JOBS)
    jobs = default_jobs if arguments.jobs is None else arguments.jobs
    if arguments.template is not None:
        _check_template_options(arguments)
    elif arguments.stack is not None or arguments.parameter:
        raise OptionInvalid("--stack and --parameter are for a template; give one with --template PATH")
    return Options(
        host=arguments.host,
        port=_in_range(arguments.port, "--port", least=0, most=65535),
        sites=_sites(arguments.origin),
        data=data,
        ledger=_ledger(arguments.ledger) or f"sqlite:{data / 'jobs.db'}",
        users=_in_range(arguments.users, "--users", least=2, most=MOST_USERS),
        jobs=_in_range(jobs, "--jobs", least=1, most=MOST_JOBS),
        timeout=None
        if arguments.timeout is None
        else _in_range(arguments.timeout, "--timeout", least=1, most=LONGEST_INVOCATION),
        chaos=_chaos(arguments.chaos),
        project=project,
        watches=arguments.watch or project is not None,
        settings={name: value for name, value in environment.items() if name in HANDLER_SETTINGS},
        allows_aws=_allows_aws(arguments),
        bedrock=_bedrock(arguments.bedrock),
        openai=_openai(arguments.openai),
        stage=stage,
        template=arguments.template,
        databases=_databases(arguments, environment),
        template_stack=arguments.stack,
        parameters=_parameters(arguments.parameter),
    )


def _check_template_options(arguments: argparse.Namespace) -> None:
    if given := [f"--{name}" for name in DECIDED_BY_TEMPLATE if getattr(arguments, name) is not None]:
        raise OptionInvalid(f"a template decides itself what {given[0]} sets; leave out {' and '.join(given)}")
    if arguments.watch:
        raise OptionInvalid("a template describes code that is built already and does not change; leave out --watch")


def _allows_aws(arguments: argparse.Namespace) -> bool:
    if arguments.allow_aws and arguments.template is None:
        raise OptionInvalid("--allow-aws is for the functions of a template; give one with --template, or leave it out")
    return bool(arguments.allow_aws)


def _databases(arguments: argparse.Namespace, environment: Mapping[str, str]) -> dict[str, str]:
    if arguments.template is not None:
        return database_urls(arguments.database, environment)
    if arguments.database:
        raise OptionInvalid(
            "--database is for the data sources of a template; give one with --template, or leave it out"
        )
    return {}


def _parameters(given: Sequence[str]) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise OptionInvalid(f"--parameter takes NAME=VALUE, and {text[:80]!r} is not of this form")
        parameters[name] = value
    return parameters


def _sites(origins: Sequence[str]) -> AllowedSites:
    try:
        allowed = frozenset(map(parse_origin, origins))
    except OriginInvalid as error:
        raise OptionInvalid(f"--origin: {error}") from None
    return AllowedSites(
        allowed,
        origin_advice="start the stack with --origin {origin}",
        host_advice=f"open it at localhost, and forward its port if it is elsewhere: see {FORWARDING}",
    )


def _stage(name: str | None, project: Project | None) -> Stage | None:
    """The stage with a name; without a name, the first stage of a project."""
    try:
        if project is not None:
            return project.stage(name)
        return None if name is None else stage_named(name)
    except UnknownStage as error:
        raise OptionInvalid(f"--stage: {error}") from None


def _chaos(spec: str) -> ChaosSpec:
    try:
        return parse_chaos(spec)
    except ChaosInvalid as error:
        raise OptionInvalid(f"--chaos: {error}") from None


def _ledger(location: str | None) -> str | None:
    if location is None:
        return None
    kind, colon, name = location.partition(":")
    if kind not in LEDGERS or not colon or not name:
        raise OptionInvalid(f"--ledger takes sqlite:<path> or dynamodb:<table>, and {location!r} is neither")
    return location


def _bedrock(place: str | None) -> str | None:
    if place not in (None, AWS) and not _is_url(place):
        raise OptionInvalid(f"--bedrock takes aws, or the URL of an endpoint, and {place!r} is neither")
    return place


def _openai(url: str | None) -> str | None:
    if url is not None and not _is_url(url):
        raise OptionInvalid(
            f"--openai takes the URL of a server, as http://127.0.0.1:8080/v1, and {url!r} is not a URL"
        )
    return url


def _is_url(text: str) -> bool:
    """Whether a text is a URL of HTTP with a host, and with a valid port if it has one."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _in_range(value: int, name: str, *, least: int, most: int) -> int:
    if not least <= value <= most:
        raise OptionInvalid(f"{name}: expected a number from {least} to {most}, and found {str(value)[:40]}")
    return value
