"""Jobs on a real OpenAI-compatible server, through the whole local stack."""

import base64
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from longcall import Message, Role, Status
from tests.acceptance.stack import LocalStack, running_stack
from tests.contract.conftest import ROOT
from tests.integration.openai.llama import NAME, STORY, Llama, serving_llama
from tests.integration.openai.server import End, Reply, Script, answer, event, serving

KEY = "sk-a-key-of-the-tests-own"


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    if find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp has no wheel for this platform; see pyproject.toml")
    with serving_llama(tmp_path_factory.mktemp("llama"), key=KEY) as server:
        yield server


@pytest.fixture(scope="module")
def served(llama: Llama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    data = tmp_path_factory.mktemp("openai") / "data"
    with running_stack(data, "--openai", llama.url, environment={"LONGCALL_OPENAI_KEY": KEY}) as stack:
        yield stack


def longcall(stack: LocalStack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does."""
    command = [sys.executable, "-m", "longcall", *arguments, "--stack", str(stack.data / "stack.json")]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_command_line_prints_the_output_of_the_model(served: LocalStack) -> None:
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


def test_key_does_not_appear_in_the_logs_of_the_stack(served: LocalStack) -> None:
    longcall(served, "run", "--model", f"openai/{NAME}", "--prompt", "Tell me")

    logged = (served.data.parent / f"{served.data.name}.log").read_text()

    assert "Longcall is running at" in logged
    assert KEY not in logged


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalStack, Script]]:
    """A stack with a scripted OpenAI server."""
    data = tmp_path_factory.mktemp("scripted") / "data"
    with serving() as script, running_stack(data, "--openai", script.url) as stack:
        yield stack, script


async def test_an_image_reaches_the_server_as_it_was_sent(scripted: tuple[LocalStack, Script]) -> None:
    stack, script = scripted
    image = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
    script.replies = [answer("A lighthouse.")]

    async with stack.client() as client:
        turns = [Message(Role.USER, "What is it?", images=(image,))]
        views = [view async for view in client.run(turns, model="openai/eyes")]

    assert views[-1].output == "A lighthouse."
    shown, asked = script.body["messages"][0]["content"]
    assert shown["image_url"]["url"] == f"data:image/png;base64,{base64.b64encode(image).decode()}"
    assert asked == {"type": "text", "text": "What is it?"}


async def test_cancelling_a_job_closes_the_connection_to_a_silent_server(scripted: tuple[LocalStack, Script]) -> None:
    stack, script = scripted
    script.replies = [Reply([event(text="It was")], end=End.STALL)]

    async with stack.client() as client:
        job = await client.start("Tell me", model="openai/slow")
        async for view in client.watch(job.job_id):
            if view.output and not view.is_final:
                await client.cancel(job.job_id)
        script.replies = [answer("Next.")]
        following = [it async for it in client.run("And then?", model="openai/slow")]

    assert (view.status, view.output) == (Status.CANCELLED, "It was")
    assert following[-1].output == "Next."
