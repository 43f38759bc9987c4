"""The public names of the engine."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

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


# Modules that only some APIs need. The engine imports them with the first API that does.
SPECIAL = """
    appsync_local.authorization.lambda_authorizer appsync_local.authorization.oidc appsync_local.authorization.sigv4
    appsync_local.authorization.tokens appsync_local.data_sources.bedrock appsync_local.data_sources.dynamodb
    appsync_local.data_sources.eventbridge appsync_local.data_sources.http appsync_local.data_sources.rds.pool
    appsync_local.data_sources.signed_headers appsync_local.devtools.chaos.decisions
    appsync_local.devtools.chaos.push_scheduler appsync_local.devtools.doctor appsync_local.devtools.reload
    appsync_local.functions appsync_local.javascript.zones appsync_local.velocity
    boto3 botocore cryptography jwt moto multiprocessing mysql phonenumbers psutil psycopg sqlite3 watchfiles
    websockets yaml zoneinfo
"""
START = """
import asyncio, gc, sys
from pathlib import Path
from appsync_local import Api, ApiKey, AuthMode, Engine, NoneSource, UnitResolver

async def start():
    folder = Path(sys.argv[1])
    api = Api((AuthMode.API_KEY,), None, (NoneSource("Nothing"),), (), (UnitResolver("Query.version", "Nothing"),))
    engine = Engine(
        api=api, schema=folder / "schema.graphql", code=folder, invoker=None, api_keys=(ApiKey("da2-key"),)
    )
    await engine.start(port=0)
    print(*sys.modules)
    await engine.stop()

asyncio.run(start())
assert gc.isenabled() and gc.get_freeze_count() > len(sys.modules), gc.get_freeze_count()
"""


def test_an_engine_loads_nothing_that_its_api_does_not_need(tmp_path: Path) -> None:
    (tmp_path / "schema.graphql").write_text("type Query { version: String }")
    (tmp_path / "resolvers").mkdir()
    code = "export function request() { return {} }\nexport function response(ctx) { return ctx.result }\n"
    (tmp_path / "resolvers" / "Query.version.js").write_text(code)

    done = subprocess.run([sys.executable, "-c", START, str(tmp_path)], capture_output=True, text=True, check=True)

    assert set(SPECIAL.split()) & set(done.stdout.split()) == set()
    assert all(find_spec(name) for name in SPECIAL.split() if name.startswith("appsync_local."))
