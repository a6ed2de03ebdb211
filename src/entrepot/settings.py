"""
Every setting: its default, its unit, its meaning. The one reader of the environment.

A setting comes from a flag, else from ``ENTREPOT_<NAME>``, else from the TOML file, else from here.
"""

import dataclasses
import difflib
import ipaddress
import os
import re
import tomllib
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from entrepot.errors import Refused

_PREFIX = "ENTREPOT_"
# What begins like a setting and is none: where the file is, and what the project's own tests are told.
_CONFIG = "ENTREPOT_CONFIG"
_TESTS = "ENTREPOT_TEST_"
# Root keys, which are no settings: they stand in no file and on no command line.
_ROOT_KEY = re.compile(r"ENTREPOT_ROOT_KEY(_\d+)?", re.ASCII)

_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d{1,2}", re.ASCII)
_HOSTNAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?", re.ASCII)
_ENDPOINT = re.compile(r"vpce-[0-9a-z-]{1,64}", re.ASCII)
_LISTEN = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:]+):(\d{1,5})", re.ASCII)


class SettingRefused(Refused):
    """A setting that cannot be. The text names it, says where it stands, and what it must be."""


def _setting(default: Any, meaning: str, *, least: int = 0, most: int = 1 << 62) -> Any:
    """One setting; a number lies between *least* and *most*, both included."""
    return dataclasses.field(default=default, metadata={"meaning": meaning, "least": least, "most": most})


