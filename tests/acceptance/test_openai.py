"""Jobs on a real OpenAI-compatible server, through the whole local stack."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from longcall import Status
from tests.acceptance.stack import LocalStack, running_stack
from tests.contract.conftest import ROOT
from tests.openai.llama import NAME, STORY, Llama, serving_llama

KEY = "sk-a-key-of-the-tests-own"

pytestmark = pytest.mark.skipif(
    find_spec("xllamacpp") is None, reason="xllamacpp has no wheel for this platform; see pyproject.toml"
)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    with serving_llama(tmp_path_factory.mktemp("llama"), key=KEY) as server:
        yield server


@pytest.fixture(scope="module")
def served(llama: Llama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    data = tmp_path_factory.mktemp("openai") / "data"
    with running_stack(data, "--openai", llama.url, environment={"LONGCALL_OPENAI_KEY": KEY}) as stack:
        yield stack


def longcall(stack: LocalStack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line, as a person would use it."""
    command = [sys.executable, "-m", "longcall", *arguments, "--stack", str(stack.data / "stack.json")]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_command_line_prints_what_the_model_says(served: LocalStack) -> None:
    done = longcall(served, "run", "--model", f"openai/{NAME}", "--prompt", "Tell me", "--temperature", "0")

    assert (done.returncode, done.stdout.strip()) == (0, STORY.strip()), done.stderr


def test_a_conversation_is_answered_and_its_tokens_are_in_the_job(served: LocalStack) -> None:
    messages = '[{"role": "USER", "text": "Once more"}]'
    path = served.data / "messages.json"
    path.write_text(messages)

    done = longcall(served, "run", "--model", f"openai/{NAME}", "--messages", str(path), "--json", "--temperature", "0")

    assert done.returncode == 0, done.stderr
    assert '"outputTokens"' in done.stdout


async def test_max_tokens_ends_the_job_with_its_output(served: LocalStack) -> None:
    async with served.client() as client:
        job = await client.start("Tell me", model=f"openai/{NAME}", max_tokens=4, temperature=0.0)
        async for view in client.watch(job.job_id):
            last = view

    assert (last.status, last.error_type) == (Status.FAILED, "BUDGET_EXCEEDED")
    assert last.output == " The tide came back"


def test_key_is_nowhere_in_what_the_stack_logs(served: LocalStack) -> None:
    longcall(served, "run", "--model", f"openai/{NAME}", "--prompt", "Tell me")

    logged = (served.data.parent / f"{served.data.name}.log").read_text()

    assert "longcall is up" in logged
    assert KEY not in logged
