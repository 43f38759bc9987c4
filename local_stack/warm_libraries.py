"""Loads what libraries would load at their first use. The process that functions are forked from imports this module.

In a new process, the first client of S3 takes a third of a second of processor time, nearly all of it to read
descriptions of services, and the first request through gql takes a tenth. Both are the same in every process. Settings
and credentials are not read here: each function has its own.
"""

from typing import Final

import anyio
import boto3
from botocore.loaders import Loader
from botocore.session import Session

SERVICES: Final = ("s3", "dynamodb")


def _load_descriptions() -> None:
    loader = Loader()
    for service in SERVICES:
        loader.load_service_model(service, "service-2")
        loader.load_service_model(service, "endpoint-rule-set-1")
    for name in ("endpoints", "partitions", "sdk-default-configuration"):
        loader.load_data(name)
    session = Session()
    session.register_component("data_loader", loader)
    boto3.setup_default_session(botocore_session=session)


_load_descriptions()
anyio.run(anyio.sleep, 0)  # it imports the part of anyio that asyncio needs
