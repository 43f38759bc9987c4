"""The web console: its own checks and tests, and whether `console/dist` is what its sources build."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support import node_packages
from tests.support.node_packages import found, node_is_missing

ROOT = Path(__file__).resolve().parents[3]
CONSOLE = ROOT / "console"
FIRST_LOAD_LIMIT = 300_000  # bytes of all files that the first page loads, compressed


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    if missing := node_is_missing():
        pytest.skip(missing)
    node_packages.install(CONSOLE)


def run(*command: str) -> str:
    """Run a program in the console's folder; return what it printed."""
    done = subprocess.run([found(command[0]), *command[1:]], cwd=CONSOLE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def contents(folder: Path) -> Mapping[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("script", ["check", "test"])
def test_the_console_passes_its_own_checks(script: str) -> None:
    run("npm", "run", "--silent", script)


def test_the_built_files_are_those_of_the_sources(tmp_path: Path) -> None:
    run("npm", "run", "--silent", "build", "--", "--outDir", str(tmp_path))

    built, kept = contents(tmp_path), contents(CONSOLE / "dist")
    assert sorted(built) == sorted(kept), "run `npm run build` in console/, and commit console/dist"
    assert [name for name in built if built[name] != kept[name]] == []


def test_the_first_load_is_small() -> None:
    html = (CONSOLE / "dist" / "index.html").read_text()
    first = [name for name in contents(CONSOLE / "dist") if f"/{name}" in html]
    script = "const z = require('zlib'), f = require('fs'); let n = 0;" + "".join(
        f"n += z.gzipSync(f.readFileSync('dist/{name}')).length;" for name in (*first, "index.html")
    )

    assert int(run("node", "-e", f"{script} console.log(n)")) <= FIRST_LOAD_LIMIT
