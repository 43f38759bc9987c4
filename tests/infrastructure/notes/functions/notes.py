"""A Lambda function of an application that has nothing to do with jobs."""

import os


def handle(event: dict[str, str], context: object) -> dict[str, str]:
    return {"id": event["id"], "text": event.get("text") or "nothing yet", "by": os.environ["AUTHOR"]}
