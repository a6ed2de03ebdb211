"""Refusals of this domain, in the words of IAM and of ECR."""

from entrepot.errors import Fault


class TokenInvalid(Fault, aws="InvalidParameterException", oci="UNAUTHORIZED"):
    """A sealed token that this deployment did not make, or not for this use, or too long ago."""

    message = "The token is not valid"


class LoginInvalid(Fault, aws="UnrecognizedClientException", oci="UNAUTHORIZED"):
    """A login password that proves nothing (any more): the answer is 401 and never says why."""

    message = "Not Authorized"


class LoginExpired(Fault, aws="UnrecognizedClientException", oci="DENIED"):
    """A login password past its 12 hours: the answer is 403. Source: ecr-api B.5."""

    message = "Your authorization token has expired. Reauthenticate and try again."


class EntityNotFound(Fault, aws="NoSuchEntity", oci="DENIED"):
    """Members: what (``account``, ``user``), name."""

    message = "The {what} with name {name} cannot be found."


class KeyNotFound(Fault, aws="NoSuchEntity", oci="DENIED"):
    """Members: id."""

    message = "The Access Key with id {id} cannot be found."


class EntityAlreadyExists(Fault, aws="EntityAlreadyExists", oci="DENIED"):
    """Members: what (``Account``, ``User``, ``Access key``), name."""

    message = "{what} with name {name} already exists."


class NameRefused(Fault, aws="ValidationError", oci="DENIED"):
    """A name of an account or a user breaks a rule. Members: what, name, reason."""

    message = "'{name}' cannot be the {what}: {reason}."


class TooManyKeys(Fault, aws="LimitExceeded", oci="DENIED"):
    """Members: limit."""

    message = "Cannot exceed quota for AccessKeysPerUser: {limit}"


class ExampleKey(Fault, aws="ValidationError", oci="DENIED"):
    """An access key id that stands in documentation, so that its secret is public. Members: id."""

    message = "The access key id {id} is a well-known example, and everybody knows its secret"


class InvalidMarker(Fault, aws="ValidationError", oci="DENIED"):
    """A marker that was not given for this list, or not lately."""

    message = "Invalid Marker."


class DuplicateTagKeys(Fault, aws="InvalidInput", oci="DENIED"):
    """Two keys of tags in one call are the same but for their case."""

    message = "Duplicate tag keys found. Please note that Tag keys are case insensitive."


class ReservedTagKey(Fault, aws="InvalidInput", oci="DENIED"):
    """Members: key."""

    message = "Tag keys that begin with 'aws:' are reserved: {key}"


class TooManyTags(Fault, aws="LimitExceeded", oci="DENIED"):
    """Members: limit."""

    message = "The number of tags has reached the maximum limit."


class PolicyNotFound(Fault, aws="NoSuchEntity", oci="DENIED"):
    """Also: not attached. Members: arn."""

    message = "Policy {arn} was not found."


class PolicyUnattachable(Fault, aws="NoSuchEntity", oci="DENIED"):
    """Members: arn."""

    message = "Policy {arn} does not exist or is not attachable."


class PolicyVersionNotFound(Fault, aws="NoSuchEntity", oci="DENIED"):
    """Members: arn, version (``v3``)."""

    message = "Policy {arn} version {version} does not exist or is not attachable."


class BoundaryNotFound(Fault, aws="NoSuchEntity", oci="DENIED"):
    """Members: arn."""

    message = "Scope ARN: {arn} does not exist or is not attachable."


class ProfileNotFound(Fault, aws="NoSuchEntity", oci="DENIED"):
    """Members: name."""

    message = "Instance Profile {name} cannot be found."


class ProfileExists(Fault, aws="EntityAlreadyExists", oci="DENIED"):
    """Members: name."""

    message = "Instance Profile {name} already exists."


class PolicyExists(Fault, aws="EntityAlreadyExists", oci="DENIED"):
    """Members: name."""

    message = "A policy called {name} already exists. Duplicate names are not allowed."


class QuotaExceeded(Fault, aws="LimitExceeded", oci="DENIED"):
    """Members: quota (its name), limit."""

    message = "Cannot exceed quota for {quota}: {limit}"


class InlineTooLong(Fault, aws="LimitExceeded", oci="DENIED"):
    """Members: limit (characters that are no white space), kind, name."""

    message = "Maximum policy size of {limit} bytes exceeded for {kind} {name}"


class TooManyVersions(Fault, aws="LimitExceeded", oci="DENIED"):
    """Members: limit."""

    message = (
        "A managed policy can have up to {limit} versions. Before you create a new version, you must delete an "
        "existing version."
    )


class InUse(Fault, aws="DeleteConflict", oci="DENIED"):
    """Something still needs what is to be deleted. Members: reason."""

    message = "{reason}"


class ServicePolicy(Fault, aws="PolicyNotAttachable", oci="DENIED"):
    """A policy that is for a service-linked role alone."""

    message = "Cannot attach a Service Role Policy to a Customer Role."


class ProtectedRole(Fault, aws="UnmodifiableEntity", oci="DENIED"):
    """A service-linked role is its service's. Members: name."""

    message = "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"


class ForeignPolicy(Fault, aws="AccessDeniedException", oci="DENIED"):
    """A policy of AWS or of another account cannot be changed, whatever one may."""

    message = "Policy is outside your own account."


class ArnInvalid(Fault, aws="ValidationError", oci="DENIED"):
    """What stands for the ARN of a policy is none."""

    message = "Invalid ARN:  Could not be parsed!"


class InputInvalid(Fault, aws="InvalidInput", oci="DENIED"):
    """Members: reason."""

    message = "{reason}"
