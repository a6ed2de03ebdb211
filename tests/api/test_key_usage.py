"""When a key was last used is told within seconds."""

import time
from typing import Any


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
