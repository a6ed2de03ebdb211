"""When a key was last used is told within seconds."""

import json
import time
from typing import Any

import boto3

from tests.support.api import refused
from tests.support.server import REGION


def test_the_last_use_of_a_key_is_told(server, iam, account):
    own = server.aws("iam", key=account.key)
    name = own.create_user(UserName="used")["User"]["UserName"]
    key = own.create_access_key(UserName=name)["AccessKey"]
    never = own.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    assert never["UserName"] == name
    assert never["AccessKeyLastUsed"]["ServiceName"] == "N/A"

    server.aws("sts", key=(key["AccessKeyId"], key["SecretAccessKey"])).get_caller_identity()

    used: dict[str, Any] = {}
    for _ in range(60):
        used = own.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
        if used["ServiceName"] != "N/A":
            break
        time.sleep(0.5)
    assert (used["ServiceName"], used["Region"]) == ("sts", "us-east-1")
    assert used["LastUsedDate"].year >= 2024


def test_the_last_use_of_a_role_is_told(server, account):
    own = server.aws("iam", key=account.key)
    trust = {"Effect": "Allow", "Principal": {"AWS": account.id}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    role = own.create_role(RoleName="used", AssumeRolePolicyDocument=document)["Role"]
    own.create_user(UserName="assumer")
    allow = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role["Arn"]}
    own.put_user_policy(
        UserName="assumer",
        PolicyName="assume",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow}),
    )
    key = own.create_access_key(UserName="assumer")["AccessKey"]
    sts = server.aws("sts", key=(key["AccessKeyId"], key["SecretAccessKey"]))
    made = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="mine")["Credentials"]
    assert own.get_role(RoleName="used")["Role"].get("RoleLastUsed", {}) == {}

    boto3.client(
        "sts",
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id=made["AccessKeyId"],
        aws_secret_access_key=made["SecretAccessKey"],
        aws_session_token=made["SessionToken"],
    ).get_caller_identity()

    used: dict[str, Any] = {}
    for _ in range(60):
        used = own.get_role(RoleName="used")["Role"].get("RoleLastUsed", {})
        if used:
            break
        time.sleep(0.5)
    assert used["Region"] == "us-east-1"


def test_a_user_who_may_ask_about_itself_is_told_of_its_own_keys_alone(server, account):
    own = server.aws("iam", key=account.key)
    itself = f"arn:aws:iam::{account.id}:user/${{aws:username}}"
    allow = {"Effect": "Allow", "Action": "iam:GetAccessKeyLastUsed", "Resource": itself}
    keys = []
    for name in ("curious", "other"):
        own.create_user(UserName=name)
        own.put_user_policy(
            UserName=name,
            PolicyName="own",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow}),
        )
        keys.append(own.create_access_key(UserName=name)["AccessKey"])
    curious = server.aws("iam", key=(keys[0]["AccessKeyId"], keys[0]["SecretAccessKey"]))

    assert curious.get_access_key_last_used(AccessKeyId=keys[0]["AccessKeyId"])["UserName"] == "curious"
    with refused("AccessDenied"):
        curious.get_access_key_last_used(AccessKeyId=keys[1]["AccessKeyId"])
