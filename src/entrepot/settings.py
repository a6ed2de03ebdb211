"""
Every setting: its default, its unit, its meaning. The one reader of the environment.

A setting comes from a flag, else from ``ENTREPOT_<NAME>``, else from the TOML file, else from here.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def _setting(default: Any, meaning: str) -> Any:
    return dataclasses.field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one deployment is set up. Sizes are bytes, times are seconds, unless the name says otherwise."""

    data: Path = _setting(Path("data"), "Folder of the database and the blobs.")
    keys: Path | None = _setting(None, "Folder of the root key and the AWS profile. Default: `<data>.keys`.")
    storage: str | None = _setting(None, "Where blobs lie, as a URL. Default: `file://<data>/blobs`.")
    listen: str = _setting("127.0.0.1:5000", "Address and port to listen on.")
    workers: int = _setting(1, "Processes that answer requests.")
    tls_cert: Path | None = _setting(None, "Certificate chain (PEM). With `tls_key`: serve https.")
    tls_key: Path | None = _setting(None, "Private key of `tls_cert` (PEM).")
    insecure_http: bool = _setting(False, "Accept logins over plain http from other machines too.")
    trusted_proxies: tuple[str, ...] = _setting((), "Networks (CIDR) whose X-Forwarded-* headers count.")
    account: str = _setting("123456789012", "The account that the first start makes; the one of a bare host name.")
    region: str = _setting("us-east-1", "The region of a bare host name.")
    regions: tuple[str, ...] = _setting((), "All regions that are served. Default: the one `region`.")
    hostname: str | None = _setting(
        None, "Host names of registries, as a template with {account} and {region}, and a port if it is not 443."
    )
    access_log: bool = _setting(True, "Write a line per request to standard error.")
    inline_limit: int = _setting(16384, "Blobs up to this size are kept in the database.")
    least_free: int = _setting(512 << 20, "Below this much free disk pushes are refused; pulls go on.")
    upload_lifetime: int = _setting(86400, "An upload session without news for this long is removed.")
    gc_grace: int = _setting(86400, "A blob that no manifest names is kept for this long after it was last asked for.")
    gc_interval: int = _setting(3600, "Time from one garbage collection to the next. 0: none.")
    body_minimum_rate: int = _setting(1024, "Bytes per second below which a request body is given up, after 30 s.")
    uploads_per_principal: int = _setting(50, "Open upload sessions of one principal in one repository.")
    connections_per_address: int = _setting(256, "Requests that one address may have under way in one worker.")
    descriptors_per_manifest: int = _setting(1000, "Layers, or children, that one manifest may name.")
    foreign_layers: bool = _setting(True, "Accept manifests whose layers lie at other addresses (`urls`).")
    repositories_per_registry: int = _setting(100_000, "Quota: repositories in one account and region.")
    images_per_repository: int = _setting(100_000, "Quota: images in one repository.")
    tags_per_image: int = _setting(1000, "Quota: tags of one image.")
    parts_per_upload: int = _setting(4200, "Quota: parts of one layer upload by the API.")
    layer_size: int = _setting(52_000 << 20, "Quota: size of one layer.")

    @property
    def served_regions(self) -> tuple[str, ...]:
        """Every region that this deployment serves, the default one first."""
        return (self.region, *(region for region in self.regions if region != self.region))

    @property
    def keys_folder(self) -> Path:
        """Where the root key and the profile lie: beside the data, never inside."""
        return self.keys or self.data.with_name(self.data.name + ".keys")
