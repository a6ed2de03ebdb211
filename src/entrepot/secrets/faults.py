"""What secrets refuse, in the words of AWS Secrets Manager."""

from entrepot.errors import Fault


class SecretNotFound(Fault, aws="ResourceNotFoundException", oci="UNSUPPORTED"):
    """There is no such secret, or no longer."""

    message = "Secrets Manager can't find the specified secret."


class ValueNotFound(Fault, aws="ResourceNotFoundException", oci="UNSUPPORTED"):
    """The secret has no such version, or none with that label. Members: what, which."""

    message = "Secrets Manager can't find the specified secret value for {what}: {which}"


class LabelElsewhere(Fault, aws="InvalidRequestException", oci="UNSUPPORTED"):
    """The version that was named has not the label that was named."""

    message = "You provided a VersionStage that is not associated to the provided VersionId."


class NameInvalid(Fault, aws="ValidationException", oci="UNSUPPORTED"):
    """What should name a secret has no form that a name of secrets has."""

    message = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"


class SecretExists(Fault, aws="ResourceExistsException", oci="UNSUPPORTED"):
    """The name is taken. Members: name."""

    message = "The operation failed because the secret {name} already exists."


class NameIsBeingDeleted(Fault, aws="InvalidRequestException", oci="UNSUPPORTED"):
    """The name is taken by a secret that is about to go."""

    message = "You can't create this secret because a secret with this name is already scheduled for deletion."


class SecretIsBeingDeleted(Fault, aws="InvalidRequestException", oci="UNSUPPORTED"):
    """The secret is about to go; it can be restored."""

    message = "You can't perform this operation on the secret because it was marked for deletion."


class TokenMissing(Fault, aws="InvalidRequestException", oci="UNSUPPORTED"):
    """SDKs send one by themselves."""

    message = "You must provide a ClientRequestToken value. We recommend a UUID-type value."


class TokenTaken(Fault, aws="ResourceExistsException", oci="UNSUPPORTED"):
    """The version of that id has another value. Members: token, arn."""

    message = (
        "You can't use ClientRequestToken {token} because that value is already in use for a version of secret {arn}."
    )


class ValueMissing(Fault, aws="InvalidRequestException", oci="UNSUPPORTED"):
    """A version has a value."""

    message = "You must provide either SecretString or SecretBinary."


class ValueTwice(Fault, aws="InvalidParameterException", oci="UNSUPPORTED"):
    """A version has one value."""

    message = "You can't specify both a binary secret value and a string secret value in the same secret."


class WindowInvalid(Fault, aws="InvalidParameterException", oci="UNSUPPORTED"):
    """A deletion can be called off for a week to a month."""

    message = "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."


class WindowWithoutRecovery(Fault, aws="InvalidParameterException", oci="UNSUPPORTED"):
    """A deletion can be called off, or not."""

    message = "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."


class LabelStaysAttached(Fault, aws="InvalidParameterException", oci="UNSUPPORTED"):
    """Who moves a label says from where. Members: label, version."""

    message = (
        "The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to version "
        "{version}, so you must explicitly reference that version in RemoveFromVersionId."
    )


class LabelNotAttached(Fault, aws="InvalidParameterException", oci="UNSUPPORTED"):
    """A label is to be taken from a version that has it not. Members: label, version."""

    message = "Staging label {label} is not currently attached to version {version}."


class CurrentStays(Fault, aws="InvalidParameterException", oci="UNSUPPORTED"):
    """Some version is the current one. Members: label."""

    message = "You can only move staging label {label} to a different secret version. It can’t be completely removed."


class QuotaExceeded(Fault, aws="LimitExceededException", oci="UNSUPPORTED"):
    """An account or a secret has as many of something as it may. Members: what, limit."""

    message = "You have reached the maximum number of {what}: {limit}"


class TagRefused(Fault, aws="InvalidParameterException", oci="UNSUPPORTED"):
    """Tags break a rule. Members: reason."""

    message = "{reason}"


class KeyForbidden(Fault, aws="AccessDeniedException", oci="DENIED"):
    """Who asks may not use the key under which the value is, or shall be."""

    message = "Access to KMS is not allowed"


class EncryptionFailure(Fault, aws="EncryptionFailure", oci="UNSUPPORTED"):
    """The key is not there, or does not work."""

    message = (
        "Secrets Manager can't encrypt the protected secret text using the provided KMS key. "
        "Check that the KMS key is available, enabled, and not in an invalid state."
    )


class DecryptionFailure(Fault, aws="DecryptionFailure", oci="UNSUPPORTED"):
    """The key is gone or does not work, or the value was tampered with."""

    message = "Secrets Manager can't decrypt the protected secret text using the provided KMS key."


class Unsupported(Fault, aws="InvalidRequestException", oci="UNSUPPORTED"):
    """Secrets here are of one region, and of nobody else's service. Members: what."""

    message = "{what} is not supported"


class MarkerInvalid(Fault, aws="InvalidNextTokenException", oci="UNSUPPORTED"):
    """It is no token of this list."""

    message = "The NextToken value is invalid."
