"""Roles, their trust policies and tags, and the roles that services have for themselves."""

from collections.abc import Mapping, Sequence

from entrepot import clock
from entrepot.call import Call
from entrepot.database import Transaction
from entrepot.identity import boundaries, entity_tags, roles, service_roles, trust
from entrepot.identity.faults import EntityNotFound
from entrepot.identity.managed import SERVICE_PATH
from entrepot.identity.roles import Role
from entrepot.services.iam import paging, shapes
from entrepot.services.iam.shapes import Output


def create_role(
    call: Call,
    *,
    role_name: str,
    assume_role_policy_document: str,
    path: str = "/",
    description: str = "",
    max_session_duration: int = 3600,
    permissions_boundary: str | None = None,
    tags: Sequence[Mapping[str, str]] = (),
) -> Output:
    """
    A new role, to be taken on by whoever its trust policy names.

    Raises: Malformed, PrincipalUnknown, EntityAlreadyExists, QuotaExceeded, InputInvalid, BoundaryNotFound.
    Source: IAM API reference, CreateRole.
    """
    account = call.registry.account
    made = roles.create(
        call.tx,
        account,
        name=role_name,
        trust=trust.parse(call.tx, assume_role_policy_document, account=account),
        path=path,
        description=description,
        max_session=max_session_duration,
        boundary=permissions_boundary,
    )
    entity_tags.tag(call.tx, made.id, shapes.tags_in(tags))
    return {"Role": _created(call.tx, made)}


def get_role(call: Call, *, role_name: str) -> Output:
    """
    One role, with everything that is known of it. Raises: EntityNotFound.

    Source: IAM API reference, GetRole.
    """
    return {"Role": shapes.role_in_full(call.tx, roles.get(call.tx, call.registry.account, name=role_name))}


