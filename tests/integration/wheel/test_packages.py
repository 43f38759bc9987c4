"""The packages as a stranger installs them: from files, into an empty environment, away from the repository.

And a project that `longcall new` makes there.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.support.built_once import built_once
from tests.support.cdk_assembly import NODE_NEEDED, node_is_missing, skip_without_lambdas_python

ROOT: Final = Path(__file__).parents[3]
INSTALLING: Final = 300.0  # seconds
RUNNING: Final = 120.0  # seconds
NEWEST_FIRST: Final = ("python3.14", "python3.13", "python3.12")
FORBIDDEN: Final = ("app.py", "chalicelib", "graphql", "infrastructure", "local_stack")
FRESH: Final = ("--refresh-package", "longcall", "--refresh-package", "appsync-local")
NONE: Final[Mapping[str, str]] = {}
SHADOW: Final = "raise SystemExit('a module of the stranger was imported')\n"


@pytest.fixture(scope="session")
def dist(shared_folder: Path) -> Path:
    """The files that `make dist` writes."""

    def build(into: Path) -> None:
        run(sys.executable, "-m", "build_backend.make_dist", into, within=INSTALLING, cwd=ROOT)

    return built_once(shared_folder / "dist", build)


@dataclass(frozen=True)
class Project:
    """A new project, and the programs of its environment."""

    folder: Path
    bin: Path

    def longcall(self, *arguments: str | Path, **variables: str) -> str:
        return run(self.bin / "longcall", *arguments, within=INSTALLING, cwd=self.folder, variables=variables)


@pytest.fixture(scope="module")
def project(local: Path, dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """What `longcall new` makes, with what its requirements ask for installed."""
    folder = tmp_path_factory.mktemp("projects")
    run(local / "longcall", "new", "my-app", within=RUNNING, cwd=folder)
    made = folder / "my-app"
    add(local.parent, "--find-links", dist, "-r", made / "requirements.txt")
    return Project(made, local)


@pytest.fixture(scope="module")
def local(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The programs of an environment of this Python, with `longcall[local]` from the wheel."""
    folder = tmp_path_factory.mktemp("local")
    install(sys.executable, folder, "--find-links", dist, local_of(dist))
    yield folder / "bin"
    shutil.rmtree(folder)


@pytest.fixture
def newest(dist: Path, tmp_path: Path) -> Path:
    """The same in the newest Python here."""
    python = newest_python()
    if python == sys.executable:
        pytest.skip("no Python from 3.12 to 3.14 was found on the path, or among those of pyenv")
    install(python, tmp_path / "newest", "--find-links", dist, local_of(dist))
    return tmp_path / "newest" / "bin"


@pytest.fixture(scope="module")
def bare(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The programs of an environment with `longcall` alone, from the source archive."""
    folder = tmp_path_factory.mktemp("bare")
    install(sys.executable, folder, one(dist, "longcall-*.tar.gz"))
    yield folder / "bin"
    shutil.rmtree(folder)


def one(folder: Path, pattern: str) -> Path:
    [found] = folder.glob(pattern)
    return found


def local_of(dist: Path) -> str:
    return f"longcall[local] @ {one(dist, 'longcall-*.whl').as_uri()}"


def newest_python() -> str:
    """The newest Python that the packages are for: on the path, or among those of pyenv."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = (
        candidate
        for name in NEWEST_FIRST
        for candidate in (name, *map(str, versions.glob(f"{name.removeprefix('python')}.*/bin/python")))
    )
    return next((it for it in candidates if shutil.which(it) and answers(it)), sys.executable)


def answers(python: str) -> bool:
    return subprocess.run([python, "--version"], capture_output=True).returncode == 0


def install(python: str, folder: Path, *requirements: str | Path) -> None:
    """Create an environment; uv, where there is one, takes wheels from its cache in a second."""
    run(python, "-m", "venv", folder, within=INSTALLING)
    add(folder, *requirements)


