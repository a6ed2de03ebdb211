"""
Whether a service may use a customer's key for one of its things; and with what rights a caller gives it that.

The service asks as everybody does, at the one door: as a principal that acts for the customer's account, which the
grants on the key let in as long as they are there. Source: security-design 5.2; Amazon ECR user guide, "Encryption at
rest"; KMS developer guide, "Service principals" and "kms:ViaService".
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from entrepot.database import Database, Transaction
from entrepot.errors import AccessDenied, Fault
from entrepot.identity.directory import Directory
from entrepot.identity.facts import Facts, Lazy
from entrepot.identity.policy.requests import Value
from entrepot.identity.principals import Principal, service_of
from entrepot.keys import grants, keys, names, policies
from entrepot.keys.faults import KmsUnavailable
from entrepot.keys.grants import Terms
from entrepot.keys.keys import Key
from entrepot.keys.managed import ECR
from entrepot.names import Registry
from entrepot.sealing.customers import PURPOSE, REPOSITORY, Customer

SERVICE = "ecr.amazonaws.com"
# A grant for what comes, and one for what goes: each lets the service look at the key, and give the grant back.
_GRANTED = (("GenerateDataKey", "DescribeKey", "RetireGrant"), ("Decrypt", "DescribeKey", "RetireGrant"))
_USES = ("kms:GenerateDataKey", "kms:Decrypt")
_MOST = 20_000


class Usage:
    """Of all threads of a process. That it may, a service is believed until anybody's rights or keys change."""

    def __init__(self, database: Database, directory: Directory) -> None:
        self._database, self._directory = database, directory
        self._allowed: tuple[int, set[Customer]] = -1, set()

    def check(self, customer: Customer, registry: Registry, *, given: Sequence[str]) -> bool:
        """
        Return if the service may seal and open what is *customer*'s, in *registry*, by the grants *given*.

        The answer says whether that holds until the generation changes. Raises: KmsUnavailable.
        """
        generation = self._directory.generation()
        if generation != self._allowed[0] or len(self._allowed[1]) >= _MOST:
            self._allowed = generation, set()
        allowed = self._allowed[1]
        if customer in allowed:
            return True
        lasts = self._ask(customer, registry, given)
        if lasts:
            allowed.add(customer)
        return lasts

    def _ask(self, customer: Customer, registry: Registry, given: Sequence[str]) -> bool:
        """The same, past the cache."""
        more = _via(registry, account=registry.account) | {
            f"kms:encryptioncontext:{REPOSITORY}": customer.repository,
            "kms:encryptioncontextkeys": [REPOSITORY, PURPOSE],
            "aws:sourcearn": customer.repository,
            "aws:sourceaccount": registry.account,
        }
        service = service_of(SERVICE, account=registry.account)
        facts = Facts(region=registry.region, secure=True, more=more)
        try:
            with self._database.reading() as tx:
                key = keys.usable(keys.get(tx, customer.key))
                # The service has grants for each of its things: of all that it has on the key, these count.
                found = [grant for grant in (grants.find(tx, key, one) for one in given) if grant is not None]
                guard = policies.guard_with(tx, key, grants.policy_of(found))
            lasting = [self._directory.authorize(service, use, customer.key, facts=facts, guard=guard) for use in _USES]
        except Fault as fault:
            raise _unavailable(fault) from None
        return all(lasting)


class Caller:
    """Who asks a service of *registry* for something that concerns a key, in a transaction."""

    def __init__(
        self, tx: Transaction, directory: Directory, principal: Principal, *, registry: Registry, facts: Facts
    ) -> None:
        """*facts* are those of the request to the service."""
        self._tx, self._directory, self._principal = tx, directory, principal
        self._registry, self._facts = registry, facts

    def describe(self, text: str) -> Key:
        """
        The key that *text* names, an id, an ARN, an alias or its ARN: it works, and the caller may see it.

        Raises: KmsUnavailable.
        """
        try:
            reference = names.reference(text, self._registry)
            self._authorize("DescribeKey", names.located(self._tx.one, reference), names.requested(text))
            return keys.usable(keys.get(self._tx, reference))
        except Fault as fault:
            raise _unavailable(fault) from None

    def grant(self, key: Key, customer: Customer) -> list[str]:
        """The ids of new grants that let the service use *key* for *customer*. Raises: KmsUnavailable."""
        constraints = {"EncryptionContextSubset": {REPOSITORY: customer.repository}}
        issuer = f"arn:aws:iam::{self._principal.account}:root"
        try:
            return [
                self._grant(key, Terms(SERVICE, operations, SERVICE, constraints), issuer) for operations in _GRANTED
            ]
        except Fault as fault:
            raise _unavailable(fault) from None

    def retire(self, arn: str, given: Sequence[str]) -> None:
        """
        Give back what is left of the grants in *given* on the key *arn*.

        A key of the customer's own asks for the caller's right to do so; one that was made for the service does not.
        Raises: KmsUnavailable.
        """
        key = keys.find(self._tx, arn.rpartition("/")[2])
        if key is None:
            return
        managed = keys.is_managed(self._tx, key)
        for grant in filter(None, (grants.find(self._tx, key, one) for one in given)):
            try:
                if not managed:
                    self._authorize("RetireGrant", arn, {"kms:grantid": grant.id})
            except AccessDenied as fault:
                raise _unavailable(fault) from None
            grants.remove(self._tx, grant)

    def _grant(self, key: Key, terms: Terms, issuer: str) -> str:
        asked: dict[str, Value | Lazy] = {
            "kms:grantisforawsresource": "true",
            "kms:grantconstrainttype": "EncryptionContextSubset",
            "kms:granteeprincipal": SERVICE,
            "kms:retiringprincipal": SERVICE,
            "kms:grantoperations": list(terms.operations),
        }
        self._authorize("CreateGrant", key.arn, asked)
        return grants.create(self._tx, key, terms, issuer=issuer)

    def _authorize(self, operation: str, arn: str, asked: Mapping[str, Value | Lazy] | None = None) -> None:
        facts = replace(self._facts, more={**_via(self._registry, account=self._principal.account), **(asked or {})})
        # What this transaction has made is not to be seen outside.
        guard = policies.guard_of(self._tx, arn, self._principal)
        self._directory.authorize(self._principal, f"kms:{operation}", arn, facts=facts, guard=guard)


def _via(registry: Registry, *, account: str) -> dict[str, Value | Lazy]:
    return {
        "kms:viaservice": ECR.through(registry),
        "kms:calleraccount": account,
        "aws:viaawsservice": "true",
    }


def _unavailable(fault: Fault) -> KmsUnavailable:
    return KmsUnavailable(kms_error=fault.aws, reason=str(fault))
