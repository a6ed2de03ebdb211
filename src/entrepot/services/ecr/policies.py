"""Policies on repositories and on the registry: who of whom may do what with images."""

from entrepot.call import Call
from entrepot.registry import policies, repositories
from entrepot.registry.faults import PolicyLocksOut
from entrepot.services.ecr.shapes import Output


def set_repository_policy(
    call: Call, *, repository_name: str, policy_text: str, registry_id: str | None = None, force: bool = False
) -> Output:
    """
    Set the policy of a repository.

    Raises: RepositoryNotFound, PolicyRefused, PolicyLocksOut (unless *force*).
    Source: Amazon ECR API reference, SetRepositoryPolicy.
    """
    repository = repositories.get(call.tx, call.addressed(registry_id), repository_name)
    policies.put(call.tx, repository, policy_text)
    if not force:
        guard = policies.guard_of(call.tx, repository.arn)
        decision = call.directory.decide(call.principal, call.action, repository.arn, facts=call.facts, guard=guard)
        if not decision.allowed:
            raise PolicyLocksOut(principal=call.principal.arn)
    return _of_repository(call, registry_id, repository_name, policies.get(call.tx, repository))


def get_repository_policy(call: Call, *, repository_name: str, registry_id: str | None = None) -> Output:
    """
    The policy of a repository. Raises: RepositoryNotFound, RepositoryPolicyNotFound.

    Source: Amazon ECR API reference, GetRepositoryPolicy.
    """
    repository = repositories.get(call.tx, call.addressed(registry_id), repository_name)
    return _of_repository(call, registry_id, repository_name, policies.get(call.tx, repository))


def delete_repository_policy(call: Call, *, repository_name: str, registry_id: str | None = None) -> Output:
    """
    Take the policy off a repository. Raises: RepositoryNotFound, RepositoryPolicyNotFound.

    Source: Amazon ECR API reference, DeleteRepositoryPolicy.
    """
    repository = repositories.get(call.tx, call.addressed(registry_id), repository_name)
    return _of_repository(call, registry_id, repository_name, policies.remove(call.tx, repository))


def put_registry_policy(call: Call, *, policy_text: str) -> Output:
    """
    Set the policy of the caller's registry. Raises: PolicyRefused.

    Source: Amazon ECR API reference, PutRegistryPolicy; its scope is V2: it counts for every action.
    """
    policies.put_of_registry(call.tx, call.registry, policy_text)
    return _of_registry(call, policies.get_of_registry(call.tx, call.registry))


def get_registry_policy(call: Call) -> Output:
    """
    The policy of the caller's registry. Raises: RegistryPolicyNotFound.

    Source: Amazon ECR API reference, GetRegistryPolicy.
    """
    return _of_registry(call, policies.get_of_registry(call.tx, call.registry))


def delete_registry_policy(call: Call) -> Output:
    """
    Take the policy off the caller's registry. Raises: RegistryPolicyNotFound.

    Source: Amazon ECR API reference, DeleteRegistryPolicy.
    """
    return _of_registry(call, policies.remove_of_registry(call.tx, call.registry))


def _of_repository(call: Call, registry_id: str | None, name: str, text: str) -> Output:
    return {"registryId": call.addressed(registry_id).account, "repositoryName": name, "policyText": text}


def _of_registry(call: Call, text: str) -> Output:
    return {"registryId": call.registry.account, "policyText": text}
