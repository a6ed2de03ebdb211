"""What a call is about: the actions that it needs, and the resource of each. Pure."""

from collections.abc import Mapping
from typing import Any

from entrepot.errors import InvalidParameter
from entrepot.names import Arn, Registry, is_repository_name

# There is no action of this name. Source: Amazon ECR API reference, ListImageReferrers.
_ACTIONS = {"ListImageReferrers": "BatchGetImage"}
_REPOSITORY = "repository/"


def of(operation: str, params: Mapping[str, Any], registry: Registry) -> list[tuple[str, str]]:
    """
    Every (action, resource) that the caller must be allowed. *registry* is the caller's own.

    Raises: InvalidParameter, for an ARN that is none.
    Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon ECR".
    """
    action = f"ecr:{_ACTIONS.get(operation, operation)}"
    if "resource_arn" in params:
        there, name = repository_of(params["resource_arn"], registry)
        return [(action, there.repository_arn(name))]
    there = Registry(params.get("registry_id") or registry.account, registry.region)
    if operation == "DescribeRepositories":
        return [(action, there.repository_arn(name)) for name in params.get("repository_names") or ("*",)]
    if "repository_name" not in params:
        return [(action, "*")]
    resource = there.repository_arn(params["repository_name"])
    if operation == "CreateRepository" and params.get("tags"):
        return [(action, resource), ("ecr:TagResource", resource)]
    return [(action, resource)]


def repository_of(arn: str, registry: Registry) -> tuple[Registry, str]:
    """The registry and the name in the ARN of a repository in the region of *registry*. Raises: InvalidParameter."""
    parts = Arn.find(arn)
    if (
        parts is None
        or (parts.partition, parts.service, parts.region) != ("aws", "ecr", registry.region)
        or not parts.account
        or not parts.resource.startswith(_REPOSITORY)
        or not is_repository_name(parts.resource.removeprefix(_REPOSITORY))
    ):
        raise InvalidParameter(parameter="resourceArn", reason="Invalid ARN")
    return Registry(parts.account, parts.region), parts.resource.removeprefix(_REPOSITORY)