def list_roles(
    call: Call, *, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> Output:
    """
    The account's roles, without tags, boundaries and last use. Raises: InvalidMarker.

    Source: IAM API reference, ListRoles, which says what it leaves out.
    """
    found, more = paging.page(
        call,
        path_prefix,
        marker=marker,
        max_items=max_items,
        read=lambda after, limit: roles.page(
            call.tx, call.registry.account, prefix=path_prefix, after=after, limit=limit
        ),
        key=lambda role: role.name,
    )
    return {"Roles": [{**shapes.role(call.tx, role), "PermissionsBoundary": None} for role in found], **more}


def update_role(
    call: Call, *, role_name: str, description: str | None = None, max_session_duration: int | None = None
) -> Output:
    """
    Another description or longest session. Raises: EntityNotFound, ProtectedRole.

    Source: IAM API reference, UpdateRole: without a longest session an hour is set. A description that is left
    out stays: Terraform counts on it.
    """
    find = roles.get if max_session_duration is None else roles.modifiable
    role = find(call.tx, call.registry.account, name=role_name)
    roles.describe(call.tx, role, description=description, max_session=max_session_duration or roles.HOUR)
    return {}


def update_role_description(call: Call, *, role_name: str, description: str) -> Output:
    """
    Another description, also of a service-linked role. Raises: EntityNotFound.

    Source: IAM API reference, UpdateRoleDescription; IAM user guide, "Edit a service-linked role description".
    """
    role = roles.get(call.tx, call.registry.account, name=role_name)
    roles.describe(call.tx, role, description=description)
    return {"Role": shapes.role(call.tx, roles.get(call.tx, role.account, name=role_name))}


def update_assume_role_policy(call: Call, *, role_name: str, policy_document: str) -> Output:
    """
    Another trust policy. Raises: EntityNotFound, ProtectedRole, Malformed, PrincipalUnknown, QuotaExceeded.

    Source: IAM API reference, UpdateAssumeRolePolicy.
    """
    role = roles.modifiable(call.tx, call.registry.account, name=role_name)
    roles.put_trust(call.tx, role, trust.parse(call.tx, policy_document, account=role.account))
    return {}


def delete_role(call: Call, *, role_name: str) -> Output:
    """
    Delete a role that nothing hangs on. Raises: EntityNotFound, ProtectedRole, InUse.

    Source: IAM API reference, DeleteRole.
    """
    roles.remove(call.tx, roles.modifiable(call.tx, call.registry.account, name=role_name))
    return {}


def tag_role(call: Call, *, role_name: str, tags: Sequence[Mapping[str, str]]) -> Output:
    """
    Put tags on a role, also on a service-linked one. Raises: EntityNotFound, and what tags raise.

    Source: IAM API reference, TagRole.
    """
    role = roles.get(call.tx, call.registry.account, name=role_name)
    entity_tags.tag(call.tx, role.id, shapes.tags_in(tags))
    return {}


def untag_role(call: Call, *, role_name: str, tag_keys: Sequence[str]) -> Output:
    """
    Take tags off a role. Raises: EntityNotFound.

    Source: IAM API reference, UntagRole.
    """
    entity_tags.untag(call.tx, roles.get(call.tx, call.registry.account, name=role_name).id, tag_keys)
    return {}


def list_role_tags(call: Call, *, role_name: str, marker: str | None = None, max_items: int | None = None) -> Output:
    """
    The tags of a role. Raises: EntityNotFound, InvalidMarker.

    Source: IAM API reference, ListRoleTags.
    """
    role = roles.get(call.tx, call.registry.account, name=role_name)
    return shapes.page_of_tags(call, role.id, marker, max_items)


def put_role_permissions_boundary(call: Call, *, role_name: str, permissions_boundary: str) -> Output:
    """
    Limit a role by a policy. Raises: EntityNotFound, ProtectedRole, InputInvalid, BoundaryNotFound.

    Source: IAM API reference, PutRolePermissionsBoundary.
    """
    role = roles.modifiable(call.tx, call.registry.account, name=role_name)
    boundaries.put(call.tx, role, permissions_boundary)
    return {}


def delete_role_permissions_boundary(call: Call, *, role_name: str) -> Output:
    """
    Let no policy limit a role any more. Raises: EntityNotFound, ProtectedRole.

    Source: IAM API reference, DeleteRolePermissionsBoundary.
    """
    boundaries.remove(call.tx, roles.modifiable(call.tx, call.registry.account, name=role_name))
    return {}


def create_service_linked_role(
    call: Call, *, aws_service_name: str, description: str | None = None, custom_suffix: str | None = None
) -> Output:
    """
    The role of one of ECR's parts. Raises: InputInvalid.

    Source: IAM API reference, CreateServiceLinkedRole.
    """
    made = service_roles.create(
        call.tx, call.registry.account, aws_service_name, description=description, suffix=custom_suffix
    )
    return {"Role": _created(call.tx, made)}


def delete_service_linked_role(call: Call, *, role_name: str) -> Output:
    """
    Delete the role of one of ECR's parts, at once. Raises: EntityNotFound.

    Source: IAM API reference, DeleteServiceLinkedRole; AWS first looks whether the service still needs it.
    """
    role = service_roles.remove(call.tx, call.registry.account, name=role_name)
    return {"DeletionTaskId": f"task{role.path}{role.name}/{clock.new_uuid()}"}


def get_service_linked_role_deletion_status(call: Call, *, deletion_task_id: str) -> Output:
    """
    That a service-linked role was deleted. Raises: EntityNotFound, for a task that never was, or is undone.

    Source: IAM API reference, GetServiceLinkedRoleDeletionStatus.
    """
    service, _, rest = deletion_task_id.removeprefix(f"task{SERVICE_PATH}").partition("/")
    name, _, task = rest.partition("/")
    if not (deletion_task_id.startswith(f"task{SERVICE_PATH}") and service and name and len(task) == 36):
        raise EntityNotFound(what="deletion task", name=deletion_task_id)
    return {"Status": "SUCCEEDED"}


def _created(tx: Transaction, role: Role) -> Output:
    """Shape Role as the answer to its creation has it."""
    return {**shapes.role(tx, role), "MaxSessionDuration": None, "Tags": shapes.tags_of(tx, role.id)}