class Interface(NamedTuple):
    """An interface endpoint: a listener of its own, by whose *id* policies know what came through it."""

    id: str
    listen: str
    policy: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one deployment is set up. Sizes are bytes, times are seconds, unless the name says otherwise."""

    data: Path = _setting(Path("data"), "Folder of the database and the blobs.")
    keys: Path | None = _setting(None, "Folder of the root key and the AWS profile. Default: `<data>.keys`.")
    root_key_file: Path | None = _setting(
        None, "The root key as a mounted secret: a file of 32 bytes. Default: `root.key` in the folder of `keys`."
    )
    allow_env_root_key: bool = _setting(False, "Take the root key from the variable ENTREPOT_ROOT_KEY, in base64.")
    database: str | None = _setting(
        None, "Where rows lie: `postgresql://…` or `sqlite:PATH`. Default: `sqlite:<data>/entrepot.sqlite`."
    )
    storage: str | None = _setting(
        None, "Where blobs lie, as a URL: a folder, or a bucket of S3, Google or Azure. Default: `file://<data>/blobs`."
    )
    default_at_rest: str | None = _setting(
        None,
        "How new blobs are kept: `service`, sealed under a key of the deployment, or `disk`, as they come. "
        "Default: `service` where `storage` is a folder, else `disk`.",
    )
    listen: str = _setting("127.0.0.1:5000", "Address and port to listen on.")
    endpoints: tuple[str, ...] = _setting(
        (),
        "Interface endpoints, further listeners: `ID=ADDRESS:PORT`, or `ID=ADDRESS:PORT=FILE` with a policy. "
        "`aws:SourceVpce` is the ID.",
    )
    workers: int = _setting(1, "Processes that answer requests.", least=1, most=256)
    jobs: bool = _setting(True, "Do jobs beside, in `serve`; off where `worker` does them.")
    drain_delay: int = _setting(
        0, "Told to end, take requests for so long still, while `/readyz` says 503: until load balancers have noticed."
    )
    drain_limit: int = _setting(30, "After that, what is under way may take so long to end.", least=1, most=86400)
    tls_cert: Path | None = _setting(None, "Certificate chain (PEM). With `tls_key`: serve https.")
    tls_key: Path | None = _setting(None, "Private key of `tls_cert` (PEM).")
    insecure_http: bool = _setting(False, "Accept logins over plain http from other machines too.")
    trusted_proxies: tuple[str, ...] = _setting((), "Networks (CIDR) whose X-Forwarded-* headers count.")
    cap_login_to_session: bool = _setting(False, "End a login with the session that asked for it, not 12 h later.")
    private_hosts: tuple[str, ...] = _setting(
        (), "Hosts outside the public internet that may be called, as `name=network`, the network in CIDR form."
    )
    account: str = _setting(
        "123456789012",
        "The account that the first start makes, and whose people may make others; the one of a bare host name.",
    )
    region: str = _setting("us-east-1", "The region of a bare host name.")
    regions: tuple[str, ...] = _setting((), "All regions that are served. Default: the one `region`.")
    hostname: str | None = _setting(
        None, "Host names of registries, as a template with {account} and {region}, and a port if it is not 443."
    )
    access_log: bool = _setting(True, "Write a line per request to standard error.")
    inline_limit: int = _setting(16384, "Blobs up to this size are kept in the database.", most=1 << 20)
    least_free: int = _setting(512 << 20, "Below this much free disk pushes are refused; pulls go on.")
    upload_lifetime: int = _setting(86400, "An upload session without news for this long is removed.", least=1)
    gc_grace: int = _setting(86400, "A blob that no manifest names is kept for this long after it was last asked for.")
    gc_interval: int = _setting(3600, "Time from one garbage collection to the next. 0: none.")
    body_minimum_rate: int = _setting(1024, "Bytes per second below which a request body is given up, after 30 s.")
    uploads_per_principal: int = _setting(1000, "Open upload sessions of one principal in one repository.", least=1)
    connections_per_address: int = _setting(256, "Requests that one address may have under way in one worker.", least=1)
    descriptors_per_manifest: int = _setting(1000, "Layers, or children, that one manifest may name.", least=1)
    foreign_layers: bool = _setting(True, "Accept manifests whose layers lie at other addresses (`urls`).")
    repositories_per_registry: int = _setting(100_000, "Quota: repositories in one account and region.", least=1)
    images_per_repository: int = _setting(100_000, "Quota: images in one repository.", least=1)
    tags_per_image: int = _setting(1000, "Quota: tags of one image.", least=1)
    parts_per_upload: int = _setting(4200, "Quota: parts of one layer upload by the API.", least=1)
    layer_size: int = _setting(52_000 << 20, "Quota: size of one layer.", least=1)
    bytes_per_account: int = _setting(
        0, "Quota: bytes of layers that an account stores; `entrepot quota` gives one its own. 0: none."
    )

    @property
    def served_regions(self) -> tuple[str, ...]:
        """Every region that this deployment serves, the default one first."""
        return (self.region, *(region for region in self.regions if region != self.region))

    @property
    def seals(self) -> bool:
        """Whether new bytes are sealed."""
        default = "service" if self.storage_url.startswith("file:") else "disk"
        return (self.default_at_rest or default) == "service"

    @property
    def keys_folder(self) -> Path:
        """Where the root key and the profile lie: beside the data, never inside."""
        return self.keys or self.data.with_name(self.data.name + ".keys")

    @property
    def database_place(self) -> Path | str:
        """The SQLite file of all rows, or the address of their PostgreSQL database."""
        if self.database is None:
            return self.data / "entrepot.sqlite"
        scheme, _, path = self.database.partition(":")
        return Path(os.path.abspath(path)) if scheme == "sqlite" else self.database

    @property
    def folder_mark(self) -> Path:
        """A file that only a data folder has: the database, or what stands for one that lies elsewhere."""
        place = self.database_place
        return place if place == self.data / "entrepot.sqlite" else self.data / "database-elsewhere"

    @property
    def storage_url(self) -> str:
        """Where blobs lie."""
        return self.storage or (self.data.absolute() / "blobs").as_uri()

    @property
    def keeps_in_folder(self) -> bool:
        """Whether the data folder has rows or blobs, and not only what belongs to this machine."""
        folder, place = self.data.absolute(), self.database_place
        has_rows = isinstance(place, Path) and place.absolute().is_relative_to(folder)
        return has_rows or self.storage_url.startswith(f"{folder.as_uri()}/")

    @property
    def listener(self) -> tuple[str, int]:
        """Address, without brackets, and port."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def interfaces(self) -> tuple[Interface, ...]:
        """The interface endpoints."""
        return tuple(_interface(text) for text in self.endpoints)


