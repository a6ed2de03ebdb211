"""Refusals of temporary credentials, in the words of STS."""

from entrepot.errors import Fault


class PackedPolicyTooLarge(Fault, aws="PackedPolicyTooLargeException", oci="DENIED"):
    """Session policies and tags do not fit a session token. Members: percent."""

    message = "Packed policy consumes {percent}% of allotted space, please use smaller policy."


class SessionRefused(Fault, aws="AccessDeniedException", oci="DENIED"):
    """STS does not do this for anybody, or not for this kind of caller. Members: reason."""

    message = "{reason}"


class SessionInvalid(Fault, aws="ValidationException", oci="DENIED"):
    """A parameter breaks a rule that the model does not know. Members: reason."""

    message = "{reason}"


class TagsInvalid(Fault, aws="InvalidParameterValue", oci="DENIED"):
    """Session tags that contradict each other, or the session that asks. Members: reason."""

    message = "{reason}"


class IdentityTokenInvalid(Fault, aws="InvalidIdentityTokenException", oci="DENIED"):
    """A web identity token proves nothing. Members: reason."""

    message = "{reason}"


class IdentityTokenExpired(Fault, aws="ExpiredTokenException", oci="DENIED"):
    """A web identity token was good once. Members: now, expiry (seconds since the epoch)."""

    message = "Token expired: current date/time {now} must be before the expiration date/time {expiry}"


class ProviderUnreachable(Fault, aws="IDPCommunicationErrorException", oci="DENIED"):
    """The provider's keys are not known and cannot be had now; clients may try again."""

    message = (
        "The identity provider that was asked to verify the incoming identity token could not be reached. "
        "Retry your request a limited number of times."
    )


class MessageInvalid(Fault, aws="InvalidAuthorizationMessageException", oci="DENIED"):
    """What is to be decoded is no message of ours for this account."""

    message = "Message is not valid"
