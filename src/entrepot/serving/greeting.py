"""What a start prints: where everything is, and what to do next, in commands that can be pasted as they are."""

import os
import shlex
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

from entrepot.identity.new_keys import NewKey
from entrepot.schema.migrating import shown
from entrepot.serving.endpoint import endpoint_of
from entrepot.settings import Settings


def greeting(settings: Settings, made: NewKey | None) -> str:
    """The text for a server with these settings; *made* is the access key that a first start has made."""
    endpoint = endpoint_of(settings)
    host = endpoint.url.partition("://")[2].replace("127.0.0.1", "localhost")
    lines = [
        f"Entrepôt {version('entrepot')} listens on {endpoint.url}",
        f"  data        {settings.data}",
        *(f"  root key    {place}" for place in _root_keys(settings)),
        "              Keep a copy of it elsewhere: without it nobody can ever read the images again.",
    ]
    lines += [
        *_key(settings, made),
        "",
        "In another shell:",
        f'  eval "$({_program()} env --data {shlex.quote(_near(settings.data))})"',
        "  aws ecr create-repository --repository-name my-app",
        f"  aws ecr get-login-password | docker login --username AWS --password-stdin {host}",
        f"  docker tag my-app:latest {host}/my-app:1 && docker push {host}/my-app:1",
    ]
    return "\n".join(lines)


def _root_keys(settings: Settings) -> list[str]:
    """Where the versions of the root key are kept."""
    from entrepot.rootkey.providers import provider_of  # noqa: PLC0415  # a start begins sooner without it

    provider = provider_of(settings)
    return [provider.where(version) for version in sorted(provider.load())]


def greeting_of_worker(settings: Settings, made: NewKey | None) -> str:
    """The text for a process of jobs alone."""
    return "\n".join(
        (f"Entrepôt {version('entrepot')} does the jobs of {shown(settings.database_place)}", *_key(settings, made))
    )


def _key(settings: Settings, made: NewKey | None) -> list[str]:
    if made is None:
        return []
    return [
        f"  access key  {made.id}, of the root user of account {settings.account}",
        f"  secret      {made.secret}",
        "              Shown this once; afterwards by `env`, from a file that only you can read.",
    ]


def _program() -> str:
    """How this very program was called, so that it can be called so again from here."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{shlex.quote(_near(Path(sys.executable)))} -m entrepot"
    found = shutil.which(called.name)
    if found and called.exists() and Path(found).samefile(called):
        return called.name
    return shlex.quote(_near(called))


def _near(path: Path) -> str:
    """The path from the working directory, where that is the shorter way to say it."""
    return min(str(path.absolute()), os.path.relpath(path), key=len)
