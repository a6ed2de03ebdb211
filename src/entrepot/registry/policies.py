"""
Policies on repositories and on registries, and what guards a repository when rights are decided.

What is stored names users and roles by their unique ids (``identity.named``), what is shown by their ARNs.
Every change raises the generation, so that it counts on every worker with the next request.
"""

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from entrepot.database import Statement, Transaction
from entrepot.identity import named
from entrepot.identity.facts import Guard, by_tag
from entrepot.identity.faults import PrincipalUnknown
from entrepot.identity.policy import Kind, Malformed, Policy, compile_policy, parse
from entrepot.identity.rows import raise_generation
from entrepot.names import Arn, Registry
from entrepot.registry import repositories, resource_tags
from entrepot.registry.faults import PolicyRefused, RegistryPolicyNotFound, RepositoryPolicyNotFound
from entrepot.registry.repositories import Repository
from entrepot.registry.tables import registry_policies, repository_policies

_OF_REPOSITORY = repository_policies.c.repository_id == bindparam("repository")
_FIND = Statement(select(repository_policies.c.document).where(_OF_REPOSITORY))
_PUT = Statement(
    upsert(repository_policies)
    .values(repository_id=bindparam("repository"), document=bindparam("document"))
    .on_conflict_do_update(index_elements=["repository_id"], set_={"document": bindparam("document")})
)
_DELETE = Statement(delete(repository_policies).where(_OF_REPOSITORY))

_OF_REGISTRY = (registry_policies.c.account == bindparam("account"), registry_policies.c.region == bindparam("region"))
_FIND_REGISTRY = Statement(select(registry_policies.c.document).where(*_OF_REGISTRY))
_PUT_REGISTRY = Statement(insert(registry_policies))
_DELETE_REGISTRY = Statement(delete(registry_policies).where(*_OF_REGISTRY))

_REPOSITORY = "repository/"


def get(tx: Transaction, repository: Repository) -> str:
    """The policy of a repository, as people see it. Raises: RepositoryPolicyNotFound."""
    row = tx.one(_FIND, repository=repository.id)
    if row is None:
        raise RepositoryPolicyNotFound(name=repository.name, account=repository.account)
    return named.shown(tx, row["document"])


def put(tx: Transaction, repository: Repository, text: str) -> None:
    """Set the policy of a repository. Raises: PolicyRefused."""
    stored = _checked(tx, text, Kind.REPOSITORY, account=repository.account, what="repository")
    tx.run(_PUT, repository=repository.id, document=stored)
    raise_generation(tx)


def remove(tx: Transaction, repository: Repository) -> str:
    """Delete the policy of a repository, and show it once more. Raises: RepositoryPolicyNotFound."""
    text = get(tx, repository)
    tx.run(_DELETE, repository=repository.id)
    raise_generation(tx)
    return text


def get_of_registry(tx: Transaction, registry: Registry) -> str:
    """The policy of a registry, as people see it. Raises: RegistryPolicyNotFound."""
    row = tx.one(_FIND_REGISTRY, account=registry.account, region=registry.region)
    if row is None:
        raise RegistryPolicyNotFound(account=registry.account)
    return named.shown(tx, row["document"])


def put_of_registry(tx: Transaction, registry: Registry, text: str) -> None:
    """Set the policy of a registry. Raises: PolicyRefused."""
    stored = _checked(tx, text, Kind.REGISTRY, account=registry.account, what="registry")
    tx.run(_DELETE_REGISTRY, account=registry.account, region=registry.region)
    tx.run(_PUT_REGISTRY, account=registry.account, region=registry.region, document=stored)
    raise_generation(tx)


def remove_of_registry(tx: Transaction, registry: Registry) -> str:
    """Delete the policy of a registry, and show it once more. Raises: RegistryPolicyNotFound."""
    text = get_of_registry(tx, registry)
    tx.run(_DELETE_REGISTRY, account=registry.account, region=registry.region)
    raise_generation(tx)
    return text


def guard_of(tx: Transaction, arn: str) -> Guard | None:
    """What guards the repository of *arn*, or all repositories (``repository/*``); None for an ARN of anything else."""
    parts = Arn.find(arn)
    if parts is None or parts.service != "ecr" or not parts.resource.startswith(_REPOSITORY):
        return None
    registry = Registry(parts.account, parts.region)
    row = tx.one(_FIND_REGISTRY, account=registry.account, region=registry.region)
    whole = _compiled(row["document"] if row else None, Kind.REGISTRY)
    repository = repositories.find(tx, registry, parts.resource.removeprefix(_REPOSITORY))
    if repository is None:
        return Guard(parts.account, registry=whole)
    row = tx.one(_FIND, repository=repository.id)
    tags = resource_tags.of(tx, repository.id).items()
    context = by_tag("aws:resourcetag", tags) | by_tag("ecr:resourcetag", tags)
    return Guard(parts.account, _compiled(row["document"] if row else None, Kind.REPOSITORY), whole, context)


def _checked(tx: Transaction, text: str, kind: Kind, *, account: str, what: str) -> str:
    """The document as its row keeps it. Raises: PolicyRefused, in ECR's one sentence for whatever is wrong."""
    try:
        document = parse(text, kind)
        stored = named.stored(tx, text, account=account)
    except (Malformed, PrincipalUnknown) as fault:
        raise PolicyRefused(what=what) from fault
    actions = [
        action for statement in document.statements for action in statement.actions or statement.not_actions or ()
    ]
    if any(action != "*" and not action.lower().startswith("ecr:") for action in actions):
        raise PolicyRefused(what=what)
    return stored


def _compiled(text: str | None, kind: Kind) -> Policy | None:
    return None if text is None else compile_policy(text, kind)
