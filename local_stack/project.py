"""The blueprint of this project's own stack: the settings of the stack on AWS, with the addresses of this machine."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from appsync_local.authorization.lambda_authorizer import AuthorizerOptions
from appsync_local.authorization.sigv4 import IamPrincipal
from appsync_local.functions.schedule import FunctionSchedule
from appsync_local.functions.spec import FunctionSpec
from chalicelib.api.authorizer import TOKEN_FORM
from chalicelib.api.settings import RelaySettings
from chalicelib.ledger import DYNAMODB
from chalicelib.ledger.dynamodb_requests import region_of
from chalicelib.settings import Reader
from chalicelib.supervision.settings import SweepSettings
from chalicelib.worker.settings import WorkerSettings
from chalicelib.workloads.own.reading import FOLDER as WORKLOADS
from infrastructure.api import API
from infrastructure.backend_fields import backend_fields
from infrastructure.limits import LIMITS
from infrastructure.protection import OPERATION
from infrastructure.stage import Stage
from infrastructure.stages import DEV
from local_stack.blueprint import Blueprint, LocalApi
from local_stack.function_environment import (
    COMMON_VARIABLES,
    access_key_variables,
    bucket_key_variables,
    bucket_variables,
    new_principal,
)
from local_stack.services.cognito.pool import Pool

ROOT: Final = Path(__file__).resolve().parent.parent
SCHEMA: Final = ROOT / "graphql" / "schema.graphql"
BACKEND_FIELDS: Final = frozenset({"Mutation.updateStatus", "Mutation.dispatchInference"})
EVENT_AGE: Final = "LONGCALL_EVENT_AGE_SECONDS"
LONGEST_EVENT_AGE: Final = 21_600.0  # seconds, as Lambda's default
SWEEP_INTERVAL: Final = 5.0  # seconds; 60 on AWS
# Shorter than on AWS, so that a developer sees the effect soon. With --stage, the stage's own value applies.
REDISPATCH: Final = 20.0  # seconds


def blueprint_of_project(
    *,
    graphql_url: str,
    pool: Pool,
    ledger: str,
    s3: str,
    jobs: int,
    timeout: int | None,
    stage: Stage | None,
    settings: Mapping[str, str],
    root: Path = ROOT,
) -> Blueprint:
    """The stack that `infrastructure.api` and the handlers define.

    Args:
        graphql_url: URL of the API.
        pool: The user pool whose tokens are accepted.
        ledger: sqlite:<path> or dynamodb:<table>.
        s3: Endpoint of the local S3.
        jobs: Jobs that run at once.
        timeout: Seconds of one job's invocation; None: the stage's limit.
        stage: Whose settings the handlers have; None: the defaults for development.
        settings: LONGCALL_* variables for all handlers; they override all others.
        root: The folder that handlers are imported from.

    Raises:
        MissingSettings: A variable is invalid, or two contradict each other.
    """
    worker = new_principal("inference", BACKEND_FIELDS)
    supervisor = new_principal("supervisor", BACKEND_FIELDS)
    relay = new_principal("status_relay", frozenset())
    if ledger.startswith(DYNAMODB) and {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= os.environ.keys():
        # `sweep` reads the ledger and publishes, in one process and so with one key: the developer's own.
        supervisor = replace(
            supervisor,
            access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
            secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        )
    environments = _environments(pool, ledger, s3, graphql_url, worker=worker, supervisor=supervisor, relay=relay)
    limits = dict(LIMITS if stage is None else stage.limits)
    if timeout is not None:
        limits["inference"] = replace(limits["inference"], timeout=timeout)
    own = {name: stage.settings(name) for name in environments} if stage is not None else {"sweep": _thresholds()}
    event_age = Reader(settings).number(EVENT_AGE, (stage or DEV).event_age_seconds, least=1.0)
    handlers = {
        name: {**COMMON_VARIABLES, **environment, **own.get(name, {}), **settings}
        for name, environment in environments.items()
    }
    _check(handlers)
    return Blueprint(
        apis=(
            LocalApi(
                API,
                schema=SCHEMA,
                code=ROOT / "graphql",
                authorizer=AuthorizerOptions(identity_validation=TOKEN_FORM),
                limits=OPERATION if stage is None else stage.operation,
            ),
        ),
        root=root,
        functions=tuple(
            FunctionSpec(
                name=name,
                handler=f"app.{name}",
                environment=environment,
                timeout=float(limits[name].timeout),
                memory_mb=limits[name].memory_mb,
                reserved_concurrency=jobs if name == "inference" else None,
                on_failure="job_failed" if name == "inference" else None,
                maximum_event_age=event_age if name == "inference" else LONGEST_EVENT_AGE,
            )
            for name, environment in handlers.items()
        ),
        principals=(worker, supervisor, relay),
        schedules=(FunctionSchedule("sweep", every=SWEEP_INTERVAL),),
        ledger=ledger,
    )


def handlers_with(project: Path, data: Path) -> Path:
    """A folder that handlers are imported from, with links to Longcall's and to the workloads of a project.

    Args:
        project: The project's folder.
        data: The data folder.
    """
    folder = data / "handlers-with-workloads"
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, target in {"app.py": ROOT, "chalicelib": ROOT, WORKLOADS: project}.items():
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to((target / name).resolve())
    return folder


def _thresholds() -> dict[str, str]:
    """The sweep's own variables. It compares the age of events with the times after which it fails a job."""
    return {"LONGCALL_REDISPATCH_SECONDS": f"{REDISPATCH:g}", EVENT_AGE: f"{DEV.event_age_seconds}"}


