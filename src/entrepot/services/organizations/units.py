"""Units of the organization, and what lies in what."""

from collections.abc import Sequence

from entrepot.call import Call
from entrepot.identity import organization_tree
from entrepot.identity.organization_tree import Unit
from entrepot.services.organizations import shapes
from entrepot.services.organizations.shapes import Output, Tags


def create_organizational_unit(call: Call, *, parent_id: str, name: str, tags: Tags = ()) -> Output:
    """
    A unit in the root or in another unit. Source: AWS Organizations API reference, CreateOrganizationalUnit.

    Raises: NotInOrganization, NotManagement, ParentNotFound, DuplicateUnit, Constraint, OrganizationInput.
    """
    of = shapes.managed(call)
    made = organization_tree.create_unit(call.tx, of, parent_id, name=name, tags=shapes.tags(tags))
    return {"OrganizationalUnit": shapes.unit(of, made)}


def describe_organizational_unit(call: Call, *, organizational_unit_id: str) -> Output:
    """
    One unit. Source: AWS Organizations API reference, DescribeOrganizationalUnit.

    Raises: NotInOrganization, NotManagement, UnitNotFound.
    """
    of = shapes.managed(call)
    return {"OrganizationalUnit": shapes.unit(of, organization_tree.get_unit(call.tx, of, organizational_unit_id))}


def update_organizational_unit(call: Call, *, organizational_unit_id: str, name: str | None = None) -> Output:
    """
    Give a unit another name. Source: AWS Organizations API reference, UpdateOrganizationalUnit.

    Raises: NotInOrganization, NotManagement, UnitNotFound, DuplicateUnit, OrganizationInput.
    """
    of = shapes.managed(call)
    unit = organization_tree.get_unit(call.tx, of, organizational_unit_id)
    if name is not None:
        unit = organization_tree.rename_unit(call.tx, of, unit.id, name=name)
    return {"OrganizationalUnit": shapes.unit(of, unit)}


def delete_organizational_unit(call: Call, *, organizational_unit_id: str) -> None:
    """
    Delete an empty unit. Source: AWS Organizations API reference, DeleteOrganizationalUnit.

    Raises: NotInOrganization, NotManagement, UnitNotFound, UnitNotEmpty.
    """
    organization_tree.remove_unit(call.tx, shapes.managed(call), organizational_unit_id)


def list_organizational_units_for_parent(
    call: Call, *, parent_id: str, next_token: str | None = None, max_results: int | None = None
) -> Output:
    """
    The units right in the root or a unit. Source: AWS Organizations API reference, ListOrganizationalUnitsForParent.

    Raises: NotInOrganization, NotManagement, ParentNotFound, OrganizationInput.
    """
    of = shapes.managed(call)

    def read(after: str, limit: int) -> Sequence[Unit]:
        return organization_tree.units_page(call.tx, of, parent_id, after=after, limit=limit)

    found, more = shapes.page(call, parent_id, token=next_token, limit=max_results, read=read, key=lambda each: each.id)
    return {"OrganizationalUnits": [shapes.unit(of, each) for each in found], **more}


def list_parents(call: Call, *, child_id: str, next_token: str | None = None, max_results: int | None = None) -> Output:
    """
    What a unit or an account is in. Source: AWS Organizations API reference, ListParents.

    Raises: NotInOrganization, NotManagement, ChildNotFound.
    """
    of = shapes.managed(call)
    parent = organization_tree.parent_of(call.tx, child_id)
    return {"Parents": [{"Id": parent, "Type": "ROOT" if parent == of.root_id else "ORGANIZATIONAL_UNIT"}]}


def list_children(
    call: Call, *, parent_id: str, child_type: str, next_token: str | None = None, max_results: int | None = None
) -> Output:
    """
    The units, or the accounts, right in the root or a unit. Source: AWS Organizations API reference, ListChildren.

    Raises: NotInOrganization, NotManagement, ParentNotFound, OrganizationInput.
    """
    of = shapes.managed(call)

    def read(after: str, limit: int) -> Sequence[str]:
        if child_type == "ACCOUNT":
            members = organization_tree.accounts_page(call.tx, of, parent_id, after=after, limit=limit)
            return [each.account for each in members]
        return [each.id for each in organization_tree.units_page(call.tx, of, parent_id, after=after, limit=limit)]

    found, more = shapes.page(call, parent_id, child_type, token=next_token, limit=max_results, read=read, key=str)
    return {"Children": [{"Id": each, "Type": child_type} for each in found], **more}
