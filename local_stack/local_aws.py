"""The local services of one stack: moto with the resources of the template, and what may be sent to AWS itself."""

import asyncio
from collections.abc import Iterable
from typing import Final

from appsync_local.authorization.sigv4 import IamPrincipal
from appsync_local.data_sources.aws_services import AwsCredentials, AwsServices
from appsync_local.data_sources.dynamodb.endpoint import DynamoDbEndpoint
from appsync_local.data_sources.http_client import HttpClient
from appsync_local.devtools.health import LoopHealth
from local_stack.blueprint import Blueprint
from local_stack.function_environment import REGION
from local_stack.services.aws.catalogue import SERVED_BY_MOTO
from local_stack.services.aws.client import ServiceClient
from local_stack.services.aws.moto import MotoServer
from local_stack.services.aws.process import Served
from local_stack.services.aws.resources import create_resources

ADVICE: Final = "start with --allow-aws to call AWS itself, with your login and at your cost"
SIGNER: Final = "a data source"  # who signs with the operator's key


class LocalAwsServices:
    """The services of AWS that a stack has on this machine.

    Args:
        operator: The access key that data sources and the stack itself sign with.
        aws: The developer's login, if AWS may be called; None: it may not.
        health: Where the end of a server is recorded.

    Attributes:
        endpoint: The address of all services but Lambda, from `listen` on.
    """

    def __init__(self, operator: tuple[str, str], aws: AwsCredentials | None, health: LoopHealth) -> None:
        self._operator = operator
        self._aws = aws
        self._moto = MotoServer(health=health)
        self.endpoint = ""

    def listen(self) -> None:
        """Take a free port. Requests wait there until `start`."""
        self.endpoint = self._moto.listen()

    async def start(self, blueprint: Blueprint, lambda_url: str) -> None:
        """Start moto with the resources of a blueprint, and keep it running.

        Args:
            blueprint: The stack.
            lambda_url: Where Lambda is served.

        Raises:
            StackError: moto did not start in time.
        """
        keys = self.keys(blueprint.principals)
        callers = {self._operator[0]: SIGNER} | {it.access_key_id: name_of(it) for it in blueprint.principals}

        def create(endpoint: str) -> None:
            create_resources(endpoint, REGION, self._operator, blueprint.creations)

        await self._moto.start(Served(REGION, keys, callers, ADVICE, lambda_url))
        await asyncio.to_thread(create, self.endpoint)
        self._moto.keep_running(create)

    async def stop(self) -> None:
        """End moto, if it is running."""
        await self._moto.stop()

    def client(self, http_client: HttpClient) -> ServiceClient:
        """Calls services over the event loop."""
        return ServiceClient(self.endpoint, REGION, AwsCredentials(*self._operator), http_client)

    def keys(self, principals: Iterable[IamPrincipal]) -> dict[str, str]:
        """The secrets of all access keys of the stack, by their ids; the stack's own one is the first."""
        return dict([self._operator]) | {it.access_key_id: it.secret_access_key for it in principals}

    def for_data_sources(self, lambda_url: str) -> AwsServices:
        """Where EventBridge and HTTP data sources reach services; see `start` for the argument."""
        local = {**dict.fromkeys(SERVED_BY_MOTO, self.endpoint), "lambda": lambda_url}
        return AwsServices(local, REGION, AwsCredentials(*self._operator), self._aws, ADVICE)

    def for_tables(self) -> DynamoDbEndpoint:
        """Where DynamoDB data sources reach their tables."""
        return DynamoDbEndpoint(self.endpoint, REGION, *self._operator)


def name_of(principal: IamPrincipal) -> str:
    """The name of the function that has an access key."""
    return principal.arn.rpartition("/")[2]
