import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.jobs.errors import InvalidRequest, WorkloadFailed
from chalicelib.jobs.model import Image, InferenceRequest, Message, Role, UploadId
from chalicelib.workloads import Outcome, WorkloadContext, registry
from chalicelib.workloads.simulated import Scene
from tests.unit.chalicelib.workloads.running import run_to_end

MODELS = [model for kind in registry.REGISTRY for model in kind.models]
PATTERNS = [kind.pattern for kind in registry.REGISTRY if kind.pattern is not None]


def test_every_model_has_one_kind() -> None:
    assert len(MODELS) == len(set(MODELS))
    assert all(registry.find(model).module.startswith("chalicelib.workloads.") for model in MODELS)


def test_every_model_loads() -> None:
    assert all(callable(registry.load(model)) for model in MODELS)


def test_table_names_every_scene() -> None:
    named = [model.removeprefix("simulated.") for model in MODELS if model.startswith("simulated.")]

    assert named == [*(scene.value for scene in Scene), "echo"]


@pytest.mark.parametrize("model", ["", "gpt", "local.other"])
def test_unknown_model_is_refused_with_one_name_of_each_family(model: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        registry.check(InferenceRequest("text", model))

    assert str(refused.value) == (
        f"model {model!r} is unknown; use simulated.story, local.textrank, amazon.nova-micro-v1:0 or openai/llama3.2"
    )


def test_unknown_simulated_model_is_refused_with_all_names_of_its_family() -> None:
    with pytest.raises(InvalidRequest) as refused:
        registry.check(InferenceRequest("text", "simulated.something"))

    assert str(refused.value) == (
        "model 'simulated.something' is unknown; use simulated.story, simulated.error, simulated.crash, "
        "simulated.crash-once, simulated.silence, simulated.slow-start, simulated.deaf or simulated.echo"
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("simulatd.story", "simulated.story"),
        ("simulatd.stor", "simulated.story"),
        ("simulated.crush", "simulated.crash"),
        ("Simulated.Story", "simulated.story"),
        ("locl.textrank", "local.textrank"),
        ("local.textrank ", "local.textrank"),
        ("LOCAL.TEXTRANK", "local.textrank"),
        ("openia/gpt", "openai/gpt"),
        ("OpenAI/Llama-3", "openai/Llama-3"),
        ("amazon.nova-lit-v1:0", "amazon.nova-lite-v1:0"),
        ("us.amazon.nova-lit-v1:0", "us.amazon.nova-lite-v1:0"),
        ("amazn.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        ("AMAZON.nova-micro-v1:0", "amazon.nova-micro-v1:0"),
        ("us.antropic.claude-sonnet-4-5", "us.anthropic.claude-sonnet-4-5"),
        ("anthropic.claud-sonnet-4-5", "anthropic.claude-sonnet-4-5"),
    ],
)
def test_a_misspelt_model_is_refused_with_the_one_that_was_meant(written: str, meant: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        registry.check(InferenceRequest("text", written))

    assert str(refused.value).startswith(f"model {written!r} is unknown. Did you mean {meant}? Models: ")


@pytest.mark.parametrize(
    "model",
    [
        "amazon.nova-lite-v2:0",
        "amazon.nova-light-v1:0",
        "anthropic.claude-3-5-haiku",
        "newcomer.first-v1",
        "openai/gpt",
    ],
)
def test_a_new_model_that_is_not_nearly_a_known_one_is_accepted(model: str) -> None:
    registry.check(InferenceRequest("text", model))


def test_unknown_model_is_refused_when_loaded_too() -> None:
    with pytest.raises(InvalidRequest, match="'gpt' is unknown"):
        registry.load("gpt")


@given(st.text().filter(lambda model: model not in MODELS and not any(it.fullmatch(model) for it in PATTERNS)))
def test_any_other_name_is_refused_in_one_short_line(model: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        registry.find(model)

    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize(("name", "value", "word"), [("max_tokens", 5, "maxTokens"), ("system", "", "system")])
def test_echo_refuses_options_it_would_ignore(name: str, value: object, word: str) -> None:
    request = replace(InferenceRequest("text", "simulated.echo", process_time=0.0), **{name: value})

    with pytest.raises(InvalidRequest) as refused:
        registry.check(request)

    assert str(refused.value) == f"model simulated.echo does not take {word}; leave it out"


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [("process_time", 0.0, "processTime"), ("temperature", 0.0, "temperature"), ("system", "", "system")],
)
def test_textrank_refuses_options_it_would_ignore(name: str, value: object, word: str) -> None:
    request = replace(InferenceRequest("text", "local.textrank", max_tokens=5), **{name: value})

    with pytest.raises(InvalidRequest) as refused:
        registry.check(request)

    assert str(refused.value) == f"model local.textrank does not take {word}; leave it out"


def test_a_model_that_the_stage_does_not_allow_is_refused_with_those_that_it_does() -> None:
    registry.check(InferenceRequest("text", "simulated.story"), allowed=("local.*", "simulated.story"))

    with pytest.raises(InvalidRequest) as refused:
        registry.check(InferenceRequest("text", "simulated.crash"), allowed=("local.*", "simulated.story"))

    assert str(refused.value) == "model simulated.crash is not allowed on this stage; use local.* or simulated.story"


@pytest.mark.parametrize(
    "model",
    [
        "amazon.nova-pro-v1:0:300k",
        "anthropic.claude-opus-4-7",
        "openai.gpt-oss-120b-1:0",
        "moonshotai.kimi-k2.5",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "us-gov.anthropic.claude-3-haiku-20240307-v1:0",
        "global.anthropic.claude-haiku-4-5-20251001-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0",
        "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:inference-profile/us-gov.amazon.nova-lite-v1:0",
        "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/a1b2c3",
        "arn:aws:bedrock:eu-west-1:123456789012:provisioned-model/a1b2c3d4e5f6",
        "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/a-model",
    ],
)
def test_ids_profiles_and_arns_of_bedrock_run_there(model: str) -> None:
    assert registry.find(model).module == "chalicelib.workloads.bedrock.converse"


@pytest.mark.parametrize(
    "model", ["gpt-4.1", "llama3.2", "Amazon.nova", "amazon.", "amazon.nova micro", "arn:aws:s3:::bucket", "a.b" * 999]
)
def test_names_that_no_model_of_bedrock_can_have_are_refused(model: str) -> None:
    with pytest.raises(InvalidRequest, match="is unknown"):
        registry.find(model)


MICRO = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-micro-v1:0"
OWN_PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3"


@pytest.mark.parametrize(
    ("allowed", "model"),
    [
        ("amazon.nova-micro-v1:0", MICRO),
        (MICRO, "amazon.nova-micro-v1:0"),
        ("us.amazon.nova-micro-v1:0", PROFILE),
        ("us.amazon.*", PROFILE),
        (OWN_PROFILE, OWN_PROFILE),
        ("arn:aws:bedrock:*:application-inference-profile/*", OWN_PROFILE),
    ],
)
def test_a_model_of_bedrock_is_allowed_by_its_id_and_by_its_arn(allowed: str, model: str) -> None:
    registry.check(InferenceRequest("text", model), allowed=(allowed,))


@pytest.mark.parametrize(
    ("allowed", "model"),
    [
        ("amazon.nova-micro-v1:0", "us.amazon.nova-micro-v1:0"),
        ("us.amazon.nova-micro-v1:0", MICRO),
        ("amazon.nova-micro-v1:0", "amazon.nova-lite-v1:0"),
        ("amazon.nova-micro-v1:0", OWN_PROFILE),
        (OWN_PROFILE, f"{OWN_PROFILE}4"),
    ],
)
def test_a_profile_is_another_model_than_the_one_it_leads_to(allowed: str, model: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        registry.check(InferenceRequest("text", model), allowed=(allowed,))

    assert str(refused.value) == f"model {model} is not allowed on this stage; use {allowed}"


@pytest.mark.parametrize(
    "model", ["openai/llama3.2", "openai/llama3.2:3b", "openai/meta-llama/Llama-3.1-8B-Instruct", "openai/gpt-4.1"]
)
def test_names_behind_openai_run_on_a_server_of_that_protocol(model: str) -> None:
    registry.check(InferenceRequest("text", model), allowed=("openai/*",))

    assert registry.find(model).module == "chalicelib.workloads.openai.chat"


@pytest.mark.parametrize("model", ["openai/", "openai", "openai/ x", "openai//m", "openai/" + "m" * 201, "OpenAI/m"])
def test_names_that_no_such_server_has_are_refused(model: str) -> None:
    with pytest.raises(InvalidRequest, match="is unknown"):
        registry.find(model)


def test_bedrock_takes_conversations_and_images_and_no_process_time() -> None:
    turn = Message(Role.USER, "What is this?", (Image(UploadId("an upload")),))
    request = InferenceRequest("", "amazon.nova-lite-v1:0", "be kind", 5, 0.5, messages=(turn,), stop_sequences=("x",))

    registry.check(request)

    with pytest.raises(InvalidRequest, match="does not take processTime"):
        registry.check(replace(request, process_time=1.0))
    with pytest.raises(InvalidRequest, match=r"simulated\.story does not take images"):
        registry.check(replace(request, model="simulated.story"))


def test_simulated_models_take_every_option_but_images() -> None:
    for scene in Scene:
        registry.check(InferenceRequest("text", f"simulated.{scene}", "be kind", 5, 0.5, 0.0))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def run(:", "SyntaxError: "),
        ("def start(request, context): ...", "AttributeError: "),
    ],
    ids=["library", "error", "syntax", "name"],
)
def test_a_workload_that_cannot_be_imported_fails_the_job_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, reason: str
) -> None:
    name = f"broken_{len(source)}_{len(reason)}"
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    entry = registry.Registration(("broken.model",), name, frozenset(), "Cannot be imported.")
    monkeypatch.setattr(registry, "REGISTRY", (*registry.REGISTRY, entry))

    with pytest.raises(WorkloadFailed) as failed:
        registry.load("broken.model")

    said = str(failed.value)
    assert said.startswith(f"the workload of broken.model cannot be loaded: {name} raised {reason}")
    assert said.endswith("; its author must correct it")
    assert "\n" not in said
    assert failed.value.__cause__ is not None, "the log shows where it went wrong"


def test_checking_a_request_imports_no_workload() -> None:
    source = (
        "import sys\n"
        "from chalicelib.workloads import registry\n"
        "from chalicelib.jobs.model import InferenceRequest\n"
        "for kind in registry.REGISTRY:\n"
        "    registry.check(InferenceRequest('text', kind.models[0]))\n"
        "heavy = {'boto3', 'botocore', 'openai', *(kind.module for kind in registry.REGISTRY)}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )

    shown = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=True)

    assert shown.stdout.strip() == "[]"


def test_workload_in_the_documents_keeps_the_contract() -> None:
    page = (Path(__file__).parents[4] / "docs" / "workloads.md").read_text(encoding="utf-8")
    source = page.partition("```python\n")[2].partition("```")[0]
    namespace: dict[str, Any] = {}
    exec(source, namespace)  # noqa: S102  # our own page

    steps = namespace["run"](InferenceRequest("hello there", "example.shout"), WorkloadContext(time.monotonic() + 60))
    run = run_to_end(steps)

    assert run.finished == Outcome("HELLO! THERE! ", {"inputWords": 2, "outputWords": 2})
    assert run.output == run.result
