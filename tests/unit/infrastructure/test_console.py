"""The console on AWS: its bucket, CloudFront, the client with which its users sign in, and what is uploaded."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import quickjs  # type: ignore[import-untyped]  # the wheel has no types

from infrastructure.console_site import CONFIGURATION_PATH, DIST, FOR_EVER, INDEX, files, policy
from infrastructure.constructs.console_site import router
from tests.support.cdk_assembly import Assembly
from tests.support.cloudformation import Resource, Template, readable
from tests.unit.infrastructure.stack import environment


@pytest.fixture
def distribution(keyed: Template) -> Resource:
    config: Resource = keyed.only("AWS::CloudFront::Distribution")["DistributionConfig"]
    return config


def named(template: Template, kind: str, part: str) -> str:
    """The logical id of the resource of a type whose id contains a word."""
    (name,) = (it for it in template.of_type(kind) if part in it)
    return name


def uploads(assembly: Assembly) -> list[Path]:
    """The folders that CDK uploads into the site's bucket, in the template's order."""
    keys = [
        key
        for it in assembly.templates["keyed"].of_type("Custom::CDKBucketDeployment").values()
        for key in it["SourceObjectKeys"]
    ]
    return [assembly.folder / f"asset.{Path(key).stem}" for key in keys]


def test_only_a_stage_that_asks_for_it_has_a_console(dev: Template, prod: Template) -> None:
    for template in (dev, prod):
        assert [it["Type"] for it in template.resources.values() if "CloudFront" in it["Type"]] == []
        assert template.of_type("AWS::Cognito::UserPoolDomain") == {}
        assert "ConsoleUrl" not in template.body["Outputs"]


def test_the_sites_bucket_is_read_by_its_distribution_alone(keyed: Template, distribution: Resource) -> None:
    bucket = named(keyed, "AWS::S3::Bucket", "Console")
    (the_policy,) = (
        it["PolicyDocument"]["Statement"]
        for it in keyed.of_type("AWS::S3::BucketPolicy").values()
        if it["Bucket"] == {"Ref": bucket}
    )
    allowed = [it for it in the_policy if it["Effect"] == "Allow" and it["Action"] == "s3:GetObject"]

    assert set(keyed.of_type("AWS::S3::Bucket")[bucket]["PublicAccessBlockConfiguration"].values()) == {True}
    assert [it["Principal"] for it in allowed] == [{"Service": "cloudfront.amazonaws.com"}]
    assert readable(allowed[0]["Condition"]["StringEquals"]["AWS:SourceArn"]).endswith(
        f":distribution/{named(keyed, 'AWS::CloudFront::Distribution', 'Console')}"
    )
    [origin] = distribution["Origins"]
    assert origin["S3OriginConfig"] == {"OriginAccessIdentity": ""}
    assert readable(origin["OriginAccessControlId"]).endswith(".Id")
    control = keyed.only("AWS::CloudFront::OriginAccessControl")["OriginAccessControlConfig"]
    assert (control["SigningBehavior"], control["SigningProtocol"]) == ("always", "sigv4")


def test_every_answer_is_over_https_and_has_the_policy_of_the_local_stack(
    keyed: Template, distribution: Resource
) -> None:
    behaviors = [distribution["DefaultCacheBehavior"], *distribution["CacheBehaviors"]]
    headers = keyed.only("AWS::CloudFront::ResponseHeadersPolicy")["ResponseHeadersPolicyConfig"]
    security = headers["SecurityHeadersConfig"]
    sent = written(security["ContentSecurityPolicy"]["ContentSecurityPolicy"])
    [talks_to] = re.findall("connect-src 'self' ([^;]*)", sent)

    assert {it["ViewerProtocolPolicy"] for it in behaviors} == {"redirect-to-https"}
    assert len({it["ResponseHeadersPolicyId"]["Ref"] for it in behaviors}) == 1
    assert sent == policy(talks_to.split())
    assert "unsafe" not in sent
    assert [re.sub(r"\{.*?\}", "*", it) for it in talks_to.split()] == [
        "https://*.auth.*.amazoncognito.com", "https://*", "https://*", "https://*.appsync-api.*.*",
        "wss://*.appsync-realtime-api.*.*",
    ]  # fmt: skip
    assert security["ContentTypeOptions"] == {"Override": True}
    assert security["ReferrerPolicy"]["ReferrerPolicy"] == "no-referrer"
    assert security["StrictTransportSecurity"]["AccessControlMaxAgeSec"] == 31_536_000


def written(value: Any) -> str:
    """A joined text, with each part that CloudFormation fills in as `{}`."""
    separator, parts = value["Fn::Join"]
    return str(separator).join(it if isinstance(it, str) else "{}" for it in parts)


@pytest.mark.parametrize(
    ("path", "served"),
    [
        ("/", "/index.html"),
        ("/jobs/0b9f1c1e-0000-4000-8000-000000000000", "/index.html"),
        ("/signed-in", "/index.html"),
        ("/assets/gone-12345678.js", "/assets/gone-12345678.js"),
        ("/console/config.json", "/console/config.json"),
        ("/anything", "/anything"),
    ],
)
def test_pages_are_answered_with_the_application_and_other_addresses_with_their_files(path: str, served: str) -> None:
    engine = quickjs.Context()
    engine.eval(router())

    assert engine.eval(f"handler({{request: {{uri: {json.dumps(path)}}}}}).uri") == served


def test_the_names_of_what_belongs_to_the_whole_account_differ_by_region(keyed: Template) -> None:
    names = (
        keyed.only("AWS::CloudFront::OriginAccessControl")["OriginAccessControlConfig"]["Name"],
        keyed.only("AWS::CloudFront::ResponseHeadersPolicy")["ResponseHeadersPolicyConfig"]["Name"],
        keyed.only("AWS::CloudFront::Function")["Name"],
    )

    assert all("AWS::Region" in readable(name) for name in names)
    assert all(len(readable(name)) <= 64 - len("ap-southeast-99") + len("AWS::Region") for name in names)


def test_the_router_runs_before_the_cache_for_pages_and_not_for_assets(keyed: Template, distribution: Resource) -> None:
    [association] = distribution["DefaultCacheBehavior"]["FunctionAssociations"]

    assert keyed.only("AWS::CloudFront::Function")["FunctionCode"] == router()
    assert association["EventType"] == "viewer-request"
    assert [it["PathPattern"] for it in distribution["CacheBehaviors"]] == ["/assets/*"]
    assert "FunctionAssociations" not in distribution["CacheBehaviors"][0]


def test_users_sign_in_with_a_code_and_return_to_the_console_only(keyed: Template) -> None:
    client = keyed.of_type("AWS::Cognito::UserPoolClient")[named(keyed, "AWS::Cognito::UserPoolClient", "Console")]
    site = f"https://{named(keyed, 'AWS::CloudFront::Distribution', 'Console')}.DomainName"

    assert client["AllowedOAuthFlows"] == ["code"]
    assert client["AllowedOAuthScopes"] == ["openid", "email"]
    assert client["GenerateSecret"] is False
    assert client["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]
    assert client["EnableTokenRevocation"] is True
    assert [readable(it) for it in client["CallbackURLs"]] == [f"{site}/signed-in"]
    assert [readable(it) for it in client["LogoutURLs"]] == [f"{site}/signed-out"]
    assert client["AccessTokenValidity"] == 15
    assert client["TokenValidityUnits"]["AccessToken"] == "minutes"


def test_the_api_accepts_tokens_of_both_clients_and_of_no_other(keyed: Template, dev: Template) -> None:
    both = [named(keyed, "AWS::Cognito::UserPoolClient", part) for part in ("UsersClient", "ConsoleClient")]
    [only] = dev.of_type("AWS::Cognito::UserPoolClient")

    assert environment(keyed, "authorizer")["LONGCALL_CLIENT_ID"].split(",") == both
    assert accepted(keyed) == "|".join(both)
    assert environment(dev, "authorizer")["LONGCALL_CLIENT_ID"] == accepted(dev) == only


def accepted(template: Template) -> str:
    """The expression that AppSync compares a token's client with."""
    [expression] = (
        it["UserPoolConfig"]["AppIdClientRegex"]
        for it in template.only("AWS::AppSync::GraphQLApi")["AdditionalAuthenticationProviders"]
        if "UserPoolConfig" in it
    )
    return readable(expression)


