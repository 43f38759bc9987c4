"""The TypeScript client: its own checks and tests, and the life of jobs against a whole stack that loses pushes."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.stack import LocalStack, running_stack
from tests.integration.typescript.client_folder import CLIENT, LOSSES, bundle, require_packages, run

JOBS = 20
FEW_JOBS = 8
CHATS = 3


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    require_packages()


@pytest.fixture(scope="module")
def lossy_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    data = tmp_path_factory.mktemp("stack") / "data"
    environment = {"LONGCALL_QUOTA": str(2 * JOBS)}
    with running_stack(data, "--chaos", LOSSES, "--jobs", "4", environment=environment) as stack:
        yield stack


@pytest.mark.parametrize("script", ["check", "test", "package"])
def test_the_client_passes_its_own_checks(script: str) -> None:
    run("npm", "run", "--silent", script)


def run_live(name: str, stack: LocalStack, *arguments: str) -> list[dict[str, Any]]:
    """Run a program of `tests/live` on a stack; return the objects that it printed, one a line."""
    # Inside the folder, so that Node finds the packages.
    script = CLIENT / "node_modules" / ".cache" / f"{name}-{stack.port}.mjs"
    bundle(f"tests/live/{name}.ts", script, "--platform=node", "--format=esm", "--packages=external")
    return [
        json.loads(line) for line in run("node", str(script), str(stack.data / "stack.json"), *arguments).splitlines()
    ]


@pytest.mark.parametrize(("through", "jobs"), [("longcall", JOBS), ("amplify", FEW_JOBS), ("apollo", FEW_JOBS)])
async def test_what_is_shown_is_what_was_logged_although_half_of_the_pushes_are_lost(
    lossy_stack: LocalStack, through: str, jobs: int
) -> None:
    *lines, last = run_live("job", lossy_stack, str(jobs), "1", through)

    assert len(lines) == jobs
    async with lossy_stack.client() as client:
        for index, line in enumerate(lines):
            view = await client.get(line["jobId"])
            expected: dict[str, Any] = {
                "jobId": view.job_id, "status": "COMPLETED", "isResult": True, "inOrder": True,
                "sha256": hashlib.sha256(view.output.encode()).hexdigest(), "metadata": {"index": index},
                "statuses": ["PENDING", "PROCESSING", "COMPLETED"],
            }  # fmt: skip
            assert line == expected
    if jobs == JOBS:  # a few jobs may be lucky
        assert last["heals"] > 0, "no push was lost: the test shows nothing"
    assert last["listed"] == 5
    assert last["total"] > 0
    assert last["inList"] == jobs, "the live list shows every job as completed"


async def test_the_text_of_a_chat_is_the_result_of_its_job_on_every_device(lossy_stack: LocalStack) -> None:
    *answers, stopped = run_live("chat", lossy_stack, str(CHATS), "1.5")

    assert len(answers) == 3 * CHATS
    async with lossy_stack.client() as client:
        for answer in answers:
            view = await client.get(answer["jobId"])
            assert answer == {
                "jobId": view.job_id, "status": "ready", "usage": view.usage, "count": answer["count"],
                "sha256": hashlib.sha256((view.result or "").encode()).hexdigest(),
            }  # fmt: skip
        assert [answer["count"] for answer in answers] == [2, 4, 4] * CHATS
        assert (await client.get(stopped["jobId"])).status == "CANCELLED"
