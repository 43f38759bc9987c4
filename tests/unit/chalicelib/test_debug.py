"""The routes of `chalice local`, which run code: no web page may use them."""

import importlib.util
import json
from typing import Any

import pytest
from chalice.app import Chalice
from chalice.test import Client

PROGRAM = {"host": "localhost:8000", "content-type": "application/json"}
PAGES = {
    "a rebound name": {"host": "rebound.example:8000"},
    "a name like ours": {"host": "localhost.example"},
    "no host": {"host": ""},
    "another site": {"origin": "https://evil.example"},
    "a page of this machine": {"origin": "http://localhost:3000"},
    "an image of another site": {"sec-fetch-site": "cross-site"},
}


@pytest.fixture(scope="module")
def application() -> Chalice:
    """An application with the routes of a module of its own: a Blueprint belongs to one application."""
    spec = importlib.util.find_spec("chalicelib.debug")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    application = Chalice("debugged")
    application.register_blueprint(module.routes)
    return application


def ask(application: Chalice, method: str, path: str, headers: dict[str, str]) -> tuple[int, Any]:
    with Client(application) as client:
        answer = client.http.request(method, path.replace("{", "").replace("}", ""), headers=headers, body=b"{}")
        return answer.status_code, json.loads(answer.body)


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_web_page_is_refused_at_every_route(application: Chalice, page: dict[str, str]) -> None:
    doors = [(method, path) for path, methods in application.routes.items() for method in methods]
    assert {path for _, path in doors} >= {"/handlers/{name}", "/jobs/{job_id}"}

    for method, path in doors:
        status, content = ask(application, method, path, PROGRAM | page)

        assert (method, path, status) == (method, path, 403)
        assert content["Code"] == "ForbiddenError"
        assert content["Message"].startswith("expected ")


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000"])
def test_a_program_on_this_machine_is_served(application: Chalice, host: str) -> None:
    status, content = ask(application, "POST", "/handlers/unknown", PROGRAM | {"host": host})

    assert status == 404
    assert "there is no handler unknown" in content["Message"]
