"""What callers ask about themselves, about an access key, and about a refusal."""

from typing import Any

from entrepot.call import Call, moves_bytes
from entrepot.identity import messages, sessions
from entrepot.identity.session_faults import SessionInvalid


def get_caller_identity(call: Call) -> dict[str, str]:
    """
    The caller's unique id, account and ARN. Nobody needs a right for this.

    Source: AWS STS API reference, GetCallerIdentity.
    """
    principal = call.principal
    return {"UserId": principal.id, "Account": principal.account, "Arn": principal.arn}


def get_access_key_info(call: Call, *, access_key_id: str) -> dict[str, str]:
    """
    The account that an access key belongs to, whether the key works or not.

    Raises: SessionInvalid. Source: AWS STS API reference, GetAccessKeyInfo.
    """
    account = sessions.account_of_key(access_key_id)
    if account is None:
        credential = call.directory.credential(access_key_id)
        account = None if credential is None else credential.principal.account
    if account is None:
        raise SessionInvalid(reason=f"The access key {access_key_id} does not exist")
    return {"Account": account}


@moves_bytes
def decode_authorization_message(call: Call, *, encoded_message: str) -> dict[str, Any]:
    """
    What a sealed message says about a refusal, for those of the account that was refused.

    Raises: MessageInvalid. Source: AWS STS API reference, DecodeAuthorizationMessage.
    """
    return {
        "DecodedMessage": messages.open_message(call.directory.ring, encoded_message, account=call.registry.account)
    }
