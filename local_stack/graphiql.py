"""GraphiQL for this project: test users who sign in with one click, and operations to begin with."""

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from appsync_local.devtools.explorer.pages import Explorer, SignInMethod, SignInRefused, Tab, installed_assets
from local_stack.services.cognito.pool import Pool
from longcall import CognitoPassword, CognitoToken, LambdaToken
from longcall.errors import LongcallError

OPERATIONS: Final = Path(__file__).with_name("explorer")
STORY: Final = "simulated.story"


class TestUsers:
    """Signs in the test users of a pool for GraphiQL."""

    methods: Sequence[SignInMethod] = (
        SignInMethod("lambda", "the Lambda authorizer"),
        SignInMethod("cognito", "the user pool"),
    )

    def __init__(self, pool: Pool) -> None:
        self._providers = {
            user.username: CognitoPassword(
                pool.region,
                pool.client_id,
                user.username,
                user.password,
                pool_id=pool.pool_id,
                endpoint_url=pool.endpoint,
            )
            for user in pool.users
        }
        self.users: Sequence[str] = tuple(self._providers)

    async def headers(self, user: str, method: str) -> Mapping[str, str]:
        """See `SignIn`."""
        provider = self._providers.get(user)
        if provider is None or method not in {known.name for known in self.methods}:
            raise SignInRefused(f"no test user {user} can sign in through {method}; choose from the lists")
        authorization = LambdaToken(provider) if method == "lambda" else CognitoToken(provider)
        try:
            return await authorization.headers()
        except LongcallError as error:
            raise SignInRefused(f"{user} was not signed in: {error}") from error


def first_tabs() -> list[Tab]:
    """The tabs that GraphiQL opens with: operations about one new job id."""
    job_id = str(uuid.uuid4())
    prompt = {"jobId": job_id, "prompt": "a story about a letter that came twice", "model": STORY, "processTime": 10}
    variables: list[dict[str, object]] = [{"jobId": job_id}, {"input": prompt}, {"jobId": job_id}, {}]
    queries = [path.read_text(encoding="utf-8") for path in sorted(OPERATIONS.glob("*.graphql"))]
    return [Tab(query, given) for query, given in zip(queries, variables, strict=True)]


def graphiql(pool: Pool, *, realtime_url: str) -> Explorer:
    """The page, to be offered by an engine that listens at `realtime_url`."""
    return Explorer(
        title="Longcall, on this machine", realtime_url=realtime_url, sign_in=TestUsers(pool), tabs=first_tabs,
        assets=installed_assets(),
    )  # fmt: skip
