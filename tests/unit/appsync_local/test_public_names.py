"""The public names of the engine."""

import subprocess
import sys

import appsync_local


def test_public_names_are_listed_and_importable() -> None:
    assert appsync_local.__all__ == sorted(set(appsync_local.__all__))
    assert set(appsync_local.__all__) == set(appsync_local._MODULE_OF)
    for name in appsync_local.__all__:
        assert getattr(appsync_local, name).__module__.startswith("appsync_local."), name


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(appsync_local, "Service")


def test_a_worker_that_imports_the_functions_does_not_load_the_server() -> None:
    server = "{'aiohttp', 'graphql', 'quickjs'}"
    code = f"import appsync_local.functions.worker, sys; print(sorted({server} & sys.modules.keys()))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_an_engine_without_a_database_loads_no_library_for_one() -> None:
    code = "from appsync_local import Engine; import sys; print(sorted({'psycopg', 'mysql'} & sys.modules.keys()))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
