"""A stack of the tests' own: an AppSync, a user pool, and the file that says where they are."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.unit.longcall.appsync import AppSync

USERS = {"ada@example.com": "analytical", "grace@example.com": "compiler"}


@dataclass
class Stack:
    """Both services, and where the command line finds them."""

    api: AppSync
    cognito_url: str
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / ".longcall" / "stack.json"

    def write(self, **changes: Any) -> None:
        self.file.parent.mkdir(exist_ok=True)
        users = [{"username": name, "password": word, "sub": name} for name, word in USERS.items()]
        fields = {
            "target": "local", "graphqlUrl": self.api.url, "realtimeUrl": self.api.realtime_url, "region": "us-east-1",
            "clientId": "client", "cognitoUrl": self.cognito_url, "users": users,
        } | changes  # fmt: skip
        self.file.write_text(json.dumps(fields), "utf-8")


async def sign_in(request: web.Request) -> web.Response:
    """InitiateAuth; the token says whose it is."""
    given = json.loads(await request.text())["AuthParameters"]
    if USERS.get(given["USERNAME"]) != given["PASSWORD"]:
        refusal = {"__type": "NotAuthorizedException", "message": "Incorrect username or password."}
        return web.json_response(refusal, status=400)
    result = {"AccessToken": f"token-of-{given['USERNAME']}", "ExpiresIn": 3600, "TokenType": "Bearer"}
    return web.json_response({"AuthenticationResult": result})
