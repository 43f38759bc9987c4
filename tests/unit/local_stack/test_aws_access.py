"""What functions reach of AWS: nothing but this machine, or AWS itself with the developer's login."""

from pathlib import Path

import botocore.session
import pytest

from appsync_local.data_sources.aws_services import AwsCredentials
from appsync_local.functions.spec import FunctionSpec, Package, environment_of
from local_stack.aws_access import IDENTIFIERS, AwsAccess
from local_stack.errors import StackError
from local_stack.services.aws.login import developer_login

FIELDS = {"work": frozenset({"Query.a"}), "other": frozenset({"Query.b"})}
LOGIN = AwsCredentials("AKIADEVELOPER", "secret", "token")


def test_without_a_login_every_service_has_the_local_address() -> None:
    variables = AwsAccess("http://local", "http://local/lambda").variables("http://local/cognito")

    assert variables["AWS_ENDPOINT_URL"] == "http://local"
    assert variables["AWS_ENDPOINT_URL_LAMBDA"] == "http://local/lambda"
    assert variables["AWS_EC2_METADATA_DISABLED"] == "true"


@pytest.mark.parametrize("runtime", ["nodejs22.x", "python3.11"])
def test_functions_get_no_key_and_no_option_of_the_developers_environment(tmp_path: Path, runtime: str) -> None:
    inherited = dict.fromkeys(
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK",
         "AWS_CONFIG_FILE", "NODE_OPTIONS", "NODE_PATH", "PYTHONPATH", "PYTHONSTARTUP", "LD_PRELOAD", "GITHUB_TOKEN"),
        "of the developer",
    )  # fmt: skip
    spec = FunctionSpec("f", "index.handler", {}, 3, runtime=runtime, package=Package(tmp_path))

    environment = environment_of(spec, root=tmp_path, inherited={**inherited, "PATH": "/bin"})

    assert environment.keys().isdisjoint(inherited)
    assert "of the developer" not in environment.values()


@pytest.mark.parametrize("login", [None, LOGIN])
def test_sdks_of_functions_do_not_read_the_developers_files(
    login: AwsCredentials | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text("[default]\nignore_configured_endpoint_urls = true\n")
    (tmp_path / ".aws/credentials").write_text("[work]\naws_access_key_id = AKIADEVELOPER\naws_secret_access_key = s\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in AwsAccess("http://local", "http://local/lambda", login).variables("http://local/c").items():
        monkeypatch.setenv(name, value)

    session = botocore.session.Session()

    assert session.available_profiles == []
    assert session.create_client("s3", region_name="us-east-1").meta.endpoint_url == "http://local"


def test_without_a_login_each_function_has_a_key_and_the_fields_of_its_own() -> None:
    access = AwsAccess("http://local", "http://local/lambda")

    work, other = (access.principal(it, FIELDS) for it in ("work", "other"))

    assert work.access_key_id != other.access_key_id
    assert (work.allowed, other.allowed) == (FIELDS["work"], FIELDS["other"])


def test_with_a_login_only_the_services_of_this_machine_have_the_local_address() -> None:
    access = AwsAccess("http://local", "http://local/lambda", LOGIN)

    variables = access.variables("http://local/cognito")

    assert "AWS_ENDPOINT_URL" not in variables
    assert {variables[f"AWS_ENDPOINT_URL_{it}"] for it in IDENTIFIERS} == {"http://local"}
    assert variables["AWS_SESSION_TOKEN"] == "token"


def test_with_a_login_all_functions_share_its_key_and_their_rights() -> None:
    principal = AwsAccess("http://local", "http://local/lambda", LOGIN).principal("work", FIELDS)

    assert (principal.access_key_id, principal.secret_access_key) == ("AKIADEVELOPER", "secret")
    assert principal.allowed == {"Query.a", "Query.b"}


def test_the_login_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCESS_KEY_ID": "AKIA1", "SECRET_ACCESS_KEY": "s", "SESSION_TOKEN": "t"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)

    assert developer_login() == AwsCredentials("AKIA1", "s", "t")


def test_a_missing_login_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(StackError, match="no AWS credentials were found for --allow-aws; sign in"):
        developer_login()
