"""The project's own stack from its wiring: what the stack on AWS sets, with this machine's addresses."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from appsync_local.authorization.sigv4 import IamPrincipal
from appsync_local.functions.schedule import FunctionSchedule
from appsync_local.functions.spec import ACCOUNT, FunctionSpec
from chalicelib.ledger import DYNAMODB
from infrastructure.api import API
from infrastructure.stages import LIMITS, Stage
from local_stack.blueprint import Blueprint
from local_stack.services.cognito import Pool
from local_stack.services.s3 import BUCKET

ROOT: Final = Path(__file__).resolve().parent.parent
REGION: Final = "us-east-1"
WHERE: Final = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
BACKEND: Final = frozenset({"Mutation.updateStatus", "Mutation.dispatchInference"})
SWEEP_INTERVAL: Final = 5.0  # 60 on AWS
# A developer's patience; a stage that is asked for has its own.
PATIENCE: Final = {"LONGCALL_REDISPATCH_SECONDS": "20", "LONGCALL_STALLED_SECONDS": "45"}


def from_wiring(
    *,
    graphql_url: str,
    pool: Pool,
    ledger: str,
    s3: str,
    jobs: int,
    timeout: int | None,
    stage: Stage | None,
    settings: Mapping[str, str],
) -> Blueprint:
    """The stack that `appsync_local.api.model` and the handlers make.

    Args:
        graphql_url: Where the API will be.
        pool: Whose tokens count.
        ledger: sqlite:<path> or dynamodb:<table>.
        s3: Where S3 with the bucket is.
        jobs: Jobs that run at once.
        timeout: Seconds of one job's invocation; None: the limits' own.
        stage: Whose settings the handlers have; None: a developer's.
        settings: LONGCALL_* variables for all handlers, over everything else.
    """
    worker = principal("inference", BACKEND)
    supervisor = principal("supervisor", BACKEND)
    if ledger.startswith(DYNAMODB) and {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= os.environ.keys():
        # `sweep` reads the ledger and publishes, in one process and so with one key: the developer's own.
        supervisor = replace(
            supervisor,
            access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
            secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        )
    environments = _environments(pool, ledger, s3, worker, supervisor, graphql_url)
    limits = dict(LIMITS if stage is None else stage.limits)
    if timeout is not None:
        limits["inference"] = replace(limits["inference"], timeout=timeout)
    own = {"sweep": PATIENCE} if stage is None else {name: stage.settings(name) for name in environments}
    return Blueprint(
        api=API,
        schema=ROOT / "graphql" / "schema.graphql",
        code=ROOT / "graphql",
        root=ROOT,
        functions=tuple(
            FunctionSpec(
                name=name,
                handler=f"app.{name}",
                environment={**WHERE, **environment, **own.get(name, {}), **settings},
                timeout=float(limits[name].timeout),
                memory_mb=limits[name].memory_mb,
                reserved_concurrency=jobs if name == "inference" else None,
                on_failure="job_failed" if name == "inference" else None,
            )
            for name, environment in environments.items()
        ),
        principals=(worker, supervisor),
        schedules=(FunctionSchedule("sweep", every=SWEEP_INTERVAL),),
    )


def principal(name: str, allowed: frozenset[str]) -> IamPrincipal:
    """A role of this stack's own, with a key that is new at every start."""
    return IamPrincipal(
        access_key_id=f"AKIA{secrets.token_hex(8).upper()}",
        secret_access_key=secrets.token_urlsafe(30),
        arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/longcall-local-{name}/{name}",
        account_id=ACCOUNT,
        allowed=allowed,
    )


def keys_of(principal: IamPrincipal) -> dict[str, str]:
    """The variables that Lambda sets for a function's role."""
    return {"AWS_ACCESS_KEY_ID": principal.access_key_id, "AWS_SECRET_ACCESS_KEY": principal.secret_access_key}


def ledger_credentials(ledger: str) -> dict[str, str]:
    """DynamoDB is somebody else's, real or emulated: the relay reaches it with the developer's own AWS settings."""
    if not ledger.startswith(DYNAMODB):
        return {}
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


def objects_at(s3: str) -> dict[str, str]:
    """Where a handler finds the bucket."""
    return {"LONGCALL_BUCKET": BUCKET, "AWS_ENDPOINT_URL_S3": s3}


def _environments(
    pool: Pool, ledger: str, s3: str, worker: IamPrincipal, supervisor: IamPrincipal, graphql_url: str
) -> dict[str, dict[str, str]]:
    log = {"LONGCALL_LEDGER": ledger, **ledger_credentials(ledger)}
    api = {"LONGCALL_API_URL": graphql_url}
    # Signs for moto's S3, which takes any key; with DynamoDB the relay has the developer's own.
    signer = {} if ledger.startswith(DYNAMODB) else keys_of(principal("status_relay", frozenset()))
    return {
        "inference": {**api, **objects_at(s3), **keys_of(worker)},
        "job_failed": {**api, **keys_of(supervisor)},
        "sweep": {**log, **api, **keys_of(supervisor)},  # after the ledger's keys: see `supervisor`
        "status_relay": {**log, **objects_at(s3), **signer},
        "authorizer": {
            "LONGCALL_ISSUER": pool.issuer,
            "LONGCALL_JWKS_URL": pool.jwks_url,
            "LONGCALL_CLIENT_ID": pool.client_id,
        },
    }
