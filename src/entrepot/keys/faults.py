"""What customer keys refuse, in the words of AWS KMS."""

from entrepot.errors import Fault


class KeyNotFound(Fault, aws="NotFoundException", oci="UNSUPPORTED"):
    """There is no such key, or no longer. Members: arn."""

    message = "Key '{arn}' does not exist"


class KeyIdInvalid(Fault, aws="NotFoundException", oci="UNSUPPORTED"):
    """What should name a key has no form that a name of keys has. Members: id."""

    message = "Invalid keyId '{id}'"


class ElsewhereInvalid(Fault, aws="NotFoundException", oci="UNSUPPORTED"):
    """An ARN of another region than the one that is asked. Members: region."""

    message = "Invalid arn {region}"


class ArnInvalid(Fault, aws="InvalidArnException", oci="UNSUPPORTED"):
    """What should be the ARN of a key is none. Members: arn."""

    message = "ARN is not valid: '{arn}'"


class PrincipalInvalid(Fault, aws="InvalidArnException", oci="UNSUPPORTED"):
    """Nobody whom a grant can name. Members: arn."""

    message = "ARN does not refer to a valid principal: {arn}"


class AliasNotFound(Fault, aws="NotFoundException", oci="UNSUPPORTED"):
    """There is no such alias. Members: arn."""

    message = "Alias {arn} is not found."


class AliasExists(Fault, aws="AlreadyExistsException", oci="UNSUPPORTED"):
    """The name is taken. Members: arn."""

    message = "An alias with the name {arn} already exists"


class AliasPrefixMissing(Fault, aws="ValidationException", oci="UNSUPPORTED"):
    """A name of aliases that does not say so."""

    message = (
        'Alias must start with the prefix "alias/". '
        "Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
    )


class AliasNameInvalid(Fault, aws="ValidationException", oci="UNSUPPORTED"):
    """A name of aliases with a colon, which the service model takes. Members: name."""

    message = "{name} contains invalid characters for an alias"


class AliasReserved(Fault, aws="NotAuthorizedException", oci="DENIED"):
    """Names that begin with ``alias/aws/`` are those of services."""

    message = ""


class AliasOfAKey(Fault, aws="ValidationException", oci="UNSUPPORTED"):
    """An alias was named where a key has to be."""

    message = "Aliases must refer to keys. Not aliases"


class KeyDisabled(Fault, aws="DisabledException", oci="UNSUPPORTED"):
    """The key is switched off. Members: arn."""

    message = "{arn} is disabled."


class KeyPendingDeletion(Fault, aws="KMSInvalidStateException", oci="UNSUPPORTED"):
    """The key is about to be deleted. Members: arn."""

    message = "{arn} is pending deletion."


class KeyNotPendingDeletion(Fault, aws="KMSInvalidStateException", oci="UNSUPPORTED"):
    """There is no deletion to call off. Members: arn."""

    message = "{arn} is not pending deletion."


class CiphertextInvalid(Fault, aws="InvalidCiphertextException", oci="UNSUPPORTED"):
    """It does not open: which part of it or of its context is to blame is not told."""

    message = ""


class KeyIncorrect(Fault, aws="IncorrectKeyException", oci="UNSUPPORTED"):
    """The ciphertext is another key's than the one that was named."""

    message = "The key ID in the request does not identify a CMK that can perform this operation."


class KeyPolicyMalformed(Fault, aws="MalformedPolicyDocumentException", oci="UNSUPPORTED"):
    """A key policy breaks a rule. Members: reason."""

    message = "{reason}"


class KeyPolicyLocksOut(Fault, aws="MalformedPolicyDocumentException", oci="UNSUPPORTED"):
    """Nobody who asks like this could change the policy again."""

    message = "The new key policy will not allow you to update the key policy in the future."


class KeyPolicyNotFound(Fault, aws="NotFoundException", oci="UNSUPPORTED"):
    """A key has one policy, and its name is ``default``."""

    message = "No such policy exists"


class GrantNotFound(Fault, aws="NotFoundException", oci="UNSUPPORTED"):
    """There is no such grant on the key. Members: id."""

    message = "Grant ID {id} not found"


class GrantTokenInvalid(Fault, aws="InvalidGrantTokenException", oci="UNSUPPORTED"):
    """It is no token of a grant."""

    message = "Invalid grant token"


class RotationsExhausted(Fault, aws="LimitExceededException", oci="UNSUPPORTED"):
    """The key was rotated on demand as often as it may be. Members: arn."""

    message = (
        "The on-demand rotations limit has been reached for the given keyId. "
        "No more on-demand rotations can be performed for this key: {arn}"
    )


class QuotaExceeded(Fault, aws="LimitExceededException", oci="UNSUPPORTED"):
    """A key or an account has as many of something as it may. Members: what, limit."""

    message = "You have reached the maximum number of {what}: {limit}"


class TagRefused(Fault, aws="TagException", oci="UNSUPPORTED"):
    """Tags break a rule. Members: reason."""

    message = "{reason}"


class MarkerInvalid(Fault, aws="InvalidMarkerException", oci="UNSUPPORTED"):
    """It is no marker of this list."""

    message = "Invalid marker"


class Unsupported(Fault, aws="UnsupportedOperationException", oci="UNSUPPORTED"):
    """Keys here are symmetric, of this deployment and of one region. Members: what."""

    message = "{what} is not supported"


class KmsUnavailable(Fault, aws="KmsException", oci="DENIED"):
    """A service may not, or cannot, use a key for a customer. Members: kms_error (a code of KMS's), reason."""

    message = "{reason}"


class DryRun(Fault, aws="DryRunOperationException", oci="UNSUPPORTED"):
    """Only whether it would succeed was asked."""

    message = "The request would have succeeded, but the DryRun option is set."
