"""
Rotation of the root key, over all that is sealed under it.

    prepare ─► a version that is kept, and does not seal        (its file; or whoever runs the servers brings it)
    take_into_use ─► it seals, in every process, within seconds (a row, which all look at)
    reencrypt ─► what older versions have sealed is sealed anew (rows, then blobs; again and again, if need be)
    retire ─► an old one is removed                             (nothing is under it, and tokens under it are over)

So every server has a version before anything is sealed under it, and running ones need not be told.
"""

from collections.abc import Callable
from typing import NamedTuple

from entrepot import clock
from entrepot.identity import credentials, deployment
from entrepot.identity.credentials import Vault
from entrepot.identity.tokens import LONGEST_LIFE
from entrepot.keys import material
from entrepot.registry import reencryption
from entrepot.registry.reencryption import Course, Progress
from entrepot.rootkey import RootKey, RootKeyRefused
from entrepot.rootkey.providers import Provider
from entrepot.rootkey.versions import LAST
from entrepot.runtime import Runtime


class Version(NamedTuple):
    """
    A version of the root key, and how many things of each kind need it.

    *since* is when it was taken into use, in seconds since the epoch; None: it is not in use.
    """

    version: int
    where: str
    seals: bool
    since: float | None
    needed_by: dict[str, int]


def prepare(root_key: RootKey, provider: Provider) -> int:
    """
    The version to be sealed under next, which is kept from now on: one that was brought, else a new one.

    Raises: RootKeyRefused, where somebody has to bring it.
    """
    root_key.look_again()
    if root_key.newest > root_key.seals:
        return root_key.newest
    version = root_key.seals + 1
    if version > LAST:
        raise RootKeyRefused(f"There is no version of the root key after {LAST}")
    try:
        provider.add(version)
    except FileExistsError:
        raise RootKeyRefused("The root key is being rotated already") from None
    root_key.look_again()
    return version


def take_into_use(runtime: Runtime, version: int) -> None:
    """Seal under *version*, here at once and in other processes within seconds."""
    runtime.database.write(lambda tx: deployment.take_into_use(tx, runtime.root_key, version))


def reencrypt(runtime: Runtime, watch: Callable[[Course], None], *, seal: bool | None, course: Course) -> None:
    """
    Bring everything that is stored under the version that seals; blobs also to *seal*, as ``reencryption`` does it.

    Raises: NoSpace, StoreUnavailable.
    """
    vault = Vault(runtime.root_key)
    for work in (lambda tx: credentials.rewrap(tx, vault), lambda tx: material.rewrap(tx, runtime.root_key)):
        while runtime.database.write(work):
            watch(course)
    reencryption.reencrypt(runtime, watch, seal=seal, course=course)


def versions(runtime: Runtime, provider: Provider, progress: Progress) -> list[Version]:
    """All versions that are kept or needed, in order."""
    kinds = _needs(runtime, progress)
    with runtime.database.reading() as tx:
        in_use = deployment.versions_in_use(tx)
    known = sorted({*in_use, *provider.load(), *(version for counts in kinds.values() for version in counts)})
    return [
        Version(
            version,
            provider.where(version),
            version == max(in_use),
            in_use.get(version),
            {kind: counts.get(version, 0) for kind, counts in kinds.items()},
        )
        for version in known
    ]


def retire(runtime: Runtime, provider: Provider, version: int, *, end_logins: bool, progress: Progress) -> bool:
    """
    Need a version no longer, and remove it; False, where removing it is for somebody else.

    Raises: RootKeyRefused, while something needs it. With *end_logins*, logins and sessions under it do not count.
    """
    with runtime.database.reading() as tx:
        in_use = deployment.versions_in_use(tx)
    if version >= max(in_use):
        raise RootKeyRefused(
            f"Version {version} of the root key seals, or is yet to: entrepot key rotate makes another"
        )
    left = min(since for later, since in in_use.items() if later > version) + LONGEST_LIFE - clock.now()
    if left > 0 and not end_logins:
        raise RootKeyRefused(
            f"Logins and sessions under version {version} can be good for {left / 3600:.0f} more hours: "
            "come back then, or end them with --end-logins"
        )
    needed = {kind: counts[version] for kind, counts in _needs(runtime, progress).items() if counts.get(version)}
    if needed:
        raise RootKeyRefused(
            f"Version {version} of the root key is still needed by {', '.join(f'{k} {n}' for k, n in needed.items())}: "
            "run entrepot reencrypt first; uploads that have begun end by themselves within a day"
        )
    runtime.database.write(lambda tx: deployment.take_out_of_use(tx, version))
    return provider.remove(version)


def _needs(runtime: Runtime, progress: Progress) -> dict[str, dict[int, int]]:
    """By kind and version: how many things are sealed under it."""
    with runtime.database.reading() as tx:
        rows = {"access keys": credentials.versions(tx), "customer keys": material.root_versions(tx)}
    return rows | {"blobs": reencryption.versions(runtime, progress)}
