from collections.abc import Iterator
from typing import Any

import pytest
from tenacity import wait_exponential

from chalicelib.jobs.model import InferenceRequest
from chalicelib.workloads import WorkloadContext
from chalicelib.workloads.bedrock.converse import converse
from chalicelib.workloads.bedrock.service import Service, open_service
from chalicelib.workloads.bedrock.settings import AwsLogin, BedrockSettings, Guardrail
from chalicelib.workloads.retrying import FIRST_WAIT, LONGEST_WAIT
from tests.integration.bedrock.server import KEY, REGION, SECRET, Bedrock, bedrock_server
from tests.unit.chalicelib.workloads.running import FakeClock, Run, run_to_end

MODEL = "amazon.nova-micro-v1:0"
TIME = 100.0  # seconds until the deadline, on a clock that only sleeping moves


@pytest.fixture
def bedrock() -> Iterator[Bedrock]:
    with bedrock_server() as server:
        yield server


class Caller:
    """Runs the workload against the server, with a fake clock."""

    def __init__(self, bedrock: Bedrock) -> None:
        self.bedrock = bedrock
        self.clock = FakeClock()
        self._services: dict[BedrockSettings, Service] = {}
        self.guardrail: Guardrail | None = None
        self.silence = 10.0
        self.is_off = False
        self.login: AwsLogin | None = AwsLogin(None, KEY, SECRET, None)

    def settings(self) -> BedrockSettings:
        return BedrockSettings(REGION, self.bedrock.url, self.is_off, self.login, self.guardrail, self.silence)

    def service(self) -> Service:
        """The service, as a process would make it; a new one when a test changed the settings."""
        settings = self.settings()
        if settings not in self._services:
            self._services[settings] = open_service(settings)
        return self._services[settings]

    def steps(self, prompt: str = "Hi", **options: Any) -> Any:
        """The generator of the workload, not started yet."""
        request = InferenceRequest(prompt, **{"model": MODEL, **options})
        return converse(
            request, WorkloadContext(TIME, clock=self.clock), service=self.service,
            backoff=wait_exponential(FIRST_WAIT, LONGEST_WAIT), sleep=self.clock.sleep,
        )  # fmt: skip

    def run(self, prompt: str = "Hi", **options: Any) -> Run:
        return run_to_end(self.steps(prompt, **options), self.clock)


@pytest.fixture
def caller(bedrock: Bedrock) -> Caller:
    return Caller(bedrock)
