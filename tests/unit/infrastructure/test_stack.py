"""What the stack contains, and who may create users."""

from tests.support.cloudformation import Template


def test_nothing_serves_http_but_the_api(dev: Template) -> None:
    kinds = {it["Type"] for it in dev.resources.values()}

    assert not [kind for kind in kinds if "ApiGateway" in kind or kind in ("AWS::Serverless::Api", "AWS::Lambda::Url")]


def test_no_placeholder_is_left(dev: Template) -> None:
    assert "placeholder" not in dev.path.read_text().lower()
    assert "000000000000" not in dev.path.read_text()


def test_who_makes_users_is_the_stages_choice(dev: Template, keyed: Template) -> None:
    assert dev.only("AWS::Cognito::UserPool")["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
    assert keyed.only("AWS::Cognito::UserPool")["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is False


def test_a_second_factor_is_optional_in_production_and_never_a_text_message(dev: Template, prod: Template) -> None:
    assert dev.only("AWS::Cognito::UserPool")["MfaConfiguration"] == "OFF"
    assert prod.only("AWS::Cognito::UserPool")["MfaConfiguration"] == "OPTIONAL"
    assert prod.only("AWS::Cognito::UserPool")["EnabledMfas"] == ["SOFTWARE_TOKEN_MFA"]


def test_outputs_are_what_the_command_line_reads(dev: Template) -> None:
    assert {"GraphqlUrl", "RealtimeUrl", "Region", "UserPoolId", "ClientId"} <= dev.body["Outputs"].keys()
