"""Secrets: made, described, changed, deleted and restored."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from entrepot import clock
from entrepot.call import Call
from entrepot.database import Transaction
from entrepot.identity import entity_tags
from entrepot.secrets import names, secrets, versions
from entrepot.secrets import tags as secret_tags
from entrepot.secrets.faults import (
    NameIsBeingDeleted,
    SecretExists,
    SecretNotFound,
    Unsupported,
    WindowInvalid,
    WindowWithoutRecovery,
)
from entrepot.secrets.secrets import Secret
from entrepot.secrets.versions import CURRENT
from entrepot.services.secretsmanager import shapes, storing
from entrepot.services.secretsmanager.shapes import Output
from entrepot.services.secretsmanager.storing import Value

_LEAST_DAYS, _MOST_DAYS = 7, 30


def create_secret(
    call: Call,
    *,
    name: str,
    client_request_token: str | None = None,
    description: str = "",
    kms_key_id: str | None = None,
    secret_binary: bytes | None = None,
    secret_string: str | None = None,
    tags: Sequence[Mapping[str, str]] = (),
    add_replica_regions: Sequence[Mapping[str, str]] = (),
    force_overwrite_replica_secret: bool = False,
    type: str | None = None,
    cross_account_primary_arn: str | None = None,
) -> Output:
    """
    Make a secret, with its first value or without one. The same once more is no error where the value is the same.

    Raises: NameInvalid, SecretExists, TokenTaken, NameIsBeingDeleted, TokenMissing, ValueTwice, TagRefused,
    KeyForbidden, EncryptionFailure, DecryptionFailure, QuotaExceeded, Unsupported.
    Source: Secrets Manager API reference, CreateSecret.
    """
    _refuse(AddReplicaRegions=add_replica_regions, Type=type, CrossAccountPrimaryARN=cross_account_primary_arn)
    value, token = storing.value_in(secret_string, secret_binary), shapes.token_in(client_request_token)
    secret = _namesake(call.tx, call, name)
    if secret is None:
        kms_key = storing.kept_key(kms_key_id, call.registry)
        secret = secrets.create(call.tx, call.registry, name, description=description, kms_key=kms_key)
        secret_tags.put(call.tx, secret.arn, shapes.tags_in(tags))
    elif value is None or versions.find(call.tx, secret.arn, token) is None:
        raise SecretExists(name=name)
    return _with_value(call, secret, value, token=token)


def describe_secret(call: Call, *, secret_id: str) -> Output:
    """
    A secret, without its values. Raises: SecretNotFound.

    Source: Secrets Manager API reference, DescribeSecret.
    """
    secret = shapes.secret(call, secret_id)
    attached = versions.labels(call.tx, secret.arn)
    found = entity_tags.tags_of(call.tx, secret.arn)
    return shapes.brief(
        secret,
        Description=secret.description or None,
        KmsKeyId=secret.kms_key,
        CreatedDate=secret.created_at,
        LastChangedDate=secret.changed_at,
        DeletedDate=secret.deletion_at,
        Tags=[{"Key": tag.key, "Value": tag.value} for tag in found] or None,
        VersionIdsToStages={each: versions.labels_on(attached, each) for each in attached.values()} or None,
    )


def update_secret(
    call: Call,
    *,
    secret_id: str,
    client_request_token: str | None = None,
    description: str | None = None,
    kms_key_id: str | None = None,
    secret_binary: bytes | None = None,
    secret_string: str | None = None,
    type: str | None = None,
) -> Output:
    """
    Give a secret another description, another key, another value: what is left out stays.

    Raises: SecretNotFound, SecretIsBeingDeleted, TokenMissing, TokenTaken, ValueTwice, KeyForbidden,
    EncryptionFailure, DecryptionFailure, QuotaExceeded, Unsupported.
    Source: Secrets Manager API reference, UpdateSecret.
    """
    _refuse(Type=type)
    value, token = storing.value_in(secret_string, secret_binary), shapes.token_in(client_request_token)
    old = secrets.lasting(shapes.secret(call, secret_id))
    secret = replace(
        old,
        description=old.description if description is None else description,
        kms_key=old.kms_key if kms_key_id is None else storing.kept_key(kms_key_id, call.registry),
    )
    secrets.change(call.tx, secret, description=secret.description, kms_key=secret.kms_key)
    if secret.kms_key != old.kms_key:
        storing.rewrap(call, secret)
    return _with_value(call, secret, value, token=token)


def delete_secret(
    call: Call,
    *,
    secret_id: str,
    recovery_window_in_days: int | None = None,
    force_delete_without_recovery: bool = False,
) -> Output:
    """
    Delete a secret in 7 to 30 days, or at once. At once, one that is not there is deleted already.

    Raises: SecretNotFound, SecretIsBeingDeleted, WindowInvalid, WindowWithoutRecovery.
    Source: Secrets Manager API reference, DeleteSecret.
    """
    days = _MOST_DAYS if recovery_window_in_days is None else recovery_window_in_days
    if not _LEAST_DAYS <= days <= _MOST_DAYS:
        raise WindowInvalid
    if force_delete_without_recovery and recovery_window_in_days is not None:
        raise WindowWithoutRecovery
    reference = names.reference(secret_id, call.registry)
    secret = secrets.find(call.tx, reference, call.registry)
    if force_delete_without_recovery:
        return _delete_now(call.tx, secret, reference)
    if secret is None:
        raise SecretNotFound
    at = secrets.schedule_deletion(call.tx, secrets.lasting(secret), days=days)
    return shapes.brief(secret, DeletionDate=at)


def restore_secret(call: Call, *, secret_id: str) -> Output:
    """
    Keep a secret that was to be deleted; one that was not is kept anyway. Raises: SecretNotFound.

    Source: Secrets Manager API reference, RestoreSecret.
    """
    secret = shapes.secret(call, secret_id)
    secrets.restore(call.tx, secret)
    return shapes.brief(secret)


def get_resource_policy(call: Call, *, secret_id: str, policy_name: str | None = None) -> Output:
    """
    That a secret has no policy of its own: none can be put on one yet. Raises: SecretNotFound, SecretIsBeingDeleted.

    Source: Secrets Manager API reference, GetResourcePolicy.
    """
    return shapes.brief(secrets.lasting(shapes.secret(call, secret_id)))


def _namesake(tx: Transaction, call: Call, name: str) -> Secret | None:
    """The secret that has the name already. Raises: NameIsBeingDeleted."""
    reference = names.reference(name, call.registry)
    secrets.remove_if_over(tx, reference)
    secret = secrets.find(tx, reference, call.registry)
    if secret is not None and secret.deletion_at is not None:
        raise NameIsBeingDeleted
    return secret


def _with_value(call: Call, secret: Secret, value: Value | None, *, token: str) -> Output:
    """The answer, once the secret has the value that it shall have."""
    if value is None:
        return shapes.brief(secret)
    storing.store(call, secret, value, token=token, labels=[CURRENT])
    return shapes.brief(secret, VersionId=token)


def _delete_now(tx: Transaction, secret: Secret | None, reference: str) -> Output:
    now = clock.now()
    if secret is None:
        return {"Name": names.name_in(reference), "DeletionDate": now}
    secrets.remove(tx, secret.arn)
    return shapes.brief(secret, DeletionDate=now)


def _refuse(**members: object) -> None:
    """Return if none of these members was given. Raises: Unsupported."""
    for name, given in members.items():
        if given:
            raise Unsupported(what=name)
