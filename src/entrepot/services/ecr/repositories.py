"""Repositories: create, describe, delete, and their settings."""

from collections.abc import Mapping, Sequence
from typing import Any

from entrepot.call import Call
from entrepot.registry import listings, repositories
from entrepot.registry.mutability import Mutability
from entrepot.services.ecr import encryption, shapes
from entrepot.services.ecr.paging import Paging, refuse_with
from entrepot.services.ecr.shapes import Output

Filters = Sequence[Mapping[str, str]]


def create_repository(
    call: Call,
    *,
    repository_name: str,
    registry_id: str | None = None,
    tags: Sequence[Mapping[str, str]] = (),
    image_tag_mutability: str = "MUTABLE",
    image_tag_mutability_exclusion_filters: Filters = (),
    image_scanning_configuration: Mapping[str, bool] | None = None,
    encryption_configuration: Mapping[str, str] | None = None,
) -> Output:
    """
    Make a repository.

    Raises: RepositoryAlreadyExists, InvalidTagParameter, TooManyTags, LimitExceeded, KmsUnavailable, InvalidParameter.
    Source: Amazon ECR API reference, CreateRepository.
    """
    registry = call.addressed(registry_id)
    repository = repositories.create(
        call.tx,
        registry,
        name=repository_name,
        mutability=_mutability(image_tag_mutability, image_tag_mutability_exclusion_filters),
        scan_on_push=_scan_on_push(image_scanning_configuration),
        tags=shapes.resource_tags(tags),
        quota=call.runtime.settings.repositories_per_registry,
        encryption=encryption.granted(call, encryption_configuration, registry=registry, name=repository_name),
    )
    return {"repository": shapes.repository(repository, call.runtime.settings)}


def describe_repositories(
    call: Call,
    *,
    registry_id: str | None = None,
    repository_names: Sequence[str] = (),
    next_token: str | None = None,
    max_results: int | None = None,
) -> Output:
    """
    The repositories that are named, or a page of all, by name.

    Raises: RepositoryNotFound, InvalidParameter.
    Source: Amazon ECR API reference, DescribeRepositories.
    """
    registry, settings = call.addressed(registry_id), call.runtime.settings
    if repository_names:
        refuse_with("repositoryNames", next_token, max_results)
        named = [repositories.get(call.tx, registry, name) for name in dict.fromkeys(repository_names)]
        return {"repositories": [shapes.repository(repository, settings) for repository in named]}
    paging = Paging(call, "DescribeRepositories", registry.account)
    (after,) = paging.key(next_token) or ("",)
    found, more = listings.list_repositories(call.tx, registry, limit=max_results or 100, after=after)
    output: Output = {"repositories": [shapes.repository(repository, settings) for repository in found]}
    if more:
        output["nextToken"] = paging.token(found[-1].name)
    return output


def delete_repository(
    call: Call, *, repository_name: str, registry_id: str | None = None, force: bool = False
) -> Output:
    """
    Remove a repository, with *force* also one that holds images.

    Raises: RepositoryNotFound, RepositoryNotEmpty, KmsUnavailable.
    Source: Amazon ECR API reference, DeleteRepository.
    """
    repository = repositories.get(call.tx, call.addressed(registry_id), repository_name)
    repositories.delete(call.tx, repository, force=force)
    encryption.retire(call, repository)
    return {"repository": shapes.repository(repository, call.runtime.settings)}


def put_image_tag_mutability(
    call: Call,
    *,
    repository_name: str,
    image_tag_mutability: str,
    registry_id: str | None = None,
    image_tag_mutability_exclusion_filters: Filters = (),
) -> Output:
    """
    Decide whether tags may be moved to another image. It replaces the filters too, and no tag moves by it.

    Raises: RepositoryNotFound, InvalidParameter.
    Source: Amazon ECR API reference, PutImageTagMutability.
    """
    repository = repositories.get(call.tx, call.addressed(registry_id), repository_name)
    mutability = _mutability(image_tag_mutability, image_tag_mutability_exclusion_filters)
    repositories.update(call.tx, repository, mutability=mutability)
    return {**shapes.belongs(repository), **shapes.mutability(mutability)}


def put_image_scanning_configuration(
    call: Call,
    *,
    repository_name: str,
    image_scanning_configuration: Mapping[str, bool],
    registry_id: str | None = None,
) -> Output:
    """
    Decide whether images are scanned when they are pushed.

    Raises: RepositoryNotFound.
    Source: Amazon ECR API reference, PutImageScanningConfiguration.
    """
    repository = repositories.get(call.tx, call.addressed(registry_id), repository_name)
    scan_on_push = _scan_on_push(image_scanning_configuration)
    repositories.update(call.tx, repository, scan_on_push=scan_on_push)
    return {**shapes.belongs(repository), "imageScanningConfiguration": {"scanOnPush": scan_on_push}}


def _mutability(setting: str, filters: Filters) -> Mutability:
    return Mutability.parse(setting, tuple(entry["filter"] for entry in filters))


def _scan_on_push(configuration: Mapping[str, Any] | None) -> bool:
    return bool((configuration or {}).get("scanOnPush"))
