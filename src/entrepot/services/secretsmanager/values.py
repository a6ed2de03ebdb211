"""Values of secrets: put, read, listed without being shown, and labelled."""

from collections.abc import Sequence

from entrepot.call import Call
from entrepot.identity.faults import TokenInvalid
from entrepot.secrets import secrets, versions
from entrepot.secrets.faults import (
    CurrentStays,
    LabelElsewhere,
    LabelNotAttached,
    LabelStaysAttached,
    MarkerInvalid,
    Unsupported,
    ValueMissing,
    ValueNotFound,
)
from entrepot.secrets.secrets import Secret
from entrepot.secrets.versions import CURRENT, Listed, Version
from entrepot.services import pages
from entrepot.services.secretsmanager import shapes, storing
from entrepot.services.secretsmanager.shapes import Output

# What a version is said to be sealed with that is sealed with the service's own key. Recorded.
_OWN_KEY = "DefaultEncryptionKey"


def put_secret_value(
    call: Call,
    *,
    secret_id: str,
    client_request_token: str | None = None,
    secret_binary: bytes | None = None,
    secret_string: str | None = None,
    version_stages: Sequence[str] = (CURRENT,),
    rotation_token: str | None = None,
) -> Output:
    """
    Give a secret another value.

    Raises: SecretNotFound, SecretIsBeingDeleted, TokenMissing, TokenTaken, ValueMissing, ValueTwice, KeyForbidden,
    EncryptionFailure, DecryptionFailure, QuotaExceeded, Unsupported.
    Source: Secrets Manager API reference, PutSecretValue.
    """
    if rotation_token is not None:
        raise Unsupported(what="RotationToken")
    value, token = storing.value_in(secret_string, secret_binary), shapes.token_in(client_request_token)
    if value is None:
        raise ValueMissing
    secret = secrets.lasting(shapes.secret(call, secret_id))
    storing.store(call, secret, value, token=token, labels=list(version_stages))
    attached = versions.labels(call.tx, secret.arn)
    return shapes.brief(secret, VersionId=token, VersionStages=versions.labels_on(attached, token) or None)


def get_secret_value(
    call: Call, *, secret_id: str, version_id: str | None = None, version_stage: str | None = None
) -> Output:
    """
    A value of a secret: that of a version, or of the one with a label; the current one, if neither is said.

    Raises: SecretNotFound, SecretIsBeingDeleted, ValueNotFound, LabelElsewhere, KeyForbidden, DecryptionFailure.
    Source: Secrets Manager API reference, GetSecretValue.
    """
    secret = secrets.lasting(shapes.secret(call, secret_id))
    version, labels = _version(call, secret, version_id=version_id, label=version_stage)
    value = storing.opened(call, secret, version)
    return shapes.brief(
        secret,
        VersionId=version.id,
        VersionStages=labels or None,
        CreatedDate=version.created_at,
        **({"SecretString": value.content.decode()} if value.is_text else {"SecretBinary": value.content}),
    )


def list_secret_version_ids(
    call: Call,
    *,
    secret_id: str,
    max_results: int | None = None,
    next_token: str | None = None,
    include_deprecated: bool = False,
) -> Output:
    """
    The versions of a secret, the oldest first; those without a label only if they are asked for.

    Raises: SecretNotFound, MarkerInvalid. Source: Secrets Manager API reference, ListSecretVersionIds.
    """
    secret = shapes.secret(call, secret_id)
    attached = versions.labels(call.tx, secret.arn)
    found = [
        version for version in versions.of(call.tx, secret.arn) if include_deprecated or version.id in attached.values()
    ]
    try:
        shown, following = pages.page(
            call,
            secret.arn,
            include_deprecated,
            marker=next_token,
            limit=max_results or versions.MOST,
            read=lambda after, most: list(enumerate(found, 1))[int(after or 0) :][:most],
            key=lambda numbered: str(numbered[0]),
        )
    except TokenInvalid:
        raise MarkerInvalid from None
    listed = [_listed(version, versions.labels_on(attached, version.id)) for _, version in shown]
    return shapes.brief(secret, Versions=listed, NextToken=following)


def update_secret_version_stage(
    call: Call,
    *,
    secret_id: str,
    version_stage: str,
    remove_from_version_id: str | None = None,
    move_to_version_id: str | None = None,
) -> Output:
    """
    Put a label on a version, move it to another, or take it away. Some version stays current.

    Raises: SecretNotFound, SecretIsBeingDeleted, ValueNotFound, LabelStaysAttached, LabelNotAttached, CurrentStays,
    QuotaExceeded.
    Source: Secrets Manager API reference, UpdateSecretVersionStage.
    """
    secret = secrets.lasting(shapes.secret(call, secret_id))
    for version in (remove_from_version_id, move_to_version_id):
        if version is not None and versions.find(call.tx, secret.arn, version) is None:
            raise ValueNotFound(what="VersionId", which=version)
    where = versions.labels(call.tx, secret.arn).get(version_stage)
    if remove_from_version_id is not None and where != remove_from_version_id:
        raise LabelNotAttached(label=version_stage, version=remove_from_version_id)
    if remove_from_version_id is None and where not in (None, move_to_version_id):
        raise LabelStaysAttached(label=version_stage, version=where)
    if move_to_version_id is not None:
        versions.attach(call.tx, secret.arn, move_to_version_id, [version_stage])
    elif version_stage == CURRENT:
        raise CurrentStays(label=CURRENT)
    else:
        versions.detach(call.tx, secret.arn, version_stage)
    secrets.touch(call.tx, secret)
    return shapes.brief(secret)


def _version(call: Call, secret: Secret, *, version_id: str | None, label: str | None) -> tuple[Version, list[str]]:
    """The version that is meant, and its labels. Raises: ValueNotFound, LabelElsewhere."""
    attached = versions.labels(call.tx, secret.arn)
    wanted = attached.get(label or CURRENT) if version_id is None else version_id
    version = None if wanted is None else versions.find(call.tx, secret.arn, wanted)
    if version is None and version_id is None:
        raise ValueNotFound(what="staging label", which=label or CURRENT)
    if version is None:
        raise ValueNotFound(what="VersionId", which=version_id)
    if version_id is not None and label is not None and attached.get(label) != version_id:
        raise LabelElsewhere
    return version, versions.labels_on(attached, version.id)


def _listed(version: Listed, labels: list[str]) -> Output:
    return {
        "VersionId": version.id,
        "VersionStages": labels or None,
        "CreatedDate": version.created_at,
        "KmsKeyIds": [version.kms_key or _OWN_KEY],
    }