def test_the_application_is_uploaded_without_the_explorer_and_each_file_is_kept_as_long_as_its_name_says(
    keyed: Template, assembly: Assembly
) -> None:
    uploaded = {
        it.relative_to(folder).as_posix() for folder in uploads(assembly) for it in folder.rglob("*") if it.is_file()
    }
    assets, pages = keyed.of_type("Custom::CDKBucketDeployment").values()

    assert uploaded == files() | {CONFIGURATION_PATH.removeprefix("/")}
    assert not any("explorer" in it or "monaco" in it for it in uploaded)
    assert (assets["SystemMetadata"]["cache-control"], assets["Prune"]) == (FOR_EVER, False)
    assert (pages["SystemMetadata"]["cache-control"], pages["Prune"]) == ("no-cache", True)
    assert pages["Exclude"] == ["assets/*"]


def test_the_name_of_every_asset_has_a_digest() -> None:
    assert [it.name for it in (DIST / "assets").iterdir() if not re.search(r"-[\w-]{8}\.[a-z]+$", it.name)] == []


def test_the_uploaded_page_talks_to_the_stages_own_api_and_its_configuration_has_no_secret(
    keyed: Template, assembly: Assembly
) -> None:
    _, pages = keyed.of_type("Custom::CDKBucketDeployment").values()
    texts = {}
    for folder, markers in zip(uploads(assembly)[1:], pages["SourceMarkers"], strict=True):
        for file in (it for it in folder.rglob("*") if it.is_file()):
            text = file.read_text()
            for marker, value in markers.items():
                text = text.replace(marker, readable(value))
            texts[file.name] = text
    (api,) = keyed.of_type("AWS::AppSync::GraphQLApi")
    found = json.loads(texts[Path(CONFIGURATION_PATH).name])

    assert re.search(r"connect-src 'self' [^;\"]*\"", texts[INDEX])
    assert f'{api}.GraphQLUrl {api}.RealtimeUrl"' in texts[INDEX]
    assert "appsync-api" not in texts[INDEX]
    assert found.keys() == {"target", "graphqlUrl", "realtimeUrl", "signIn"}
    assert found["signIn"].keys() == {"kind", "authority", "clientId", "signInUrl"}
    assert found["signIn"]["clientId"] == named(keyed, "AWS::Cognito::UserPoolClient", "ConsoleClient")
