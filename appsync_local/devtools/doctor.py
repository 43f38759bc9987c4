"""Explains what works: why a credential may or may not use a field, and the state of background loops and queues.

Served at `/doctor`. The doctor decodes a token and passes it on to nobody but the API's own
authorizer. Its answers contain claims of the token, never the token itself.
"""

import time
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import asdict
from typing import Final, Protocol

import orjson

from appsync_local.api.endpoints import GRAPHQL_PATH
from appsync_local.authorization.authenticator import Authenticator
from appsync_local.authorization.caller import Caller
from appsync_local.authorization.credentials import AuthorizationRequest, Signature, credential_of
from appsync_local.devtools.credential_checks import (
    TokenRequirements,
    claim_findings,
    mode_finding,
    refusal_finding,
    token_in,
)
from appsync_local.devtools.field_checks import AccessRules, field_findings
from appsync_local.devtools.findings import CheckStatus, Finding
from appsync_local.devtools.health import Health
from appsync_local.devtools.health_checks import health_findings
from appsync_local.devtools.operation_log import caller_name, printable
from appsync_local.devtools.pages import Page, PageRequest, json_page
from appsync_local.errors import RequestRefused

__all__ = ["PATH", "Doctor", "TokenRequirements"]

PATH: Final = "/doctor"


class ServedApi(Protocol):
    """An API that answers requests, as far as the doctor checks it."""

    @property
    def api(self) -> AccessRules: ...

    @property
    def authenticator(self) -> Authenticator: ...


class Doctor:
    """`POST /doctor` with `{"headers": {"authorization": …}, "field": "Mutation.updateStatus" or null}`.

    The answer is `{"findings": [{about, status, found, advice}], "health": …}`, with `Health.describe()`.

    Args:
        service: Returns the API that is served now.
        requirements: The tokens that are accepted.
        health: The background work to report.
        now: Seconds since the epoch.
    """

    def __init__(
        self,
        service: Callable[[], ServedApi],
        requirements: TokenRequirements,
        health: Health | None = None,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._service = service
        self._health = health or Health()
        self._requirements = requirements
        self._now = now

    @property
    def paths(self) -> Collection[str]:
        """See `PageProvider`."""
        return (PATH,)

    async def answer(self, request: PageRequest) -> Page:
        """See `PageProvider`."""
        if request.method != "POST":
            return json_page({"error": "send a POST request"}, 405)
        try:
            wanted = orjson.loads(request.body)
            headers = {str(name).lower(): str(value) for name, value in wanted["headers"].items()}
            field = wanted.get("field")
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            return json_page({"error": 'expected {"headers": {…}, "field": …} as JSON'}, 400)
        findings = [finding async for finding in self._findings(headers, None if field is None else str(field))]
        health = self._health.describe()
        return json_page({"findings": [asdict(finding) for finding in findings], "health": health})

    async def _findings(self, headers: Mapping[str, str], field: str | None) -> AsyncIterator[Finding]:
        for finding in health_findings(self._health, now=self._now()):
            yield finding
        service = self._service()
        operation = {"queryString": "", "variables": {}}
        to_check = AuthorizationRequest(headers, GRAPHQL_PATH, b"", "127.0.0.1", operation=operation)
        credential = credential_of(to_check, frozenset(service.api.modes))
        yield mode_finding(credential, service.api.modes)
        token = token_in(credential)
        claims = [] if token is None else list(claim_findings(token, self._requirements, self._now()))
        for finding in claims:
            yield finding
        caller: Caller | None = None
        if not isinstance(credential, Signature | None):
            try:
                caller = await service.authenticator.authenticate(to_check, str(uuid.uuid4()))
            except RequestRefused as refused:
                problems = [finding for finding in claims if finding.status is CheckStatus.BAD]
                yield refusal_finding(refused, credential, problems, self._requirements)
            else:
                yield Finding("caller", CheckStatus.GOOD, f"accepted as {caller_name(caller)}")
                if caller.denied:
                    denied = ", ".join(sorted(caller.denied))
                    yield Finding("denied fields", CheckStatus.NOTE, f"the authorizer refuses {printable(denied)}")
        if field is not None:
            for finding in field_findings(service.api, field, caller):
                yield finding
