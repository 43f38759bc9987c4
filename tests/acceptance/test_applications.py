"""Applications that are not Longcall, served from their templates over HTTP."""

import json
from pathlib import Path
from typing import Any

import aiohttp

from tests.acceptance.stack import LocalStack, running_stack

API = {"Fn::GetAtt": ["Api", "ApiId"]}


async def ask(stack: LocalStack, query: str, **variables: object) -> Any:
    """The answer to an operation, sent with the stack's first API key."""
    headers = {"x-api-key": stack.description["apiKeys"][0]}
    async with (
        aiohttp.ClientSession() as session,
        session.post(stack.url, json={"query": query, "variables": variables}, headers=headers) as response,
    ):
        return await response.json()


async def page(stack: LocalStack, path: str) -> tuple[int, str]:
    """Status and text of a page of the stack."""
    async with aiohttp.ClientSession() as session, session.get(stack.url.replace("/graphql", path)) as response:
        return response.status, await response.text()


async def test_api_without_functions_and_resolvers_is_served_without_anything_of_longcall(tmp_path: Path) -> None:
    resources = {
        "Api": {"Type": "AWS::AppSync::GraphQLApi", "Properties": {"Name": "bare", "AuthenticationType": "API_KEY"}},
        "Key": {"Type": "AWS::AppSync::ApiKey", "Properties": {"ApiId": API}},
        "Schema": {
            "Type": "AWS::AppSync::GraphQLSchema",
            "Properties": {"ApiId": API, "Definition": "type Query { hello: String }"},
        },
    }
    template = tmp_path / "bare.template.json"
    template.write_text(json.dumps({"Resources": resources}))
    data = tmp_path / "data"

    with running_stack(data, "--template", str(template)) as stack:
        answer = await ask(stack, "{ hello __typename }")
        status, explorer = await page(stack, "/")
        jobs, _ = await page(stack, "/jobs/1")

    assert answer == {"data": {"hello": None, "__typename": "Query"}}
    assert (status, jobs) == (200, 404)
    assert "explorer" in explorer.lower()
    assert not (data / "jobs.db").exists()
    log = (tmp_path / "data.log").read_text()
    assert "The application is running at" in log
    assert "longcall run" not in log
    assert "jobs" not in log
