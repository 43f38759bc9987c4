"""The engine as a distribution of its own: the wheel, installed without anything else of this repository."""

import ast
import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from http.client import HTTPConnection
from importlib.metadata import packages_distributions
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ENGINE = Path(__file__).parents[3] / "appsync_local"
EMBEDDER = Path(__file__).with_name("embedder.py")
INSTALLING = 300.0  # seconds that pip may take
RUNNING = 120.0  # seconds that the embedder may take


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, since a build writes into its source folder."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ENGINE, folder / "appsync_local", ignore=shutil.ignore_patterns("__pycache__"))
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir",
        folder / "built", folder / "appsync_local", within=INSTALLING)  # fmt: skip
    [built] = (folder / "built").iterdir()
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The interpreter of an environment that has the wheel and its dependencies only."""
    environment = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", environment, within=INSTALLING)
    run(sys.executable, "-m", "pip", "--python", environment, "install", "--quiet", "--no-compile", wheel,
        within=INSTALLING)  # fmt: skip
    yield environment / "bin" / "python"
    shutil.rmtree(environment)


def run(*command: str | Path, within: float, cwd: Path | None = None) -> str:
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=outside, capture_output=True, text=True, timeout=within)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_has_every_module_and_data_file_of_the_engine(wheel: Path) -> None:
    sources = {
        path.relative_to(ENGINE.parent).as_posix()
        for pattern in ("*.py", "*.js", "*.cjs", "*.html", "*.css", "*.graphql")
        for path in ENGINE.rglob(pattern)
    }

    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert packed == sources


def test_the_wheel_depends_on_exactly_what_the_engine_imports() -> None:
    with (ENGINE / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["rds"]]
    modules = {
        name
        for path in ENGINE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in imported_by(node)
    }
    distributions = packages_distributions()

    imported = {distributions[name][0].lower() for name in modules - sys.stdlib_module_names - {"appsync_local"}}

    assert imported == {requirement.split(">=")[0].split("[")[0] for requirement in declared}


def imported_by(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [name.name.partition(".")[0] for name in names]
        case ast.ImportFrom(module=str(module)):
            return [module.partition(".")[0]]
        case _:
            return []


def test_an_api_is_served_by_the_engine_alone(python: Path, tmp_path: Path) -> None:
    program = Path(shutil.copy(EMBEDDER, tmp_path))

    seen = json.loads(run(python, program, tmp_path / "project", within=RUNNING, cwd=tmp_path))

    assert seen.pop("engine").startswith(str(python.parents[1]))
    assert seen == {
        "query": {"data": {"greeting": "Hello, Ada"}},
        "mutation": {"data": {"write": {"id": "n1", "text": "one", "length": 3}}},
        "event": {"id": "s1", "type": "data", "payload": {"data": {"written": {"id": "n2", "length": 4}}}},
        "ours": [],
    }


def test_the_example_of_the_readme_runs(python: Path, tmp_path: Path) -> None:
    example = (ENGINE / "README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    program = tmp_path / "serve.py"
    program.write_text(example.replace("port=4000", "port=0"), encoding="utf-8")
    with subprocess.Popen([python, program], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            host = urlsplit(url)
            connection = HTTPConnection(host.hostname or "", host.port, timeout=RUNNING)
            body = json.dumps({"query": '{ hello(name: "Ada") }'})
            connection.request("POST", host.path, body, {"x-api-key": "da2-local"})
            answer = connection.getresponse().read()
            connection.close()
        finally:
            process.terminate()

    assert json.loads(answer) == {"data": {"hello": "Hello, Ada"}}
