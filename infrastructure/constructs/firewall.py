"""A firewall in front of the API, which blocks addresses that send too many requests."""

from typing import Final

from aws_cdk import aws_appsync as appsync
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from chalicelib.api.calls import Reporting
from infrastructure.protection import RateRule

# What begins the `authorization` header of a signed request. AppSync refuses a wrong signature without invoking
# anything of the stack.
SIGNED: Final = "aws4-hmac-sha256"
UNCHANGED: Final = waf.CfnWebACL.TextTransformationProperty(priority=0, type="NONE")
LOWER_CASE: Final = waf.CfnWebACL.TextTransformationProperty(priority=0, type="LOWERCASE")


class Firewall(Construct):
    """An AWS WAF with one rule by rate. Workers, which may share an address, are not counted.

    Args:
        api: The API to protect.
        rule: How many requests an address may send.
        reporting: How workers authenticate.
    """

    def __init__(
        self, scope: Construct, id_: str, *, api: appsync.CfnGraphQLApi, rule: RateRule, reporting: Reporting
    ) -> None:
        super().__init__(scope, id_)
        acl = waf.CfnWebACL(
            self,
            "Acl",
            scope="REGIONAL",
            description="blocks addresses that send too many requests",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_counted("Requests"),
            rules=[
                waf.CfnWebACL.RuleProperty(
                    name="Rate",
                    priority=0,
                    action=waf.CfnWebACL.RuleActionProperty(block={}),
                    statement=waf.CfnWebACL.StatementProperty(
                        rate_based_statement=waf.CfnWebACL.RateBasedStatementProperty(
                            aggregate_key_type="IP",
                            limit=rule.requests,
                            evaluation_window_sec=rule.seconds,
                            scope_down_statement=_not_of_a_worker(reporting),
                        )
                    ),
                    visibility_config=_counted("Blocked"),
                )
            ],
        )
        waf.CfnWebACLAssociation(self, "Association", resource_arn=api.attr_arn, web_acl_arn=acl.attr_arn)


def _not_of_a_worker(reporting: Reporting) -> waf.CfnWebACL.StatementProperty:
    match reporting:
        case Reporting.SIGNATURE:
            worker = waf.CfnWebACL.StatementProperty(
                byte_match_statement=waf.CfnWebACL.ByteMatchStatementProperty(
                    field_to_match=_header("authorization"),
                    positional_constraint="STARTS_WITH",
                    search_string=SIGNED,
                    text_transformations=[LOWER_CASE],
                )
            )
        case Reporting.API_KEY:
            worker = waf.CfnWebACL.StatementProperty(
                size_constraint_statement=waf.CfnWebACL.SizeConstraintStatementProperty(
                    field_to_match=_header("x-api-key"),
                    comparison_operator="GT",
                    size=0,
                    text_transformations=[UNCHANGED],
                )
            )
    return waf.CfnWebACL.StatementProperty(not_statement=waf.CfnWebACL.NotStatementProperty(statement=worker))


def _header(name: str) -> waf.CfnWebACL.FieldToMatchProperty:
    return waf.CfnWebACL.FieldToMatchProperty(single_header={"Name": name})


def _counted(metric: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    """Count the requests. Samples are off, because they contain the headers of requests, and so tokens."""
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=metric, sampled_requests_enabled=False
    )
