"""A project of one's own: its workloads and stages as the local stack and CDK read them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infrastructure.limits import LIMITS, Limits
from infrastructure.own_code import PackagingFailed, add_libraries, libraries
from infrastructure.project import ProjectInvalid, find_project
from infrastructure.stage import Data
from infrastructure.stages import PROD, UnknownStage
from longcall.stages import RateRule, Right

HEAD = "from longcall.stages import HandlerLimits, OpenAIServer, RateRule, Right, Stage, read_bucket\nNAME = 'my-app'\n"
WORKLOAD = """
from longcall.workloads import Chunk, Outcome, workload

@workload("example.shout")
def shout(request, context):
    yield Chunk(request.text)
    return Outcome(None)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes `stages.py` and `workloads/shout.py` of a project."""

    def write(stages: str, workload: str = WORKLOAD) -> Path:
        (tmp_path / "workloads").mkdir(exist_ok=True)
        (tmp_path / "workloads" / "shout.py").write_text(workload)
        (tmp_path / "stages.py").write_text(HEAD + stages)
        return tmp_path

    return write


def test_a_stage_has_what_the_project_says_and_everything_else_of_the_one_that_it_is_like(
    folder: Callable[..., Path],
) -> None:
    project = find_project(
        folder(
            "STAGES = [Stage('dev', workloads=('example.*',), environment={'GREETING': 'Hi'},"
            " rights=read_bucket('texts', prefix='in/'), settings={'jobs': 3, 'quota': 2}),"
            " Stage('live', workloads=('example.shout',), bedrock=('amazon.nova-lite-v1:0',), like='prod')]"
        )
    )

    assert project is not None
    dev, live = project.stage(None), project.stage("live")
    assert (dev.name, dev.models, dev.jobs, dev.quota) == ("dev", ("example.*",), 3, 2)
    assert dev.settings("inference")["GREETING"] == "Hi"
    assert "GREETING" not in dev.settings("status_relay")
    assert dev.rights == (
        Right(("s3:ListBucket",), ("arn:aws:s3:::texts",)),
        Right(("s3:GetObject",), ("arn:aws:s3:::texts/in/*",)),
    )
    assert (live.data, live.sign_in, live.bedrock) == (Data.RETAINED, PROD.sign_in, ("amazon.nova-lite-v1:0",))


def test_a_stage_may_have_a_server_of_models_a_firewall_and_limits_of_single_functions(
    folder: Callable[..., Path],
) -> None:
    project = find_project(
        folder(
            "STAGES = [Stage('dev', workloads=('example.*',), openai=OpenAIServer('https://a.test/v1', secret='key'),"
            " waf=RateRule(requests=500, seconds=60), limits={"
            "'inference': HandlerLimits(memory_mb=2048), 'status_relay': HandlerLimits(timeout=20, reserved=60)})]"
        )
    )

    assert project is not None
    dev = project.stage("dev")
    assert dev.models == ("example.*", "openai/*")
    assert dev.settings("inference")["LONGCALL_OPENAI_URL"] == "https://a.test/v1"
    assert dev.settings("inference")["LONGCALL_OPENAI_SECRET"] == "key"
    assert dev.requirements == "requirements/lambda-openai.txt"
    assert dev.waf == RateRule(requests=500, seconds=60)
    assert dev.limits == {
        **LIMITS,
        "inference": Limits(timeout=LIMITS["inference"].timeout, memory_mb=2048),
        "status_relay": Limits(timeout=20, memory_mb=LIMITS["status_relay"].memory_mb),
    }
    assert [dev.reserved_for(it) for it in ("inference", "status_relay", "sweep")] == [10, 60, 1]


def test_a_folder_without_stages_and_workloads_is_no_project(tmp_path: Path) -> None:
    (tmp_path / "workloads").mkdir()

    assert find_project(tmp_path) is None


def test_an_unknown_stage_is_refused_with_those_of_the_project(folder: Callable[..., Path]) -> None:
    project = find_project(folder("STAGES = (Stage('dev', workloads=('example.*',)),)"))

    assert project is not None
    with pytest.raises(UnknownStage, match=r"unknown stage 'prod'; use dev, or add it to stages\.py"):
        project.stage("prod")


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ("STAGES = ()", "STAGES must be a list of one or more Stage"),
        ("STAGES = ('dev',)", "STAGES must be a list of one or more Stage"),
        ("NAME = 'My App'\nSTAGES = (Stage('dev', ()),)", "NAME must be lower-case"),
        ("STAGES = (Stage('a', ()), Stage('a', ()))", "stages share the name 'a'"),
        ("STAGES = (Stage('Dev', ()),)", "name must be lower-case"),
        ("STAGES = (Stage('dev', 'example.*'),)", "workloads must be a list of names"),
        ("STAGES = (Stage('dev', (), like='test'),)", "like must be 'dev' or 'prod'"),
        ("STAGES = (Stage('dev', (), environment={'AWS_REGION': 'x'}),)", "'AWS_REGION' cannot be the name"),
        ("STAGES = (Stage('dev', (), environment={'SIZE': 5}),)", "the variable SIZE must be a text"),
        ("STAGES = (Stage('dev', (), rights=('s3:*',)),)", "rights must be a list of Right"),
        ("STAGES = (Stage('dev', (), settings={'job': 5}),)", "there is no setting 'job'; did you mean 'jobs'?"),
        ("STAGES = (Stage('dev', (), settings={'lease_seconds': 0}),)", "stage dev cannot be deployed"),
        ("STAGES = (Stage('dev', (), job=5),)", "stages.py:3: TypeError"),
        ("STAGES = (Stage('dev', (), openai='https://models.example/v1'),)", "openai must be OpenAIServer(…) or None"),
        ("STAGES = (Stage('dev', (), openai=OpenAIServer('models.example')),)", "url of openai must be a URL such as"),
        (
            "STAGES = (Stage('dev', (), openai=OpenAIServer('http://a/v1', models=('gpt-5',))),)",
            "models of openai must be a list of names that begin with openai/, but is ('gpt-5',)",
        ),
        (
            "STAGES = (Stage('dev', (), openai=OpenAIServer('http://a/v1', silence_seconds=901)),)",
            "silence_seconds of openai must be less than the time-out of inference (900), but is 901",
        ),
        ("STAGES = (Stage('dev', (), waf=3000),)", "waf must be RateRule(…) or None, but is 3000"),
        (
            "STAGES = (Stage('dev', (), waf=RateRule(requests=1)),)",
            "requests of waf must be 10 to 2000000000",
        ),
        ("STAGES = (Stage('dev', (), limits=HandlerLimits(60)),)", "limits must be a mapping from functions to"),
        (
            "STAGES = (Stage('dev', (), limits={'inferense': HandlerLimits(60)}),)",
            "limits has 'inferense', which is not a function; did you mean 'inference'? functions: inference",
        ),
        ("STAGES = (Stage('dev', (), limits={'sweep': 60}),)", "limits of sweep must be HandlerLimits(…), but is 60"),
        (
            "STAGES = (Stage('dev', (), limits={'sweep': HandlerLimits(timeout=61)}),)",
            "the time-out of sweep must be at most 60, but is 61: otherwise the next sweep",
        ),
        (
            "STAGES = (Stage('dev', (), limits={'sweep': HandlerLimits(timeout=0.5)}),)",
            "timeout of sweep must be a whole number from 1, but is 0.5",
        ),
        (
            "STAGES = (Stage('dev', (), limits={'inference': HandlerLimits(memory_mb=64)}),)",
            "the memory of inference must be 128 to 10240 megabytes, but is 64: Lambda takes no other",
        ),
        (
            "STAGES = (Stage('dev', (), limits={'inference': HandlerLimits(reserved=5)}),)",
            "reserved of inference is the setting jobs",
        ),
        (
            "STAGES = (Stage('dev', (), limits={'status_relay': HandlerLimits(reserved=900)}),)",
            "but the account may reserve 900",
        ),
        ("STAGES = (", "stages.py:3: SyntaxError"),
    ],
)
def test_a_mistake_in_the_stages_is_reported_in_words(folder: Callable[..., Path], stages: str, words: str) -> None:
    with pytest.raises(ProjectInvalid) as invalid:
        find_project(folder(stages))

    assert words in str(invalid.value)
    assert str(invalid.value).startswith("stages.py:")


def test_a_mistake_in_a_workload_is_reported_with_file_and_line(folder: Callable[..., Path]) -> None:
    wrong = WORKLOAD.replace("(request, context)", "(request)")

    with pytest.raises(ProjectInvalid, match=r"workloads/shout\.py:5: shout must take \(request, context\)"):
        find_project(folder("STAGES = (Stage('dev', ()),)", wrong))


def test_the_libraries_of_workloads_are_read_one_a_line(folder: Callable[..., Path]) -> None:
    root = folder("")
    file = root / "workloads" / "requirements.txt"

    assert libraries(root) == ""
    file.write_text("# none\n\nrich==15.0.0  # tables\n")
    assert libraries(root) == "rich==15.0.0\n"
    file.write_text("-r other.txt\n")
    with pytest.raises(PackagingFailed, match=r"workloads/requirements\.txt:1: '-r other\.txt' is not a requirement"):
        libraries(root)


def test_a_library_in_another_version_than_that_of_the_handlers_is_refused(tmp_path: Path) -> None:
    for folder, names in {"brought": ("aiohttp-3.13.0", "rich-15.0.0"), "tree": ("aiohttp-3.14.5",)}.items():
        for name in names:
            (tmp_path / folder / f"{name}.dist-info").mkdir(parents=True)

    with pytest.raises(PackagingFailed, match=r"brings aiohttp 3\.13\.0 \(the handlers have 3\.14\.5\); ask for"):
        add_libraries(tmp_path / "brought", tmp_path / "tree")


def test_the_stages_in_the_documents_can_be_used(folder: Callable[..., Path]) -> None:
    page = (Path(__file__).parents[3] / "docs" / "own-project.md").read_text(encoding="utf-8")
    root = folder("")
    (root / "stages.py").write_text(page.split("```python\n")[2].partition("```")[0])

    project = find_project(root)

    assert project is not None
    assert (project.name, [*project.stages], project.stage("prod").jobs) == ("my-app", ["dev", "prod"], 50)
