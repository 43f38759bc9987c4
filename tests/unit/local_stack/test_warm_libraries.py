"""What the process that functions are forked from has loaded for them, and what it has not read."""

import json
import os
import subprocess
import sys
from pathlib import Path

# Prints the files of boto3's data that are read for clients, the client's region and key, and whether asyncio's part of
# anyio is there.
FIRST_CLIENTS = """
import json, os, sys
import local_stack.warm_libraries
import boto3

opened = []
sys.addaudithook(lambda name, what: opened.append(str(what[0])) if name == "open" else None)
os.environ.update(AWS_DEFAULT_REGION="eu-north-1", AWS_ACCESS_KEY_ID="own-key", AWS_SECRET_ACCESS_KEY="own secret")
clients = [boto3.client(name) for name in ("s3", "dynamodb")]
data = [path for path in opened if "botocore" in path and path.endswith((".json", ".json.gz"))]
print(json.dumps([
    data,
    [client.meta.region_name for client in clients],
    clients[0].generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"}),
    "anyio._backends._asyncio" in sys.modules,
]))
"""


def test_first_clients_read_no_descriptions_and_have_the_settings_of_their_function(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\nregion = us-west-1\n")
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = other\naws_secret_access_key = other\n")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }

    done = subprocess.run(
        [sys.executable, "-c", FIRST_CLIENTS], env=environment, capture_output=True, text=True, check=True
    )

    data, regions, url, has_anyio = json.loads(done.stdout)
    assert data == []
    assert regions == ["eu-north-1"] * 2
    assert "Credential=own-key%2F" in url
    assert has_anyio
