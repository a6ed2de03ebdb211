"""Refusals of the organization, in the words of AWS Organizations."""

from entrepot.errors import Fault


class NotInOrganization(Fault, aws="AWSOrganizationsNotInUseException", oci="DENIED"):
    """The account belongs to no organization."""

    message = "Your account is not a member of an organization."


class AlreadyInOrganization(Fault, aws="AlreadyInOrganizationException", oci="DENIED"):
    """The account belongs to an organization already."""

    message = "The provided account is already a member of an organization."


class NotManagement(Fault, aws="AccessDeniedException", oci="DENIED"):
    """Only the organization's management account may do this, whatever policies say."""

    message = "You don't have permissions to access this resource."


class ManagementStays(Fault, aws="MasterCannotLeaveOrganizationException", oci="DENIED"):
    """The management account goes only with the organization."""

    message = "You can't remove a management account from an organization."


class OrganizationNotEmpty(Fault, aws="OrganizationNotEmptyException", oci="DENIED"):
    """Other accounts, units or policies are still in it."""

    message = "To delete an organization you must first remove all member accounts (except the master)."


class RootNotFound(Fault, aws="RootNotFoundException", oci="DENIED"):
    """The root is another one's."""

    message = "You specified a root that doesn't exist."


class ParentNotFound(Fault, aws="ParentNotFoundException", oci="DENIED"):
    """Neither the root nor a unit."""

    message = "You specified parent that doesn't exist."


class SourceParentNotFound(Fault, aws="SourceParentNotFoundException", oci="DENIED"):
    """The account is not there."""

    message = "You specified source parent that doesn't exist."


class DestinationParentNotFound(Fault, aws="DestinationParentNotFoundException", oci="DENIED"):
    """Neither the root nor a unit."""

    message = "You specified destination parent that doesn't exist."


class ChildNotFound(Fault, aws="ChildNotFoundException", oci="DENIED"):
    """Neither a unit nor an account of the organization."""

    message = "You specified a child that doesn't exist."


class UnitNotFound(Fault, aws="OrganizationalUnitNotFoundException", oci="DENIED"):
    """No unit of that id."""

    message = "You specified an organizational unit that doesn't exist."


class UnitNotEmpty(Fault, aws="OrganizationalUnitNotEmptyException", oci="DENIED"):
    """Units or accounts are still in it."""

    message = "The organizational unit is not empty."


class DuplicateUnit(Fault, aws="DuplicateOrganizationalUnitException", oci="DENIED"):
    """The parent has a unit of that name."""

    message = "An OU with the same name already exists."


class AccountNotFound(Fault, aws="AccountNotFoundException", oci="DENIED"):
    """No account of the organization."""

    message = "You specified an account that doesn't exist."


class DuplicateAccount(Fault, aws="DuplicateAccountException", oci="DENIED"):
    """The account is there already."""

    message = "That account is already present in the specified destination."


class StatusNotFound(Fault, aws="CreateAccountStatusNotFoundException", oci="DENIED"):
    """No account was asked for under that id."""

    message = "You specified a create account request that doesn't exist."


class PolicyMissing(Fault, aws="PolicyNotFoundException", oci="DENIED"):
    """No policy of that id."""

    message = "We can't find a policy with the PolicyId that you specified."


class DuplicatePolicy(Fault, aws="DuplicatePolicyException", oci="DENIED"):
    """A policy of that kind has the name."""

    message = "A policy with the same name already exists."


class PolicyMalformed(Fault, aws="MalformedPolicyDocumentException", oci="DENIED"):
    """The document is none of its kind. Members: why."""

    message = "The provided policy document does not meet the requirements of the specified policy type. {why}"


class PolicyAttached(Fault, aws="PolicyInUseException", oci="DENIED"):
    """The policy is still attached."""

    message = (
        "The specified policy is attached to one or more entities. "
        "You must detach it from all roots, OUs, and accounts before performing this operation."
    )


class PolicyNotAttached(Fault, aws="PolicyNotAttachedException", oci="DENIED"):
    """The target does not have the policy."""

    message = "The policy isn't attached to the specified target."


class DuplicateAttachment(Fault, aws="DuplicatePolicyAttachmentException", oci="DENIED"):
    """The target has the policy."""

    message = "The specified policy is already attached to the specified target."


class TargetNotFound(Fault, aws="TargetNotFoundException", oci="DENIED"):
    """Neither the root nor a unit nor an account of the organization."""

    message = "You specified a target that doesn't exist."


class TypeNotEnabled(Fault, aws="PolicyTypeNotEnabledException", oci="DENIED"):
    """Policies of that kind are not in use."""

    message = "This operation can be performed only for enabled policy types."


class TypeEnabled(Fault, aws="PolicyTypeAlreadyEnabledException", oci="DENIED"):
    """Policies of that kind are in use already."""

    message = "The specified policy type is already enabled."


class TypeNotAvailable(Fault, aws="PolicyTypeNotAvailableForOrganizationException", oci="DENIED"):
    """Policies of that kind do nothing here, so there are none."""

    message = "You can't use the specified policy type with the feature set currently enabled for this organization."


class Constraint(Fault, aws="ConstraintViolationException", oci="DENIED"):
    """A limit. Members: reason (a code), why."""

    message = "{why}"


class OrganizationInput(Fault, aws="InvalidInputException", oci="DENIED"):
    """A parameter breaks a rule that the model does not know. Members: reason (a code), why."""

    message = "{why}"
