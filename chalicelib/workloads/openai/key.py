"""Reads the server's key from AWS Secrets Manager, so that the function's environment does not contain it."""

from chalicelib.jobs.errors import ErrorType, WorkloadFailed


def secret_value(secret: str) -> str:
    """Read the text of a secret.

    Args:
        secret: Its name or ARN.

    Raises:
        WorkloadFailed: The secret could not be read.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    except (BotoCoreError, ClientError, KeyError) as error:
        raise WorkloadFailed(
            "the key of the OpenAI-compatible server could not be read from AWS Secrets Manager; the stage's operator "
            "should check that the secret exists and contains the key as plain text",
            ErrorType.MODEL_ACCESS_DENIED,
        ) from error
