"""Functions with packages of their own: what each of them can import, and what it cannot."""

import re
from pathlib import Path
from textwrap import dedent

import pytest

from appsync_local.errors import FunctionFailed
from appsync_local.functions.spec import OWN_PYTHON, FunctionSpec, Package
from tests.support.node_packages import node_is_missing
from tests.unit.appsync_local.functions.conftest import StartRuntime

needs_node = pytest.mark.skipif(node_is_missing() is not None, reason=str(node_is_missing()))


def write(folder: Path, **files: str) -> Path:
    """Write files; `__` in a name is `/`, and a name without an ending is one of a module in Python."""
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path = path if path.suffix else path.with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return folder


def function(name: str, package: Package, *, runtime: str = OWN_PYTHON) -> FunctionSpec:
    return FunctionSpec(name, "index.handler", {}, 20.0, runtime=runtime, package=package)


async def test_functions_have_modules_of_the_same_name(tmp_path: Path, start_runtime: StartRuntime) -> None:
    handler = "import prices\ndef handler(event, context): return prices.VALUE"
    one = write(tmp_path / "one", index=handler, prices="VALUE = 1")
    two = write(tmp_path / "two", index=handler, prices="VALUE = 2")
    runtime = await start_runtime(function("one", Package(one)), function("two", Package(two)))

    assert [await runtime.invoke("one", None), await runtime.invoke("two", None)] == [1, 2]


@pytest.mark.parametrize("module", ["orjson", "pytest", "appsync_local", "pip"])
async def test_library_of_the_engines_environment_is_not_found(
    module: str, tmp_path: Path, start_runtime: StartRuntime
) -> None:
    package = Package(write(tmp_path / "task", index=f"import {module}\ndef handler(event, context): pass"))
    runtime = await start_runtime(function("f", package), preload=("orjson",))

    with pytest.raises(FunctionFailed, match=f"Unable to import module 'index': No module named '{module}'"):
        await runtime.invoke("f", None)


async def test_modules_are_found_in_the_package_then_in_its_layers_then_in_the_runtime(
    tmp_path: Path, start_runtime: StartRuntime
) -> None:
    runtime_libraries = write(tmp_path / "runtime", a="IN = 'runtime'", b="IN = 'runtime'", c="IN = 'runtime'")
    opt = write(tmp_path / "opt", python__b="IN = 'layer'", python__c="IN = 'layer'")
    write(opt / f"python/lib/{OWN_PYTHON}/site-packages", c="IN = 'versioned layer'", d="IN = 'versioned layer'")
    handler = """
        import a, b, c, d, e, json, sys
        def handler(event, context): return [a.IN, b.IN, c.IN, d.IN, e.IN, len(sys.path) == len(set(sys.path))]
        """
    task = write(tmp_path / "task", index=handler, d="IN = 'task'", e="IN = 'task'")
    runtime = await start_runtime(function("f", Package(task, opt, runtime_libraries)))

    assert await runtime.invoke("f", None) == ["runtime", "layer", "versioned layer", "task", "task", True]


async def test_function_without_a_package_still_has_the_libraries_of_this_python(
    root: Path, tmp_path: Path, start_runtime: StartRuntime
) -> None:
    write(root, index="import orjson\ndef handler(event, context): return orjson.dumps(event).decode()")
    task = write(tmp_path / "task", index="def handler(event, context): return exit is not None")
    runtime = await start_runtime(
        FunctionSpec("shared", "index.handler", {}, 20.0), function("own", Package(task)), preload=("orjson",)
    )

    assert [await runtime.invoke("shared", [1]), await runtime.invoke("own", None)] == ["[1]", True]


async def test_end_of_one_fork_server_leaves_the_workers_of_the_others(
    tmp_path: Path, start_runtime: StartRuntime
) -> None:
    handler = """
        import os, signal, time
        def handler(event, context):
            if event:
                os.kill(os.getppid(), signal.SIGKILL)
                time.sleep(60)
            return os.getpid()
        """
    one, two = (Package(write(tmp_path / name, index=handler)) for name in ("one", "two"))
    runtime = await start_runtime(function("one", one), function("two", two))
    before = await runtime.invoke("two", False)

    with pytest.raises(FunctionFailed, match=re.escape("Runtime exited with error: signal: killed")):
        await runtime.invoke("one", True)

    assert await runtime.invoke("two", False) == before
    assert isinstance(await runtime.invoke("one", False), int)


@needs_node
async def test_packages_for_node_are_found_in_layers(tmp_path: Path, start_runtime: StartRuntime) -> None:
    opt = write(
        tmp_path / "opt",
        **{
            "nodejs__node_modules__one__index.js": "exports.name = 'one';",
            "nodejs__node_modules__two__index.js": "exports.name = 'two';",
            "nodejs__node20__node_modules__two__index.js": "exports.name = 'two of node20';",
        },
    )
    task = write(
        tmp_path / "task",
        **{"index.js": "exports.handler = async () => [require('one').name, require('two').name, process.env.PATH];"},
    )
    runtime = await start_runtime(function("f", Package(task, opt), runtime="nodejs20.x"))

    found = await runtime.invoke("f", None)

    assert isinstance(found, list)
    assert found[:2] == ["one", "two of node20"]
    assert found[2].startswith(f"{opt}/bin:")
