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


class AlreadyModified(Fault, aws="ConcurrentModification", oci="DENIED"):
    """Somebody else changed the same thing in the meantime."""

    message = "The request was rejected because multiple requests to change this object were submitted simultaneously."


class NoUserName(Fault, aws="ValidationError", oci="DENIED"):
    """Who is no user must name one."""

    message = "Must specify userName when calling with non-User credentials"


class NotAUser(Fault, aws="InvalidUserType", oci="DENIED"):
    """Who is no user has no password to change."""

    message = "Only IAM Users can change their own password"


class OldPasswordWrong(Fault, aws="AccessDeniedException", oci="DENIED"):
    """The password that was to be changed is another."""

    message = "The old password was incorrect."


class PasswordRefused(Fault, aws="PasswordPolicyViolation", oci="DENIED"):
    """A password breaks the account's rules. Members: reason."""

    message = "{reason}"


class LoginProfileExists(Fault, aws="EntityAlreadyExists", oci="DENIED"):
    """Members: name (of the user)."""

    message = "Login Profile for user {name} already exists."


class LoginProfileNotFound(Fault, aws="NoSuchEntity", oci="DENIED"):
    """Members: name (of the user)."""

    message = "Login Profile for User {name} cannot be found."


class PasswordPolicyNotFound(Fault, aws="NoSuchEntity", oci="DENIED"):
    """Members: account."""

    message = "The Password Policy with domain name {account} cannot be found."


class PasswordPolicyNotFoundToDelete(Fault, aws="NoSuchEntity", oci="DENIED"):
    """The same, when it was to be deleted: AWS words it differently."""

    message = "The account policy with name PasswordPolicy cannot be found."


class AliasTaken(Fault, aws="EntityAlreadyExists", oci="DENIED"):
    """Members: alias."""

    message = "The account alias {alias} already exists."


class AliasNotFound(Fault, aws="NoSuchEntity", oci="DENIED"):
    """Members: alias."""

    message = "The account alias {alias} cannot be found."


class InvalidProviderUrl(Fault, aws="ValidationError", oci="DENIED"):
    """The URL of a provider is none, or has what it may not have."""

    message = "Invalid Open ID Connect Provider URL"


class ProviderExists(Fault, aws="EntityAlreadyExists", oci="DENIED"):
    """Members: url."""

    message = "Provider with url {url} already exists."


class ProviderNotFound(Fault, aws="NoSuchEntity", oci="DENIED"):
    """Members: arn."""

    message = "OpenIDConnect Provider not found for arn {arn}"


class TooManyThumbprints(Fault, aws="InvalidInput", oci="DENIED"):
    """More certificates than a provider can have."""

    message = "Thumbprint list must contain fewer than 5 entries."


class NoThumbprints(Fault, aws="InvalidInput", oci="DENIED"):
    """A provider may begin without thumbprints, and cannot lose those that it has."""

    message = "Thumbprint list must contain at least one entry."


class KeySetRefused(Fault, aws="InvalidInput", oci="DENIED"):
    """Keys of a provider that were given are no set of public keys. Members: reason."""

    message = "{reason}"


class ReportNotPresent(Fault, aws="ReportNotPresent", oci="DENIED"):
    """No report of credentials was made yet."""

    message = "No report present. Please generate a new report."


class ReportExpired(Fault, aws="ReportExpired", oci="DENIED"):
    """The report of credentials is older than four hours."""

    message = "The most recent credential report has expired. Please generate a new report."


class PrincipalUnknown(Fault, aws="MalformedPolicyDocument", oci="DENIED"):
    """A document names somebody who is not there, or cannot be named. Members: kind (``AWS``), name."""

    message = 'Invalid principal in policy: "{kind}":"{name}"'
