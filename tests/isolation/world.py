"""The API served by the engine, with the relay and the authorizer in this process; jobs in every state; and callers.

Everything but the processes of the functions is real: HTTP and WebSocket, JSON Web Tokens and published keys,
signatures, the schema, the resolvers, and the job log.
"""

import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Final

import aiohttp

from appsync_local import AuthorizerOptions, Engine, IamPrincipal, UserPool
from chalicelib.api.authorizer import TOKEN_FORM, authorize
from chalicelib.api.relay import Relay
from chalicelib.api.tokens import TokenVerifier
from chalicelib.jobs.model import Job, JobId
from chalicelib.jobs.rules import Lease
from chalicelib.ledger.sqlite import SqliteLedger
from infrastructure.api import API
from tests.support.engine_clients import signed
from tests.support.issuer import CLIENT_ID, ISSUER, Issuer, access_claims, running_issuer, signing_key
from tests.support.memory_objects import MemoryObjects

ADA, GRACE = "a3b1c2d4-0000-4000-8000-000000000001", "a3b1c2d4-0000-4000-8000-000000000002"
SECRET: Final = "SECRET-OF-ADA"  # part of every text of Ada's jobs
CHECKPOINT: Final = "CHECKPOINT-OF-ADA"
HANDLERS: Final = frozenset({"authorizer", "status_relay", "inference"})
ACCOUNT: Final = "111122223333"


class State(Enum):
    """Where a job is in its life."""

    ABSENT = "absent"
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DELETED = "deleted"


class Kind(Enum):
    """What a caller may do."""

    OWNER = "owner"
    FOREIGN = "another user"
    BACKEND = "backend"
    POWERLESS = "a role without rights"
    UNKNOWN = "nobody"  # without credentials that can be verified


@dataclass(frozen=True)
class Identity:
    """A caller in one authorization mode. `headers` makes the credentials of a request, from its URL and its body."""

    name: str
    kind: Kind
    headers: Callable[[str, str], Mapping[str, str]]


@dataclass(frozen=True)
class Answer:
    """The answer of the API to one request."""

    status: int
    text: str

    @property
    def data(self) -> Any:
        return json.loads(self.text).get("data")

    @property
    def error_types(self) -> list[str]:
        return [it.get("errorType") for it in json.loads(self.text).get("errors") or ()]


class World:
    """One API with its log."""

    def __init__(self, engine: Engine, relay: Relay, session: aiohttp.ClientSession, issuer: Issuer) -> None:
        self.engine = engine
        self.session = session
        self._relay = relay
        self._issuer = issuer

    @property
    def host(self) -> str:
        return self.engine.graphql_url.split("/")[2]

    async def ask(self, identity: Identity, text: str, variables: Mapping[str, Any]) -> Answer:
        """Send one operation."""
        body = json.dumps({"query": text, "variables": variables})
        headers = identity.headers(self.engine.graphql_url, body)
        async with self.session.post(self.engine.graphql_url, data=body, headers=headers) as response:
            return Answer(response.status, await response.text())

    def job(self, state: State, owner: str = ADA) -> str:
        """A new job in a state. Its texts contain `SECRET`."""
        job_id = str(uuid.uuid4())
        if state is State.ABSENT:
            return job_id
        # Resolvers get AWSJSON parsed.
        self._call(
            "startInference", {"input": {**start_input(job_id), "metadata": json.loads(METADATA)}}, {"sub": owner}
        )
        if state is State.PENDING:
            return job_id
        backend = {"userArn": f"arn:aws:sts::{ACCOUNT}:assumed-role/backend/worker"}
        common = {"jobId": job_id, "status": "PROCESSING"}
        self._call("updateStatus", {"input": {**common, "requestId": "r-1", "updateId": "u-2"}}, backend)
        self._call("updateStatus", {"input": {
            **common, "attempt": 1, "sequence": 3, "updateId": "u-3", "delta": f"{SECRET} delta",
            "message": f"{SECRET} message", "checkpoint": json.dumps(CHECKPOINT),
        }}, backend)  # fmt: skip
        end: dict[str, Any] = {"jobId": job_id, "attempt": 1, "sequence": 4, "updateId": "u-4", "meter": METER}
        match state:
            case State.COMPLETED | State.DELETED:
                done = {**end, "status": "COMPLETED", "result": f"{SECRET} result", "usage": {"a": SECRET}}
                self._call("updateStatus", {"input": done}, backend)
            case State.FAILED:
                failed = {**end, "status": "FAILED", "error": f"{SECRET} error", "errorType": "WORKLOAD_FAILED"}
                self._call("updateStatus", {"input": failed}, backend)
            case State.CANCELLED:
                self._call("cancelInference", {"jobId": job_id}, {"sub": owner})
        if state is State.DELETED:
            self._call("deleteInference", {"jobId": job_id}, {"sub": owner})
        return job_id

    def log(self, job_id: str) -> list[Job]:
        """All records of a job."""
        return self._relay.ledger.read(JobId(job_id), after=0, limit=100)

    def end(self, job_id: str, result: str) -> Mapping[str, Any]:
        """The input of the last update of a running job's worker."""
        sequence = len(self.log(job_id)) + 1
        return {
            "jobId": job_id, "status": "COMPLETED", "attempt": 1, "sequence": sequence, "updateId": f"u-{sequence}",
            "result": result, "meter": METER,
        }  # fmt: skip

    def identities(self) -> list[Identity]:
        """Every kind of caller in every mode."""
        ada, grace = self._token(ADA), self._token(GRACE)
        others = {
            "forged": self._token(ADA, kid="first", key="stranger"),
            "expired": self._token(ADA, exp=int(time.time()) - 60),
            "of another client": self._token(ADA, client_id="another"),
            "of another pool": self._token(ADA, iss=f"{ISSUER}-other"),
        }
        return [
            _bearer("owner by user pool", Kind.OWNER, ada),
            _bearer("owner by authorizer", Kind.OWNER, f"Lambda-Auth-{ada}"),
            _bearer("another user by user pool", Kind.FOREIGN, grace),
            _bearer("another user by authorizer", Kind.FOREIGN, f"Lambda-Auth-{grace}"),
            Identity("backend", Kind.BACKEND, lambda url, body: signed(url, body, BACKEND)),
            Identity("a role without rights", Kind.POWERLESS, lambda url, body: signed(url, body, POWERLESS)),
            Identity("wrong signature", Kind.UNKNOWN, lambda url, body: signed(url, body + " ", BACKEND)),
            Identity("without credentials", Kind.UNKNOWN, lambda _url, _body: {}),
            *(_bearer(f"token {name}", Kind.UNKNOWN, token) for name, token in others.items()),
            *(_bearer(f"authorizer token {name}", Kind.UNKNOWN, f"Lambda-Auth-{it}") for name, it in others.items()),
        ]

    def _token(self, sub: str, *, kid: str | None = None, key: str | None = None, **changes: object) -> str:
        now = int(time.time())
        claims = access_claims(**{"sub": sub, "iat": now - 10, "exp": now + 600, **changes})
        return self._issuer.sign(claims, key=None if key is None else signing_key(key), kid=kid)

    def _call(self, field: str, arguments: Mapping[str, Any], identity: Mapping[str, Any]) -> Any:
        answer = self._relay.answer({"field": field, "arguments": arguments, "identity": identity, "selection": []})
        assert answer.get("error") is None, answer
        return answer["data"]


