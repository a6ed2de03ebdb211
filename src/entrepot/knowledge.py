"""What a process knows of its data: who there is, what guards what, and what is read often."""

from entrepot.database import Transaction
from entrepot.identity import accounts
from entrepot.identity.directory import Directory
from entrepot.identity.facts import Guard
from entrepot.identity.principals import Principal
from entrepot.keys import names
from entrepot.keys import policies as key_policies
from entrepot.keys.usage import Usage
from entrepot.registry import policies
from entrepot.registry.reads import Reads
from entrepot.runtime import Runtime
from entrepot.secrets import names as secret_names


def knowledge_of(runtime: Runtime) -> tuple[Directory, Reads]:
    """Raises: RootKeyRefused, where the root key is not that of the data."""
    directory = Directory(
        runtime.database,
        runtime.root_key,
        guards=_guard_of,
        locate=lambda look, resource: _located(look, resource, runtime.settings.account),
        endpoint_policy=runtime.endpoint_policy,
    )
    return directory, Reads(runtime.database, runtime.at_rest, Usage(runtime.database, directory))


def _guard_of(tx: Transaction, arn: str, principal: Principal) -> Guard | None:
    """What guards a repository, a key or a secret; None for an ARN of anything else."""
    if arn.startswith(names.PREFIX):
        return key_policies.guard_of(tx, arn, principal)
    if arn.startswith(secret_names.PREFIX):
        return secret_names.guard_of(tx, arn)
    return policies.guard_of(tx, arn)


def _located(look: names.Look, resource: str, default_account: str) -> str:
    """The ARN by which policies know a key, a secret or an account; what is of anything else stays as it is."""
    if resource.startswith(secret_names.PREFIX):
        return secret_names.located(look, resource)
    return names.located(look, accounts.located(resource, default_account))
