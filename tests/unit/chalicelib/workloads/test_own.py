"""A project's own workloads: found by reading their files, and run by the worker's contract."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.jobs.errors import InvalidRequest, OutOfTime, WorkloadFailed
from chalicelib.jobs.model import Image, InferenceRequest, Message, Role, UploadId
from chalicelib.workloads import Checkpoint, Chunk, Outcome, Piece, Progress, Usage, WorkloadContext, registry
from chalicelib.workloads.own.adapter import adapted
from longcall import workloads as own
from longcall.workloads import Context, Request, try_workload

SHOUT = """
from longcall.workloads import Chunk, Outcome, workload

@workload("example.shout", options=["max_tokens"])
def shout(request, context):
    yield Chunk(request.text.upper())
    return Outcome(None)
"""
HEAD = "from longcall.workloads import Chunk, Outcome, workload\n"
BODY = "\n    yield Chunk('')\n    return Outcome(None)\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Writes files into `workloads/` of a project beside the handlers."""
    folder = tmp_path / "workloads"
    folder.mkdir()

    def write(**files: str) -> Path:
        for name, text in files.items():
            (folder / f"{name}.py").write_text(text)
        return tmp_path

    monkeypatch.setattr(registry, "__file__", str(tmp_path / "chalicelib" / "workloads" / "registry.py"))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "workloads"]:
        del sys.modules[name]


def collect(work: Iterator[Piece]) -> tuple[list[Piece], Outcome]:
    pieces = []
    while True:
        try:
            pieces.append(next(work))
        except StopIteration as ended:
            return pieces, ended.value


def test_a_decorated_function_is_a_model(project: Callable[..., Path]) -> None:
    project(shout=SHOUT)

    registry.check(InferenceRequest("hello", "example.shout", max_tokens=5))
    work = registry.load("example.shout")(InferenceRequest("hello", "example.shout"), WorkloadContext(1e9))

    assert collect(work) == ([Chunk("HELLO")], Outcome(None))


def test_an_option_that_it_does_not_name_is_refused(project: Callable[..., Path]) -> None:
    project(shout=SHOUT)

    with pytest.raises(InvalidRequest, match="does not take temperature"):
        registry.check(InferenceRequest("hello", "example.shout", temperature=0.5))


def test_a_misspelt_own_model_is_refused_with_its_name(project: Callable[..., Path]) -> None:
    project(shout=SHOUT)

    with pytest.raises(InvalidRequest, match=r"Did you mean example\.shout\?"):
        registry.check(InferenceRequest("hello", "exampel.shout"))


def test_reading_a_workload_does_not_run_its_file(project: Callable[..., Path]) -> None:
    root = project(shout=SHOUT + "raise SystemExit('run')\n")

    assert [it.model for it in registry.find_own(root).workloads] == ["example.shout"]


def test_a_broken_file_costs_its_own_models_only(project: Callable[..., Path]) -> None:
    root = project(broken="def shout(:\n", shout=SHOUT)

    registry.check(InferenceRequest("hello", "example.shout"))

    assert [it.partition(": ")[0] for it in registry.find_own(root).problems] == ["workloads/broken.py:1:11"]
    assert [registry.find(model).models[0] for model in ("simulated.story", "local.textrank")]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('shout = workload("example.shout")(("a", "tuple"))\n', 2, "must decorate a function"),
        ('if True:\n    @workload("example.a")\n    def a(request, context): yield\n', 3, "top level"),
        (f"@workload\ndef a(request, context):{BODY}", 2, "needs the name of a model"),
        (f"@workload()\ndef a(request, context):{BODY}", 2, "takes the model's name"),
        (f'@workload("Shout")\ndef a(request, context):{BODY}', 2, "lower-case words"),
        (f'@workload("local.mine")\ndef a(request, context):{BODY}', 2, "belong to other models"),
        (f'@workload("amazon.mine")\ndef a(request, context):{BODY}', 2, "belong to other models"),
        (f'NAME = "a.b"\n@workload(NAME)\ndef a(request, context):{BODY}', 3, "must be written out"),
        (f'@workload("a.b")\ndef a(request):{BODY}', 3, "must take (request, context), but takes (request)"),
        (f'@workload("a.b")\ndef a(request, context, *, pace):{BODY}', 3, "must take (request, context)"),
        ('@workload("a.b")\ndef a(request, context):\n    return Outcome("")\n', 3, "never yields"),
        (f'@workload("a.b")\nasync def a(request, context):{BODY}', 3, "not async def"),
        ('@workload("a.b")\nclass A: ...\n', 3, "not class"),
        (f'@workload("a.b", options="system")\ndef a(request, context):{BODY}', 2, "list of texts"),
        (f'@workload("a.b", options=["max_token"])\ndef a(request, context):{BODY}', 2, "did you mean 'max_tokens'"),
        (f'@workload("a.b", max_process_time="5")\ndef a(request, context):{BODY}', 2, "seconds"),
        (f'@workload("a.b", option=[])\ndef a(request, context):{BODY}', 2, "by name options"),
    ],
)
def test_a_mistake_is_reported_with_file_and_line(
    project: Callable[..., Path], text: str, line: int, words: str
) -> None:
    root = project(mistake=HEAD + text)

    [problem] = registry.find_own(root).problems

    assert problem.startswith(f"workloads/mistake.py:{line}: ")
    assert words in problem
    assert not registry.find_own(root).workloads


