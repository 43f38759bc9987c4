import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import workloads
from chalicelib.errors import InvalidRequest
from chalicelib.jobs import InferenceRequest
from chalicelib.workloads import Deadline, Outcome
from chalicelib.workloads.simulated import Scene
from tests.unit.workloads.running import run_to_end

MODELS = [model for kind in workloads.TABLE for model in kind.models]


def test_every_model_has_one_kind() -> None:
    assert len(MODELS) == len(set(MODELS))
    assert all(workloads.find(model).module.startswith("chalicelib.workloads.") for model in MODELS)


def test_every_model_loads() -> None:
    assert all(callable(workloads.load(model)) for model in MODELS)


def test_table_names_every_scene() -> None:
    named = [model.removeprefix("simulated.") for model in MODELS if model.startswith("simulated.")]

    assert named == [*(scene.value for scene in Scene), "echo"]


@pytest.mark.parametrize("model", ["", "gpt", "local.TextRank", "local.textrank ", "local.textrank.2", "local.other"])
def test_unknown_model_is_refused_with_one_name_of_each_family(model: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        workloads.check(InferenceRequest("text", model))

    assert str(refused.value) == f"model {model!r} is not known; use simulated.story or local.textrank"


def test_unknown_simulated_model_is_refused_with_all_names_of_its_family() -> None:
    with pytest.raises(InvalidRequest) as refused:
        workloads.check(InferenceRequest("text", "simulated.crush"))

    assert str(refused.value) == (
        "model 'simulated.crush' is not known; use simulated.story, simulated.error, simulated.crash, "
        "simulated.crash-once, simulated.silence, simulated.slow-start, simulated.deaf or simulated.echo"
    )


def test_unknown_model_is_refused_when_loaded_too() -> None:
    with pytest.raises(InvalidRequest, match="'gpt' is not known"):
        workloads.load("gpt")


@given(st.text().filter(lambda model: model not in MODELS))
def test_any_other_name_is_refused_in_one_short_line(model: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        workloads.find(model)

    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize(("name", "value", "word"), [("max_tokens", 5, "maxTokens"), ("system", "", "system")])
def test_echo_refuses_options_it_would_ignore(name: str, value: object, word: str) -> None:
    request = replace(InferenceRequest("text", "simulated.echo", process_time=0.0), **{name: value})  # type: ignore[arg-type]  # by name

    with pytest.raises(InvalidRequest) as refused:
        workloads.check(request)

    assert str(refused.value) == f"model simulated.echo takes no {word}; leave it out"


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [("process_time", 0.0, "processTime"), ("temperature", 0.0, "temperature"), ("system", "", "system")],
)
def test_textrank_refuses_options_it_would_ignore(name: str, value: object, word: str) -> None:
    request = replace(InferenceRequest("text", "local.textrank", max_tokens=5), **{name: value})  # type: ignore[arg-type]  # by name

    with pytest.raises(InvalidRequest) as refused:
        workloads.check(request)

    assert str(refused.value) == f"model local.textrank takes no {word}; leave it out"


def test_a_model_that_the_stage_does_not_allow_is_refused_with_those_that_it_does() -> None:
    workloads.check(InferenceRequest("text", "simulated.story"), allowed=("local.*", "simulated.story"))

    with pytest.raises(InvalidRequest) as refused:
        workloads.check(InferenceRequest("text", "simulated.crash"), allowed=("local.*", "simulated.story"))

    assert str(refused.value) == "model simulated.crash is not allowed on this stage; use local.* or simulated.story"


def test_simulated_models_take_every_option() -> None:
    for scene in Scene:
        workloads.check(InferenceRequest("text", f"simulated.{scene}", "be kind", 5, 0.5, 0.0))


def test_checking_a_request_imports_no_workload() -> None:
    source = (
        "import sys\n"
        "from chalicelib import workloads\n"
        "from chalicelib.jobs import InferenceRequest\n"
        "for kind in workloads.TABLE:\n"
        "    workloads.check(InferenceRequest('text', kind.models[0]))\n"
        "print([name for name in sys.modules if name.startswith('chalicelib.workloads.')])\n"
    )

    shown = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=True)

    assert shown.stdout.strip() == "[]"


def test_workload_in_the_documents_keeps_the_contract() -> None:
    page = (Path(__file__).parents[3] / "docs" / "workloads.md").read_text(encoding="utf-8")
    source = page.partition("```python\n")[2].partition("```")[0]
    namespace: dict[str, Any] = {}
    exec(source, namespace)  # noqa: S102  # our own page

    steps = namespace["run"](InferenceRequest("hello there", "example.shout"), Deadline(time.monotonic() + 60))
    run = run_to_end(steps)

    assert run.finished == Outcome("HELLO! THERE! ", {"inputWords": 2, "outputWords": 2})
    assert run.output == run.result
