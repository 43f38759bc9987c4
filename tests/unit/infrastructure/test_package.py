"""The zip that Lambda runs: complete, the same bytes each time, and independent of this machine."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from infrastructure.bundle import NOTHING, PackagingFailed, build, check_complete, check_python
from infrastructure.stages import DEV
from tests.support.cdk_assembly import KEYED, ROOT, skip_without_lambdas_python

LIMIT = 15_000_000  # bytes
LIMIT_WITH_OPENAI = 25_000_000
LAMBDAS_LIMIT = 250 * 1024 * 1024  # bytes, unpacked: AWS Lambda Developer Guide, "Lambda quotas"
HANDLERS = ("inference", "status_relay", "authorizer", "job_failed", "sweep")
# A Lambda function has the zip, Python's own library, and boto3 with its dependencies, and nothing else.
RUNTIME_HAS = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
OPENAI = ("openai", "httpx2")  # only where a stage asks for them
ASK_OPENAI = """
from chalicelib.jobs.errors import WorkloadFailed
from chalicelib.jobs.model import InferenceRequest
from chalicelib.workloads.openai.settings import OpenAISettings
from chalicelib.workloads import WorkloadContext
from chalicelib.workloads.openai.chat import chat
settings = OpenAISettings(url="http://127.0.0.1:9/v1", key=None, secret=None, silence=1.0)
try:
    next(chat(InferenceRequest("", "openai/m"), WorkloadContext(1e9), settings=settings))
except WorkloadFailed as failed:
    print(failed.error_type, failed)
"""
IMPORT_ALL = """
import importlib, pkgutil, sys
sys.path[:0] = [{root!r}, {runtime!r}]
import app
assert app.__file__.startswith({root!r}), app.__file__
for handler in {handlers!r}:
    assert callable(getattr(app, handler))
import chalicelib
for found in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
    try:
        importlib.import_module(found.name)
    except ModuleNotFoundError as missing:
        assert missing.name in {absent!r}, missing
from chalicelib.workloads import registry
for kind in registry.REGISTRY:
    registry.load(kind.models[0])
import boto3
outside = {{
    name for name, module in sys.modules.items()
    if (getattr(module, "__file__", None) or "").startswith({venv!r})
}}
assert not outside, outside
print(len(sys.modules))
"""


@pytest.fixture(scope="module")
def unpacked(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Lambda's Python has beside its own library."""
    import boto3

    folder = tmp_path_factory.mktemp("runtime")
    installed = Path(boto3.__file__).parents[1]
    for name in RUNTIME_HAS:
        source = installed / name if (installed / name).exists() else installed / f"{name}.py"
        (folder / source.name).symlink_to(source)
    return folder