def test_a_name_that_is_used_twice_is_reported_with_both_places(project: Callable[..., Path]) -> None:
    root = project(a=SHOUT, b=SHOUT)

    findings = registry.find_own(root)

    assert [it.position for it in findings.workloads] == ["workloads/a.py:4"]
    assert findings.problems == (
        "workloads/b.py:4: the name 'example.shout' is taken by workloads/a.py:4; choose another",
    )


def test_the_worker_gets_every_piece_and_the_workload_all_of_the_request() -> None:
    seen: list[tuple[Request, Context]] = []

    def work(request: Request, context: Context) -> own.Work:
        seen.append((request, context))
        yield own.Chunk("a", 2)
        yield own.Progress(0.5, "half")
        yield own.Usage({"words": 1})
        yield own.Checkpoint({"at": 1})
        return own.Outcome("done", {"words": 2})

    picture = Image(UploadId("u"), b"png")
    given = InferenceRequest(
        "", "example.work", "be kind", 7, 0.5, 3.0, 0.9, ("end",), messages=(Message(Role.USER, "look", (picture,)),)
    )
    pieces, outcome = collect(adapted(work)(given, WorkloadContext(50.0, lambda: 10.0, 2, {"at": 0})))

    assert pieces == [Chunk("a", 2), Progress(0.5, "half"), Usage({"words": 1}), Checkpoint({"at": 1})]
    assert outcome == Outcome("done", {"words": 2})
    [(request, context)] = seen
    turns = (own.Message("user", "look", (b"png",)),)
    assert request == Request("look", "example.work", "be kind", 7, 0.5, 3.0, 0.9, ("end",), turns)
    assert (context.seconds_left(), context.attempt, context.checkpoint) == (40.0, 2, {"at": 0})


def test_its_errors_become_those_of_the_worker() -> None:
    def fail(request: Request, _context: Context) -> own.Work:
        yield own.Chunk("")
        raise own.OutOfTime if request.text == "late" else own.WorkloadFailed("send some words")

    with pytest.raises(WorkloadFailed, match="send some words"):
        collect(adapted(fail)(InferenceRequest("", "example.fail"), WorkloadContext(1e9)))
    with pytest.raises(OutOfTime):
        collect(adapted(fail)(InferenceRequest("late", "example.fail"), WorkloadContext(1e9)))


@pytest.mark.parametrize(("piece", "value"), [("text", own.Outcome(None)), (own.Chunk("a"), "text")])
def test_what_is_no_piece_or_no_outcome_fails_the_job_in_words(piece: object, value: object) -> None:
    def work(_request: Request, _context: Context):  # type: ignore[no-untyped-def]  # wrong on purpose
        yield piece
        return value

    with pytest.raises(WorkloadFailed, match=r"example\.wrong must .* a str; its author must correct it"):
        collect(adapted(work)(InferenceRequest("", "example.wrong"), WorkloadContext(1e9)))


def test_stopping_it_runs_its_clean_up() -> None:
    cleaned = []

    def work(_request: Request, _context: Context) -> own.Work:
        try:
            yield own.Chunk("a")
        finally:
            cleaned.append(True)
        return own.Outcome(None)

    running = adapted(work)(InferenceRequest("", "example.work"), WorkloadContext(1e9))
    next(running)
    running.close()

    assert cleaned == [True]


def test_the_decorator_refuses_what_cannot_be_a_workload() -> None:
    with pytest.raises(TypeError, match="generator function, but is a tuple"):
        own.workload("example.shout")(("a", "tuple"))  # type: ignore[type-var]  # wrong on purpose
    with pytest.raises(TypeError, match=r"must take \(request, context\), but takes \(request\)"):
        own.workload("example.shout")(lambda request: (yield request))  # type: ignore[type-var]  # wrong on purpose
    with pytest.raises(ValueError, match=r"options of example\.shout must be a list"):
        own.workload("example.shout", options="system")


def test_a_workload_is_tried_without_a_stack() -> None:
    def echo(request: Request, _context: Context) -> own.Work:
        yield own.Chunk(request.text)
        yield own.Progress(1.0)
        return own.Outcome(None)

    trial = try_workload(echo, Request("hello"))

    assert (trial.output, trial.outcome) == ("hello", own.Outcome(None))
    assert len(trial.pieces) == 2


def test_the_options_are_those_of_the_handlers() -> None:
    from chalicelib.workloads.options import Option

    assert tuple(option.name.lower() for option in Option) == own.OPTIONS


def test_the_workload_in_the_documents_keeps_the_contract(project: Callable[..., Path]) -> None:
    page = (Path(__file__).parents[4] / "docs" / "own-project.md").read_text(encoding="utf-8")
    source = page.partition("```python\n")[2].partition("```")[0]
    root = project(shout=source)
    namespace: dict[str, Any] = {}
    exec(source, namespace)  # noqa: S102  # our own page

    assert not registry.find_own(root).problems
    trial = try_workload(namespace["shout"], Request("hello there", max_tokens=1))
    assert (trial.output, trial.outcome) == ("HELLO! ", own.Outcome(None, {"words": 1}))