def add(folder: Path, *requirements: str | Path) -> None:
    if shutil.which("uv"):
        # An earlier build has the same name and version, and uv may still have it in its cache.
        run("uv", "pip", "install", "--quiet", *FRESH, "--python", folder / "bin" / "python", *requirements,
            within=INSTALLING)  # fmt: skip
    else:
        run(folder / "bin" / "pip", "install", "--quiet", "--no-compile", *requirements, within=INSTALLING)


def run(*command: str | Path, within: float, cwd: Path | None = None, variables: Mapping[str, str] = NONE) -> str:
    ended = attempt(*command, within=within, cwd=cwd, variables=variables)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def attempt(
    *command: str | Path, within: float, cwd: Path | None = None, variables: Mapping[str, str] = NONE
) -> subprocess.CompletedProcess[str]:
    outside = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env={**outside, **variables}, capture_output=True, text=True, timeout=within
    )


def test_the_wheels_have_no_other_top_level_names_than_their_own(dist: Path) -> None:
    names = {
        name.partition("/")[0]
        for wheel in dist.glob("*.whl")
        for name in zipfile.ZipFile(wheel).namelist()
        if ".dist-info/" not in name
    }

    assert names == {"longcall", "appsync_local"}


def test_the_wheel_has_every_file_of_the_base(dist: Path) -> None:
    tracked = run(
        "git", "ls-files", *FORBIDDEN, ".chalice", "console/dist", "requirements.txt", within=RUNNING, cwd=ROOT
    ).split()
    kept = {it for it in tracked if Path(it).name not in (".npmrc", "requirements.in")}

    with zipfile.ZipFile(one(dist, "longcall-*.whl")) as archive:
        packed = {name.removeprefix("longcall/_base/") for name in archive.namelist() if "/_base/" in name}

    assert kept <= packed


def test_the_ranges_of_the_extras_accept_the_locked_versions() -> None:
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    locked = dict(
        re.findall(r"^([a-z0-9-]+)(?:\[[a-z,-]+\])?==(\S+)", (ROOT / "requirements/dev.txt").read_text(), re.MULTILINE)
    )
    extras = project["project"]["optional-dependencies"]
    chosen = (*extras["local"], *extras["deploy"], *extras["sam"])
    wanted = [Requirement(it) for it in (*project["project"]["dependencies"], *chosen)]

    refused = [str(it) for it in wanted if it.name in locked and not it.specifier.contains(locked[it.name])]

    assert not refused
    assert {it.name for it in wanted} - locked.keys() == {"appsync-local"}