def _interface(text: str) -> Interface:
    name, listen, *policy = text.split("=", 2)
    return Interface(name, listen, Path(os.path.abspath(policy[0])) if policy else None)


def load(flags: Mapping[str, Any], environ: Mapping[str, str] = os.environ, *, config: Path | None = None) -> Settings:
    """
    The settings of *flags* (by name; None where not given), environment and the TOML file *config*.

    The file is else the one that ``ENTREPOT_CONFIG`` names. Relative paths begin at the working directory.
    Raises: SettingRefused.
    """
    file = config or (Path(environ[_CONFIG]) if environ.get(_CONFIG) else None)
    given: dict[str, tuple[Any, str]] = {"data": (_FIELDS["data"].default, "data")}
    for source in (_from_file(file) if file else (), _from_environment(environ), _from_flags(flags)):
        for name, value, place in source:
            if name not in KINDS:
                raise SettingRefused(f"{place} is no setting{_nearest(name)}")
            given[name] = value, place
    values = {name: _checked(name, value, place) for name, (value, place) in given.items()}
    settings = Settings(**values)
    _check_together(settings)
    return settings


def root_key_variables(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables of the environment that are versions of the root key."""
    return {name: text for name, text in environ.items() if _ROOT_KEY.fullmatch(name)}


def _from_file(file: Path) -> Iterator[tuple[str, Any, str]]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingRefused(f"The settings in {file} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingRefused(f"The settings in {file} are no TOML: {error}") from None
    for name, value in table.items():
        yield name, value, f"{name} in {file}"


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[str, Any, str]]:
    for variable, text in environ.items():
        other = variable == _CONFIG or variable.startswith(_TESTS) or _ROOT_KEY.fullmatch(variable)
        if variable.startswith(_PREFIX) and not other:
            name = variable.removeprefix(_PREFIX).lower()
            yield name, _parsed(name, text, variable), variable


def _from_flags(flags: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    for name, value in flags.items():
        if value is not None:
            flag = "--" + name.replace("_", "-")
            yield name, _parsed(name, value, flag) if isinstance(value, str) else value, flag


def _parsed(name: str, text: str, place: str) -> Any:
    """The value that *text* means; text itself where the setting is text."""
    kind = KINDS.get(name)
    if kind is int:
        if not re.fullmatch(r"[+-]?\d{1,19}", text, re.ASCII):
            raise SettingRefused(f"{place} must be a whole number, not {text!r}")
        return int(text)
    if kind is bool:
        if text.lower() not in _WORDS:
            raise SettingRefused(f"{place} must be true or false, not {text!r}")
        return _WORDS[text.lower()]
    if kind is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


_WORDS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def _checked(name: str, value: Any, place: str) -> Any:
    """The value as the field has it. Raises: SettingRefused, for a wrong type or one out of its bounds."""
    kind = KINDS[name]
    expected, words = _SHAPES[kind]
    # To Python, True is a number.
    if not isinstance(value, expected) or (kind is int and isinstance(value, bool)):
        raise SettingRefused(f"{place} must be {words}, not {value!r}")
    if kind is Path:
        if not str(value):
            raise SettingRefused(f"{place} is empty")
        return Path(os.path.abspath(Path(value).expanduser()))
    if kind is tuple:
        if not all(isinstance(part, str) for part in value):
            raise SettingRefused(f"{place} must be {words}, not {value!r}")
        value = tuple(value)
    if kind is int:
        limits = _FIELDS[name].metadata
        if not limits["least"] <= value <= limits["most"]:
            raise SettingRefused(f"{place} must be between {limits['least']} and {limits['most']}, not {value}")
    for part in value if kind is tuple else (value,):
        problem = _RULES[name](part) if name in _RULES else None
        if problem:
            raise SettingRefused(f"{place}: {part!r} {problem}")
    return value


def _listen(text: str) -> str | None:
    match = _LISTEN.fullmatch(text)
    if match is None or int(match[2]) > 65535:
        return "must be ADDRESS:PORT, as in 127.0.0.1:5000 or [::1]:5000"
    return None


def _database(text: str) -> str | None:
    if text.startswith(("postgresql://", "sqlite:")) and text != "sqlite:":
        return None
    return "must be postgresql://HOST/DATABASE or sqlite:PATH"


def _endpoint(text: str) -> str | None:
    name, _, rest = text.partition("=")
    if not _ENDPOINT.fullmatch(name) or _listen(rest.partition("=")[0]):
        return "must be ID=ADDRESS:PORT or ID=ADDRESS:PORT=FILE, with an ID as in vpce-0a1b2c"
    return None


def _network(text: str) -> str | None:
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        return f"is no network in CIDR form: {error}"
    return None


def _private_host(text: str) -> str | None:
    name, equals, network = text.partition("=")
    return _network(network) if name and equals else "is no name, '=' and network"


def _hostname(text: str) -> str | None:
    plain = text.replace("{account}", "1" * 12).replace("{region}", "us-east-1")
    if not _HOSTNAME.fullmatch(plain):
        return "must be a host name in lower case, in which {account} and {region} may stand, and a port behind a colon"
    return None


def _at_rest(text: str) -> str | None:
    return None if text in {"service", "disk"} else "must be service or disk"


def _region(text: str) -> str | None:
    return None if _REGION.fullmatch(text) else "is no region, as in us-east-1"


def _account(text: str) -> str | None:
    return None if _ACCOUNT.fullmatch(text) else "must be twelve digits"


_RULES: dict[str, Callable[[str], str | None]] = {
    "database": _database,
    "default_at_rest": _at_rest,
    "listen": _listen,
    "endpoints": _endpoint,
    "trusted_proxies": _network,
    "private_hosts": _private_host,
    "account": _account,
    "region": _region,
    "regions": _region,
    "hostname": _hostname,
}


def _check_together(settings: Settings) -> None:
    if (settings.tls_cert is None) != (settings.tls_key is None):
        missing = "tls_key" if settings.tls_key is None else "tls_cert"
        raise SettingRefused(f"tls_cert and tls_key go together: {missing} is missing")
    for name in ("tls_cert", "tls_key"):
        path = getattr(settings, name)
        if path is not None and not path.is_file():
            raise SettingRefused(f"{name}: there is no file {path}")
    names = [interface.id for interface in settings.interfaces]
    if len(set(names)) < len(names):
        raise SettingRefused("endpoints: two of them have the same ID")
    for interface in settings.interfaces:
        if interface.policy is not None and not interface.policy.is_file():
            raise SettingRefused(f"endpoints: there is no file {interface.policy}")
    # A copy of the data would contain what opens it.
    for name, path in (("keys", settings.keys_folder), ("root_key_file", settings.root_key_file)):
        if path is not None and path.is_relative_to(settings.data):
            raise SettingRefused(f"{name}: {path} lies inside the data folder; it must lie elsewhere")


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name, KINDS, n=1)
    return f"; did you mean {near[0]}?" if near else ""


_FIELDS = {field.name: field for field in dataclasses.fields(Settings)}

# What the value of a type is called, and what it comes as from flags, environment and file.
_SHAPES: dict[type, tuple[Any, str]] = {
    Path: ((str, Path), "a path"),
    str: (str, "text"),
    int: (int, "a whole number"),
    bool: (bool, "true or false"),
    tuple: ((list, tuple), "a list of texts"),
}


def _kind(hint: Any) -> type:
    """``Path`` of ``Path | None``, ``tuple`` of ``tuple[str, ...]``."""
    if typing.get_origin(hint) is tuple:
        return tuple
    found: type = next(part for part in typing.get_args(hint) or (hint,) if part in _SHAPES)
    return found


#: The type of each setting, by name.
KINDS: dict[str, type] = {name: _kind(hint) for name, hint in typing.get_type_hints(Settings).items()}
