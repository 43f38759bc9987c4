"""Creates what the handlers work with, once per process. Nothing else reads the environment.

Imports are inside the functions: all handlers share one zip, and a handler must not load what only another one needs.
"""

import os
from functools import cache, partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from chalicelib.api.relay import Relay
    from chalicelib.api.settings import AuthorizerSettings
    from chalicelib.api.tokens import TokenVerifier
    from chalicelib.ledger import Ledger
    from chalicelib.objects import Objects
    from chalicelib.publisher.appsync import Endpoint
    from chalicelib.supervision.dead_letters import DeadLetters
    from chalicelib.supervision.diagnosis import Thresholds
    from chalicelib.supervision.supervisor import Supervisor
    from chalicelib.worker.runner import JobRunner

RELAY_TRIES: Final = 2  # of a request to S3: a caller waits, and the relay has 10 s
WORKER_TRIES: Final = 5


@cache
def job_runner() -> "JobRunner":
    """The runner of `inference`."""
    from chalicelib.publisher.coalescing import Pace
    from chalicelib.publisher.connection import Connection
    from chalicelib.publisher.delivery import Backoff
    from chalicelib.publisher.publisher import Publisher
    from chalicelib.worker.runner import JobRunner
    from chalicelib.worker.settings import WorkerSettings
    from chalicelib.workloads import registry

    settings = WorkerSettings.from_environment(os.environ)
    pace = Pace(settings.flush_policy, heartbeat=settings.heartbeat)
    return JobRunner(
        open_publisher=partial(Publisher, connection=Connection(endpoint()), pace=pace, backoff=Backoff()),
        load=registry.load,
        megabytes=settings.megabytes,
        objects=objects(tries=WORKER_TRIES),
    )


@cache
def supervisor() -> "Supervisor":
    """The supervisor of `job_failed` and `sweep`."""
    from chalicelib.publisher.delivery import Backoff
    from chalicelib.supervision.supervisor import Supervisor

    return Supervisor(endpoint(), Backoff())


@cache
def swept() -> "tuple[Ledger, Thresholds]":
    """The log that `sweep` reads, and how long a job in it may be silent."""
    from chalicelib.ledger import open_ledger
    from chalicelib.supervision.settings import SweepSettings

    settings = SweepSettings.from_environment(os.environ)
    return open_ledger(settings.ledger), settings.thresholds


@cache
def endpoint() -> "Endpoint":
    """The API that updates are published to."""
    from chalicelib.publisher.appsync import AppSync
    from chalicelib.publisher.authorization import ApiKey, signature_of_this_function
    from chalicelib.publisher.settings import EndpointSettings

    settings = EndpointSettings.from_environment(os.environ)
    if settings.api_key is not None:
        return AppSync(settings.api_url, ApiKey(settings.api_key), settings.type_prefix)
    return AppSync(settings.api_url, signature_of_this_function(settings.region), settings.type_prefix)


@cache
def relay() -> "Relay":
    """The relay of `status_relay`."""
    from chalicelib.api.relay import Relay
    from chalicelib.api.settings import RelaySettings
    from chalicelib.ledger import open_ledger

    settings = RelaySettings.from_environment(os.environ)
    ledger = open_ledger(settings.ledger)
    return Relay(
        ledger=ledger,
        objects=objects(tries=RELAY_TRIES),
        retention=settings.retention,
        quota=settings.quota,
        lease=settings.lease,
        models=settings.models,
        flush_policy=settings.flush_policy,
        reporting=settings.reporting,
        reporters=settings.reporters,
    )


@cache
def objects(*, tries: int) -> "Objects":
    """The store for texts that are too large for the job log."""
    from chalicelib.objects import ObjectSettings, open_objects

    settings = ObjectSettings.from_environment(os.environ)
    return open_objects(settings.bucket, tries=tries, access_key=settings.access_key)


@cache
def dead_letters() -> "tuple[DeadLetters, ...]":
    """The queue of the reports that `job_failed` could not deliver; empty where the stack has none."""
    from chalicelib.supervision.settings import dead_letter_queue

    url = dead_letter_queue(os.environ)
    if url is None:
        return ()
    import boto3

    from chalicelib.supervision.dead_letters import DeadLetters

    return (DeadLetters(url, boto3.client("sqs")),)


@cache
def authorizer_settings() -> "AuthorizerSettings":
    """The settings of `authorizer`."""
    from chalicelib.api.settings import AuthorizerSettings

    return AuthorizerSettings.from_environment(os.environ)


@cache
def token_verifier() -> "TokenVerifier":
    """The verifier of `authorizer`. It keeps the issuer's keys."""
    from chalicelib.api.tokens import TokenVerifier

    settings = authorizer_settings()
    return TokenVerifier(issuer=settings.issuer, jwks_url=settings.jwks_url, client_ids=settings.client_ids)


def reset() -> None:
    """Forget everything that was created, so that the next call reads the environment again."""
    for create in (
        job_runner, supervisor, swept, endpoint, relay, objects, dead_letters, authorizer_settings, token_verifier
    ):  # fmt: skip
        create.cache_clear()