@pytest.fixture(scope="module")
def unpacked_with_openai(archive_with_openai: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("task-with-openai")
    with zipfile.ZipFile(archive_with_openai) as zipped:
        zipped.extractall(folder)
    return folder


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_zip_is_small(archive: Path) -> None:
    assert archive.stat().st_size < LIMIT


def test_the_zip_with_the_openai_library_fits_lambda_with_room(
    archive_with_openai: Path, unpacked_with_openai: Path
) -> None:
    unpacked_size = sum(path.stat().st_size for path in unpacked_with_openai.rglob("*"))

    assert archive_with_openai.stat().st_size < LIMIT_WITH_OPENAI
    assert unpacked_size < LAMBDAS_LIMIT / 2


def test_the_openai_library_is_only_in_the_zip_of_a_stage_that_asks_for_it(
    unpacked: Path, unpacked_with_openai: Path
) -> None:
    assert [name for name in OPENAI if (unpacked / name).exists()] == []
    assert [name for name in OPENAI if (unpacked_with_openai / name).exists()] == [*OPENAI]
    assert (DEV.requirements, KEYED.requirements) == ("requirements.txt", "requirements/lambda-openai.txt")


def test_both_zips_have_the_same_versions_of_what_both_have() -> None:
    without, with_openai = (set((ROOT / it.requirements).read_text().splitlines()) for it in (DEV, KEYED))

    assert {version_in(line) for line in without} <= {version_in(line) for line in with_openai}


def version_in(line: str) -> str:
    """The name and version in a line of requirements, or the hash."""
    return line.partition(" ;")[0].rstrip(" \\")


def test_the_debug_routes_are_in_no_zip(unpacked: Path) -> None:
    assert (unpacked / "chalicelib" / "composition.py").exists()
    assert not (unpacked / "chalicelib" / "debug.py").exists()


def test_every_handler_and_module_loads_from_the_zip_alone(unpacked: Path, runtime: Path) -> None:
    assert loads_alone(unpacked, runtime, absent=OPENAI) == ""


def test_every_module_loads_from_the_zip_with_the_openai_library(unpacked_with_openai: Path, runtime: Path) -> None:
    assert loads_alone(unpacked_with_openai, runtime, absent=()) == ""


def loads_alone(task: Path, runtime: Path, *, absent: Sequence[str]) -> str:
    """The errors when everything is imported from the unpacked zip."""
    script = IMPORT_ALL.format(
        root=str(task), runtime=str(runtime), handlers=HANDLERS, venv=str(ROOT / ".venv"), absent=tuple(absent)
    )
    command = [sys.executable, "-I", "-S", "-c", script]
    done = subprocess.run(command, cwd=task, env={}, capture_output=True, text=True, check=False)
    return done.stderr or ("" if done.returncode == 0 else f"exit code {done.returncode}")


def test_a_job_that_needs_the_library_says_who_can_put_it_into_the_zip(unpacked: Path, runtime: Path) -> None:
    script = f"import sys; sys.path[:0] = [{str(unpacked)!r}, {str(runtime)!r}]\n{ASK_OPENAI}"
    command = [sys.executable, "-I", "-S", "-c", script]

    done = subprocess.run(command, env={}, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == (
        "MODEL_UNAVAILABLE openai/m needs the library `openai`, but the worker was packaged without it; "
        "the stage's operator can set `openai` of the stage and deploy again"
    )


@pytest.mark.parametrize(
    "ready",
    ["import app, chalicelib.api.authorizer; app.composition.token_verifier()", "import app; app.composition.relay()"],
    ids=["authorizer", "status_relay"],
)
def test_handlers_that_callers_wait_for_never_load_what_the_worker_needs(
    unpacked: Path, runtime: Path, ready: str
) -> None:
    script = f"import sys; sys.path[:0] = [{str(unpacked)!r}, {str(runtime)!r}]; {ready}; print(*sys.modules)"
    environment = {
        "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "LONGCALL_LEDGER": "dynamodb:jobs",
        "LONGCALL_ISSUER": "https://issuer.invalid", "LONGCALL_CLIENT_ID": "client",
        "LONGCALL_DENIED_FIELDS": "Mutation.updateStatus",
    }  # fmt: skip

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], env=environment, capture_output=True, text=True, check=True
    )

    assert {"gql", "aiohttp", *OPENAI} & set(done.stdout.split()) == set()
    assert "app" in done.stdout.split()


def test_the_zip_has_what_the_runtime_brings_only_once(unpacked: Path) -> None:
    assert not (unpacked / "boto3").exists()
    assert not (unpacked / "botocore").exists()


def test_every_module_comes_with_bytecode_that_no_time_can_outdate(unpacked: Path) -> None:
    modules = list(unpacked.rglob("*.py"))
    missing = [path for path in modules if not _bytecode(path).exists()]

    assert modules
    assert missing == []
    assert _bytecode(unpacked / "app.py").read_bytes()[4:8] == b"\x01\x00\x00\x00"  # hash-based, unchecked: PEP 552


def _bytecode(path: Path) -> Path:
    return path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.pyc"


