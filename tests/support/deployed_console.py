"""The console as CloudFront serves it: only the uploaded files, the deployed router, and the headers of the deployment.

Its users sign in at the local pool's page, and its API is a local stack's.
"""

import json
import mimetypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import quickjs  # type: ignore[import-untyped]  # the wheel has no types
from aiohttp import web

from infrastructure.console_site import (
    ASKED_EACH_TIME,
    ASSETS,
    CONFIGURATION_PATH,
    DIST,
    FOR_EVER,
    INDEX,
    REFERRER_POLICY,
    files,
    page,
    policy,
)
from infrastructure.constructs.console_site import router
from tests.support.served import Handler, served


@contextmanager
def deployed_console(stack: Mapping[str, Any]) -> Iterator[str]:
    """Serve the console for a stack, given by what `stack.json` contains. Yields the site's URL."""
    graphql, realtime, pool = stack["graphqlUrl"], stack["realtimeUrl"], stack["cognitoUrl"]
    machine = f"http://{urlsplit(graphql).netloc}"  # of the sign-in page and of the bucket
    issuer = f"{pool}/{stack['userPoolId']}"
    sign_in = {"kind": "hosted", "authority": issuer, "clientId": stack["clientId"], "signInUrl": pool}
    configuration = {"target": "aws", "graphqlUrl": graphql, "realtimeUrl": realtime, "signIn": sign_in}
    texts = {
        f"/{INDEX}": page([machine, graphql, realtime]).encode(),
        CONFIGURATION_PATH: json.dumps(configuration).encode(),
    }
    uploaded = {f"/{name}": (DIST / name).read_bytes() for name in files()} | texts
    every_api = [machine, "http://127.0.0.1:*", "ws://127.0.0.1:*"]
    headers = {
        "content-security-policy": policy(every_api),
        "referrer-policy": REFERRER_POLICY,
        "x-content-type-options": "nosniff",
    }

    def make(_: str) -> Handler:
        engine = quickjs.Context()
        engine.eval(router())

        async def handle(request: web.BaseRequest, _: Mapping[str, str]) -> web.StreamResponse:
            path = engine.eval(f"handler({{request: {{uri: {json.dumps(request.path)}}}}}).uri")
            if path not in uploaded:
                return web.Response(status=403, headers=headers)  # as S3 answers who may not list the bucket
            kept = FOR_EVER if path.startswith(ASSETS) else ASKED_EACH_TIME
            kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
            return web.Response(body=uploaded[path], content_type=kind, headers={**headers, "cache-control": kept})

        return handle

    with served(make) as url:
        yield url.replace("127.0.0.1", "localhost")  # another site than the API's
