"""Keys and values on repositories."""

from collections.abc import Mapping, Sequence

from entrepot.call import Call
from entrepot.identity.rows import raise_generation
from entrepot.registry import repositories, resource_tags
from entrepot.registry.repositories import Repository
from entrepot.services.ecr import arns, shapes
from entrepot.services.ecr.shapes import Output


def tag_resource(call: Call, *, resource_arn: str, tags: Sequence[Mapping[str, str]]) -> Output:
    """
    Put tags on a repository; those of other keys stay.

    Raises: RepositoryNotFound, InvalidTagParameter, TooManyTags.
    Source: Amazon ECR API reference, TagResource.
    """
    resource_tags.put(call.tx, _repository(call, resource_arn).id, shapes.resource_tags(tags))
    raise_generation(call.tx)
    return {}


def untag_resource(call: Call, *, resource_arn: str, tag_keys: Sequence[str]) -> Output:
    """
    Take tags off a repository. Raises: RepositoryNotFound.

    Source: Amazon ECR API reference, UntagResource.
    """
    resource_tags.remove(call.tx, _repository(call, resource_arn).id, tag_keys)
    raise_generation(call.tx)
    return {}


def list_tags_for_resource(call: Call, *, resource_arn: str) -> Output:
    """
    The tags of a repository. Raises: RepositoryNotFound.

    Source: Amazon ECR API reference, ListTagsForResource.
    """
    tags = resource_tags.of(call.tx, _repository(call, resource_arn).id)
    return {"tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _repository(call: Call, resource_arn: str) -> Repository:
    registry, name = arns.repository_of(resource_arn, call.registry)
    return repositories.get(call.tx, registry, name)