def _check(environments: Mapping[str, Mapping[str, str]]) -> None:
    """Read the settings as the handlers do, so that a mistake is reported before anything is started.

    Raises:
        MissingSettings: A variable is invalid, or two contradict each other.
    """
    WorkerSettings.from_environment(environments["inference"])
    RelaySettings.from_environment(environments["status_relay"])
    SweepSettings.from_environment(environments["sweep"])


def _environments(
    pool: Pool,
    ledger: str,
    s3: str,
    graphql_url: str,
    *,
    worker: IamPrincipal,
    supervisor: IamPrincipal,
    relay: IamPrincipal,
) -> dict[str, dict[str, str]]:
    log = {"LONGCALL_LEDGER": ledger, **_ledger_credentials(ledger)}
    api = {"LONGCALL_API_URL": graphql_url}
    # With DynamoDB the relay's own key is the developer's, which the local bucket does not know.
    relay_key = bucket_key_variables(relay) if ledger.startswith(DYNAMODB) else access_key_variables(relay)
    return {
        "inference": {**api, **bucket_variables(s3), **access_key_variables(worker)},
        "job_failed": {**api, **access_key_variables(supervisor)},
        "sweep": {**log, **api, **access_key_variables(supervisor)},  # overrides the ledger's key: see `supervisor`
        "status_relay": {**log, **bucket_variables(s3), **relay_key},
        "authorizer": {
            "LONGCALL_ISSUER": pool.issuer,
            "LONGCALL_JWKS_URL": pool.jwks_url,
            "LONGCALL_CLIENT_ID": pool.client_id,
            "LONGCALL_DENIED_FIELDS": ",".join(backend_fields(SCHEMA.read_text("utf-8"))),
        },
    }


def _ledger_credentials(ledger: str) -> dict[str, str]:
    """The developer's own AWS variables, if the ledger is in DynamoDB, which the local stack does not provide."""
    if not ledger.startswith(DYNAMODB):
        return {}
    own = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    region = region_of(own)
    own.pop("AWS_REGION", None)  # with it, the handlers sign requests to this stack's API, which is in its own region
    return own if region is None else {**own, "AWS_DEFAULT_REGION": region}