def test_the_installed_stack_runs_a_job_in_a_strangers_folder(local: Path, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SHADOW)
    for name in ("chalicelib", "local_stack"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(SHADOW)

    shown = run(
        local / "longcall", "serve", "--port", "0", "--once", "--",
        "run", "--model", "simulated.echo", "--prompt", "taken home", within=RUNNING, cwd=tmp_path,
    )  # fmt: skip

    assert shown == "taken home"


def test_the_stack_runs_a_job_in_the_newest_python(newest: Path, tmp_path: Path) -> None:
    shown = run(
        newest / "longcall", "serve", "--port", "0", "--once", "--",
        "run", "--model", "local.textrank", "--prompt", "One sentence is enough.", within=RUNNING, cwd=tmp_path,
    )  # fmt: skip

    assert "One sentence is enough." in shown


def test_an_installation_imports_nothing_but_its_own_names(local: Path, tmp_path: Path) -> None:
    code = f"import importlib.util as u; print([it for it in {('app', *FORBIDDEN[1:])} if u.find_spec(it)])"

    # graphql-core, a library of both packages, has the name of our folder.
    assert run(local / "python", "-P", "-c", code, within=RUNNING, cwd=tmp_path) == "['graphql']\n"


def test_a_command_without_its_extra_says_what_to_install(bare: Path, tmp_path: Path) -> None:
    ended = attempt(bare / "longcall", "serve", within=RUNNING, cwd=tmp_path)

    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert 'pip install "longcall[local]"' in ended.stderr


def test_a_new_project_is_small_and_its_own_test_passes(project: Project) -> None:
    files = {path.relative_to(project.folder).as_posix() for path in project.folder.rglob("*") if path.is_file()}

    assert files == {
        ".gitignore", "Makefile", "README.md", "cdk.json", "requirements.txt", "stages.py", "tests/test_shout.py",
        "workloads/requirements.txt", "workloads/shout.py",
    }  # fmt: skip
    assert "2 passed" in run(project.bin / "python", "-m", "pytest", within=RUNNING, cwd=project.folder)


def test_a_new_project_runs_its_own_workload(project: Project) -> None:
    shown = project.longcall(
        "serve", "--port", "0", "--once", "--", "run", "--model", "example.shout", "--prompt", "hello there"
    )

    assert shown == "HELLO! THERE! "


def test_a_new_project_is_synthesised_and_its_template_runs(project: Project) -> None:
    skip_without_lambdas_python()
    if node_is_missing():
        pytest.skip(NODE_NEEDED)
    packages = project.folder / ".packages"
    packages.mkdir()
    for kept in (ROOT / ".chalice" / "deployments").glob("dependencies-*.zip"):  # the same libraries, built before
        shutil.copy(kept, packages)
    (project.folder / "workloads" / "requirements.txt").write_text("tabulate==0.9.0\n")
    context = json.loads((project.folder / "cdk.json").read_text())["context"]

    project.longcall("cdk", CDK_OUTDIR=str(project.folder / "cdk.out"), CDK_CONTEXT_JSON=json.dumps(context))
    shown = project.longcall(
        "serve", "--port", "0", "--template", "cdk.out/my-app-dev.template.json", "--once", "--",
        "run", "--model", "example.shout", "--prompt", "hello there",
    )  # fmt: skip

    assert shown == "HELLO! THERE! "
    [archive] = (project.folder / "cdk.out").glob("asset.*.zip")
    names = set(zipfile.ZipFile(archive).namelist())
    assert {"workloads/shout.py", "longcall/workloads.py", "tabulate/__init__.py"} <= names
    assert not {name for name in names if name.startswith("longcall/cli")}


def test_an_app_with_a_package_named_infrastructure_adds_the_jobs_to_its_api(project: Project, tmp_path: Path) -> None:
    skip_without_lambdas_python()
    if node_is_missing():
        pytest.skip(NODE_NEEDED)
    app = tmp_path / "app"
    shutil.copytree(ROOT / "examples" / "existing_api", app, ignore=shutil.ignore_patterns("__pycache__"))
    (app / "infrastructure").mkdir()
    (app / "infrastructure" / "__init__.py").write_text("OWNER = 'the stranger'\n")
    [base] = project.bin.parent.glob("lib/*/site-packages/longcall/_base")
    if (built := ROOT / ".chalice" / "deployments").exists():  # libraries, built before
        shutil.copytree(built, base / ".chalice" / "deployments")
    code = (
        "import infrastructure, app, aws_cdk; it = aws_cdk.App(outdir='cdk.out'); app.LibraryWithJobs(it, 'jobs'); "
        "it.synth(); import infrastructure as again; print(infrastructure.OWNER, again is infrastructure)"
    )

    shown = run(project.bin / "python", "-c", code, within=INSTALLING, cwd=app)

    assert shown == "the stranger True\n"
    template = json.loads((app / "cdk.out" / "jobs.template.json").read_text())
    assert "AWS::Lambda::EventInvokeConfig" in {it["Type"] for it in template["Resources"].values()}


def test_upgrading_changes_one_pin(project: Project) -> None:
    before = (project.folder / "requirements.txt").read_text().splitlines()

    project.longcall("upgrade", "99.1.0")

    after = (project.folder / "requirements.txt").read_text().splitlines()
    assert after[0] == "longcall[local,deploy]==99.1.0"
    assert after[1:] == before[1:]
