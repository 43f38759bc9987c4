"""GraphiQL for this project: test users who sign in with one click, and operations to begin with."""

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from appsync_local.devtools.explorer.pages import Explorer, SignInMethod, SignInRefused, Tab, installed_assets
from local_stack.test_users import TestUsers, UnknownTestUser
from longcall import CognitoToken, LambdaToken
from longcall.errors import LongcallError

OPERATIONS: Final = Path(__file__).with_name("explorer")
STORY: Final = "simulated.story"


class TestUserSignIn:
    """Signs in the test users of a pool for GraphiQL."""

    methods: Sequence[SignInMethod] = (
        SignInMethod("lambda", "the Lambda authorizer"),
        SignInMethod("cognito", "the user pool"),
    )

    def __init__(self, users: TestUsers) -> None:
        self._users = users
        self.users: Sequence[str] = users.names

    async def headers(self, user: str, method: str) -> Mapping[str, str]:
        """See `SignIn`."""
        if method not in {known.name for known in self.methods}:
            raise SignInRefused(f"nobody can sign in through {method}; choose from the list")
        try:
            provider = self._users.of(user)
            authorization = LambdaToken(provider) if method == "lambda" else CognitoToken(provider)
            return await authorization.headers()
        except UnknownTestUser as error:
            raise SignInRefused(str(error)) from error
        except LongcallError as error:
            raise SignInRefused(f"{user} was not signed in: {error}") from error


def first_tabs() -> list[Tab]:
    """The tabs that GraphiQL opens with: operations about one new job id."""
    job_id = str(uuid.uuid4())
    prompt = {"jobId": job_id, "prompt": "a story about a letter that came twice", "model": STORY, "processTime": 10}
    variables: list[dict[str, object]] = [{"jobId": job_id}, {"input": prompt}, {"jobId": job_id}, {}]
    queries = [path.read_text(encoding="utf-8") for path in sorted(OPERATIONS.glob("*.graphql"))]
    return [Tab(query, given) for query, given in zip(queries, variables, strict=True)]


def graphiql(users: TestUsers, *, realtime_url: str) -> Explorer:
    """The page, to be offered by an engine that listens at `realtime_url`."""
    return Explorer(
        title="Longcall, on this machine", realtime_url=realtime_url, sign_in=TestUserSignIn(users), tabs=first_tabs,
        assets=installed_assets(),
    )  # fmt: skip