def test_tracebacks_name_the_files_as_they_are_on_lambda(unpacked: Path) -> None:
    code = _bytecode(unpacked / "app.py").read_bytes()

    assert b"/var/task/app.py" in code
    assert b"/tmp/" not in code  # what must not be there


def test_the_same_content_gives_the_same_zip_whatever_its_files_went_through(archive: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("chalicelib", ".chalice"):
        shutil.copytree(ROOT / name, copy / name)
    for name in ("requirements.txt", "app.py"):
        shutil.copy(ROOT / name, copy)
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
    (copy / "chalicelib" / "__pycache__").mkdir(exist_ok=True)
    (copy / "chalicelib" / "__pycache__" / "stale.cpython-311.pyc").write_bytes(b"stale")

    again = build(copy, tmp_path, stage="prod").archive

    assert sha256(again) == sha256(archive)


def test_another_content_gives_another_zip(archive: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / ".chalice", copy / ".chalice")
    shutil.copytree(ROOT / "chalicelib", copy / "chalicelib")
    shutil.copy(ROOT / "requirements.txt", copy)
    (copy / "app.py").write_text((ROOT / "app.py").read_text() + "# one line more\n")

    assert sha256(build(copy, tmp_path, stage="dev").archive) != sha256(archive)


def test_building_leaves_nothing_in_the_project(archive: Path) -> None:
    assert not (ROOT / "chalice.out").exists()
    assert {path.suffix for path in (ROOT / ".chalice" / "deployments").iterdir()} <= {".zip"}


@pytest.mark.parametrize("file", [DEV.requirements, KEYED.requirements])
def test_every_library_in_the_zip_has_hashes(file: str) -> None:
    text = (ROOT / file).read_text().replace("\\\n", " ")
    pinned = [line for line in text.splitlines() if line.strip()]

    assert len(pinned) >= 18
    assert all("==" in line and "--hash=sha256:" in line for line in pinned)


def test_a_library_whose_bytes_have_changed_is_not_packaged(tmp_path: Path) -> None:
    skip_without_lambdas_python()
    source, out = tmp_path / "source", tmp_path / "out"
    for folder in (source / "chalicelib", source / ".chalice", out):
        folder.mkdir(parents=True)
    (source / "app.py").write_text(NOTHING)
    shutil.copy(ROOT / ".chalice" / "config.json", source / ".chalice")
    (source / "requirements.txt").write_text(f"tenacity==9.2.1 --hash=sha256:{'0' * 64}\n")

    with pytest.raises(PackagingFailed, match="tenacity"):
        build(source, out, stage="dev")


def test_a_zip_that_lacks_a_library_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "aiohttp-3.14.5.dist-info").mkdir()

    check_complete(tmp_path, "aiohttp==3.14.5\n")
    with pytest.raises(PackagingFailed, match=r"lacks aiohttp==3.0.0, gql==4.4.0;"):
        check_complete(
            tmp_path, "aiohttp==3.0.0 \\\n    --hash=sha256:00\ngql==4.4.0\nwinloop==1.0 ; sys_platform == 'win32'\n"
        )


def test_an_app_that_cannot_be_packaged_is_an_error(tmp_path: Path) -> None:
    skip_without_lambdas_python()
    shutil.copytree(ROOT / ".chalice", tmp_path / ".chalice")
    (tmp_path / "chalicelib").mkdir()
    (tmp_path / "requirements.txt").touch()
    (tmp_path / "app.py").write_text("import nowhere_to_be_found\n")

    with pytest.raises(PackagingFailed, match="nowhere_to_be_found"):
        build(tmp_path, tmp_path, stage="dev")


def test_another_python_is_refused_with_the_way_to_get_the_right_one() -> None:
    check_python((3, 11))
    with pytest.raises(PackagingFailed, match=r"run on Python 3\.11, .* has Python 3\.13; .*PYTHON=python3\.11"):
        check_python((3, 13))
