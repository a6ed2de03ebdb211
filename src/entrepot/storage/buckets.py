"""
Buckets of S3 and what speaks like it, of Google Cloud Storage, and containers of Azure: how each is opened.

Credentials are never part of the address. Those for S3 come from where AWS's SDKs look, in their order:
environment, shared files, web identity, containers, instances; the others' from their own environment variables.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from entrepot import clock

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Credential

# A store that is asked too much says "slow down", and is asked again after a while, then after a longer one. All of it
# ends before a claim on an upload does.
_RETRIES: "RetryConfig" = {
    "max_retries": 12,
    "retry_timeout": timedelta(seconds=40),
    "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=8), "base": 2},
}
_ENCRYPTIONS = ("AES256", "aws:kms", "aws:kms:dsse")
# Credentials that may have been renewed are asked for again after so long.
_CREDENTIAL_LIFETIME = timedelta(minutes=5)


def open_bucket(scheme: str, name: str, prefix: str, *, options: Mapping[str, str]) -> Any:
    """
    The bucket *name*, below *prefix*; *options* are those of the address. It is not asked whether it is there.

    Raises: ValueError, with a sentence that names the setting.
    """
    known = _OPTIONS[scheme]
    if surplus := set(options) - set(known):
        raise ValueError(f"storage: {scheme}:// knows no option {min(surplus)!r} ({', '.join((*known, 'redirect'))})")
    try:
        return _OPENERS[scheme](name, prefix or None, options)
    except BaseError as error:
        raise ValueError(f"storage: the bucket cannot be opened: {str(error).partition(chr(10))[0]}") from error


def _s3(name: str, prefix: str | None, options: Mapping[str, str]) -> S3Store:
    from botocore.session import Session  # noqa: PLC0415, TID251  # AWS's own chain: 0.1 s, for those who need it alone

    session = Session()
    config: Any = {"region": options.get("region") or session.get_config_variable("region") or "us-east-1"}
    encryption = options.get("encryption", "AES256")
    if encryption in _ENCRYPTIONS:
        config["server_side_encryption"] = encryption
    elif encryption != "none":
        raise ValueError(f"storage: encryption is one of {', '.join((*_ENCRYPTIONS, 'none'))}, not {encryption!r}")
    if "kms_key" in options:
        if not encryption.startswith("aws:kms"):
            raise ValueError("storage: kms_key goes with encryption=aws:kms or aws:kms:dsse")
        config["sse_kms_key_id"] = options["kms_key"]
    if "endpoint" in options:
        config["endpoint"] = options["endpoint"]
    provider: Any = _Credentials(session)
    return S3Store(
        name,
        prefix=prefix,
        config=config,
        client_options=_client(options),
        retry_config=_RETRIES,
        credential_provider=provider,
    )


def _google(name: str, prefix: str | None, options: Mapping[str, str]) -> GCSStore:
    return GCSStore(name, prefix=prefix, client_options=_client(options), retry_config=_RETRIES)


def _azure(name: str, prefix: str | None, options: Mapping[str, str]) -> AzureStore:
    config: Any = {"endpoint": options["endpoint"]} if "endpoint" in options else {}
    return AzureStore(name, prefix=prefix, config=config, client_options=_client(options), retry_config=_RETRIES)


class _Credentials:
    """AWS credentials, as they are by now."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __call__(self) -> "S3Credential":
        """Raises: ValueError, where there are none."""
        found = self._session.get_credentials()
        if found is None:
            raise ValueError("no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
        frozen = found.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.fromtimestamp(clock.now(), UTC) + _CREDENTIAL_LIFETIME,
        }


def _client(options: Mapping[str, str]) -> "ClientConfig":
    return {"allow_http": options.get("endpoint", "").startswith("http://"), "timeout": "60s"}


_OPENERS: dict[str, Callable[[str, str | None, Mapping[str, str]], Any]] = {"s3": _s3, "gs": _google, "az": _azure}
_OPTIONS = {"s3": ("endpoint", "region", "encryption", "kms_key"), "gs": (), "az": ("endpoint",)}