METADATA: Final = json.dumps({"a": SECRET})
METER: Final = {
    "operations": 3, "pushes": 3, "milliseconds": 10, "megabytes": 512, "inputTokens": 1, "cachedInputTokens": 0,
    "outputTokens": 1,
}  # fmt: skip


def start_input(job_id: str) -> dict[str, Any]:
    """The input with which every job of this world is started."""
    return {"jobId": job_id, "prompt": f"{SECRET} prompt", "model": "simulated.story", "metadata": METADATA}


class _Functions:
    """The Lambda functions, in this process."""

    def __init__(self, relay: Relay, verifier: TokenVerifier, denied_fields: tuple[str, ...]) -> None:
        self._relay = relay
        self._verifier = verifier
        self._denied_fields = denied_fields

    async def invoke(self, function: str, payload: object) -> object:
        event = json.loads(json.dumps(payload))
        if function == "authorizer":
            answer = authorize(event, self._verifier, denied_fields=self._denied_fields, now=datetime.now(UTC))
            return dict(answer)
        return json.loads(json.dumps(self._relay.answer(event)))

    async def enqueue(self, function: str, payload: object) -> str:
        return str(uuid.uuid4())


@asynccontextmanager
async def running_world(graphql: Path, folder: Path, *, denied_fields: tuple[str, ...]) -> AsyncIterator[World]:
    """Serve an API.

    Args:
        graphql: The folder with schema and resolvers.
        folder: An empty folder for the log.
        denied_fields: What the authorizer denies to all callers.
    """
    ledger = SqliteLedger(folder / "jobs.db", clock=lambda: datetime.now(UTC))
    relay = Relay(
        ledger=ledger, retention=timedelta(days=7), quota=10_000, lease=Lease(), objects=MemoryObjects(),
    )  # fmt: skip
    with running_issuer() as issuer:
        verifier = TokenVerifier(ISSUER, issuer.jwks_url, [CLIENT_ID])
        engine = Engine(
            api=API, schema=graphql / "schema.graphql", code=graphql,
            invoker=_Functions(relay, verifier, denied_fields), handlers=HANDLERS,
            user_pools=(UserPool(ISSUER, issuer.jwks_url, CLIENT_ID),), principals=(BACKEND, POWERLESS),
            authorizer=AuthorizerOptions(identity_validation=TOKEN_FORM),
        )  # fmt: skip
        await engine.start(port=0)
        try:
            async with aiohttp.ClientSession() as session:
                yield World(engine, relay, session, issuer)
        finally:
            await engine.stop()
            ledger.close()


def _bearer(name: str, kind: Kind, token: str) -> Identity:
    return Identity(name, kind, lambda _url, _body: {"Authorization": token})


def _principal(name: str, allowed: frozenset[str]) -> IamPrincipal:
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{name}"
    return IamPrincipal(f"AKID{name.upper()}", f"{name}-secret", arn, ACCOUNT, allowed)


# On AWS the role of a worker may call two fields. Here it may call every field, so that only the directives refuse it.
BACKEND: Final = _principal(
    "backend",
    frozenset({it.field for it in API.resolvers}),
)
POWERLESS: Final = _principal("powerless", frozenset())
