"""Table, bucket and users: how they are protected, and what happens to them with the stack."""

import json

from chalicelib.ledger.dynamodb_items import table_definition
from tests.support.cloudformation import Template, readable


def test_the_table_is_the_one_that_the_ledger_reads(dev: Template) -> None:
    table, wanted = dev.only("AWS::DynamoDB::Table"), table_definition("jobs")
    indexes = [{**index} for index in wanted["GlobalSecondaryIndexes"]]

    assert table["KeySchema"] == wanted["KeySchema"]
    assert table["GlobalSecondaryIndexes"] == indexes
    assert table["AttributeDefinitions"] == wanted["AttributeDefinitions"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_the_table_expires_records_recovers_and_is_encrypted(dev: Template) -> None:
    table = dev.only("AWS::DynamoDB::Table")

    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["SSESpecification"]["SSEEnabled"] is True


def test_the_bucket_is_private_encrypted_and_closed_to_what_is_not_encrypted_on_the_way(dev: Template) -> None:
    bucket, policy = dev.only("AWS::S3::Bucket"), dev.only("AWS::S3::BucketPolicy")
    statement = policy["PolicyDocument"]["Statement"][0]

    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"] == [
        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    ]
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert (statement["Effect"], statement["Action"], statement["Principal"]) == ("Deny", "s3:*", {"AWS": "*"})
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_bucket_that_goes_with_its_stack_is_emptied_first_and_one_that_stays_is_not(
    dev: Template, prod: Template
) -> None:
    (emptied,) = dev.of_type("Custom::S3AutoDeleteObjects").values()
    _, others = dev.only("AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]

    assert readable(emptied["BucketName"]) in dev.of_type("AWS::S3::Bucket")
    assert set(others["Action"]) == {"s3:PutBucketPolicy", "s3:GetBucket*", "s3:List*", "s3:DeleteObject*"}
    assert readable(others["Principal"]["AWS"]).startswith("CustomS3AutoDeleteObjects")
    assert prod.of_type("Custom::S3AutoDeleteObjects") == {}
    assert prod.of_type("AWS::Lambda::Function") == {}
    assert len(prod.only("AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]) == 1


def test_objects_live_as_long_as_their_jobs_and_unused_uploads_a_day(dev: Template) -> None:
    rules = dev.only("AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]

    assert {it["Prefix"]: it["ExpirationInDays"] for it in rules} == {"uploads/": 1, "inputs/": 7, "results/": 7}
    assert {it["Status"] for it in rules} == {"Enabled"}


def test_browsers_may_send_and_read_what_the_api_signed(dev: Template) -> None:
    (rule,) = dev.only("AWS::S3::Bucket")["CorsConfiguration"]["CorsRules"]

    assert (rule["AllowedMethods"], rule["AllowedOrigins"]) == (["PUT", "GET"], ["*"])


STATEFUL = ("AWS::DynamoDB::Table", "AWS::Cognito::UserPool", "AWS::Logs::LogGroup", "AWS::S3::Bucket")


def test_dev_leaves_nothing_behind(dev: Template) -> None:
    kept = [name for name, it in dev.resources.items() if it.get("DeletionPolicy", "Delete") != "Delete"]

    assert kept == []
    assert dev.only("AWS::DynamoDB::Table")["DeletionProtectionEnabled"] is False
    assert dev.only("AWS::Cognito::UserPool")["DeletionProtection"] == "INACTIVE"


def test_production_keeps_its_data_and_is_hard_to_delete(prod: Template) -> None:
    kept = {it["Type"] for it in prod.resources.values() if it.get("DeletionPolicy") == "Retain"}

    assert kept == set(STATEFUL)
    assert prod.only("AWS::DynamoDB::Table")["DeletionProtectionEnabled"] is True
    assert prod.only("AWS::Cognito::UserPool")["DeletionProtection"] == "ACTIVE"


def test_production_cannot_be_deleted_by_mistake_as_a_whole(prod: Template) -> None:
    manifest = json.loads((prod.path.parent / "manifest.json").read_text())["artifacts"]

    assert manifest["longcall-prod"]["properties"]["terminationProtection"] is True
    assert not manifest["longcall-dev"]["properties"].get("terminationProtection")
