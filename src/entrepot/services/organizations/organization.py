"""The organization itself, its root, and which kinds of policies count in it."""

from entrepot.call import Call
from entrepot.identity import organization, organization_policies
from entrepot.identity.organization_faults import OrganizationInput
from entrepot.services.organizations import shapes
from entrepot.services.organizations.shapes import Output


def create_organization(call: Call, *, feature_set: str = "ALL") -> Output:
    """
    An organization that the caller's account manages: the default account of the deployment.

    Raises: AlreadyInOrganization, Constraint, OrganizationInput.
    Source: AWS Organizations API reference, CreateOrganization.
    """
    if feature_set != "ALL":
        raise OrganizationInput(reason="INVALID_ENUM", why="An organization here has all features.")
    made = organization.create(call.tx, call.registry.account, default_account=call.runtime.settings.account)
    return shapes.organization(call, made)


def describe_organization(call: Call) -> Output:
    """
    The organization that the caller's account is in.

    Raises: NotInOrganization. Source: AWS Organizations API reference, DescribeOrganization.
    """
    return shapes.organization(call, organization.of(call.tx, call.registry.account))


def delete_organization(call: Call) -> None:
    """
    Delete the organization, when nobody else is in it.

    Raises: NotInOrganization, NotManagement, OrganizationNotEmpty.
    Source: AWS Organizations API reference, DeleteOrganization.
    """
    organization.remove(call.tx, shapes.managed(call))


def list_aws_service_access_for_organization(
    call: Call, *, next_token: str | None = None, max_results: int | None = None
) -> Output:
    """
    No service was given access, for no service here needs it.

    Source: AWS Organizations API reference, ListAWSServiceAccessForOrganization.
    """
    shapes.managed(call)
    return {"EnabledServicePrincipals": []}


def list_roots(call: Call, *, next_token: str | None = None, max_results: int | None = None) -> Output:
    """
    The one root. Source: AWS Organizations API reference, ListRoots.

    Raises: NotInOrganization, NotManagement.
    """
    return {"Roots": [shapes.root(shapes.managed(call))]}


def enable_policy_type(call: Call, *, root_id: str, policy_type: str) -> Output:
    """
    Let policies of a kind count. Source: AWS Organizations API reference, EnablePolicyType.

    Raises: NotInOrganization, NotManagement, RootNotFound, TypeNotAvailable, TypeEnabled.
    """
    of = shapes.managed(call)
    return {"Root": shapes.root(organization_policies.enable(call.tx, of, root_id, kind=policy_type))}


def disable_policy_type(call: Call, *, root_id: str, policy_type: str) -> Output:
    """
    Let policies of a kind count no longer. Source: AWS Organizations API reference, DisablePolicyType.

    Raises: NotInOrganization, NotManagement, RootNotFound, TypeNotAvailable, TypeNotEnabled.
    """
    return {
        "Root": shapes.root(organization_policies.disable(call.tx, shapes.managed(call), root_id, kind=policy_type))
    }
