"""The page on how each client connects: what it says to paste is pasted here."""

import re
import shutil
import sys
import tarfile

import pytest

from tests.clients.kit import Shell, as_root, short_folder
from tests.support.clients import client
from tests.support.data import ROOT

PAGE = (ROOT / "docs/clients.md").read_text(encoding="utf-8")

# The programs that the blocks of a paragraph call.
PROGRAMS = {
    "Docker": ["docker", "dockerd", "aws"],
    "Podman": ["podman", "aws"],
    "Buildah": ["buildah", "aws"],
    "Skopeo": ["skopeo", "aws"],
    "containerd": ["ctr", "containerd", "aws"],
    "crane": ["crane", "aws"],
    "regctl": ["regctl", "aws"],
    "Helm": ["helm", "aws"],
    "Cosign": ["cosign", "crane", "aws"],
    "ORAS for Python": ["oras", "aws"],
    "AWS CLI": ["aws"],
    "boto3": [],
    "JavaScript": ["node", "aws-sdk-js"],
}
# Another test does what these say.
ELSEWHERE = {
    "Before you start",
    "docker-credential-ecr-login",
    "Other accounts and regions",
    "The public registry",
    "TLS",
}

# So that engines without a daemon keep what they do to themselves, as the page need not say.
STORAGE = '[storage]\ndriver = "vfs"\ngraphroot = "{home}/graph"\nrunroot = "{home}/runroot"\n'
ENGINE = '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\ntmp_dir = "{home}/libpod"\n'


def paragraphs():
    """The blocks of each paragraph, as (language, text), by its heading."""
    parts = re.split(r"^## (.*)\n", PAGE, flags=re.MULTILINE)[1:]
    fence = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return {title: fence.findall(text) for title, text in zip(parts[::2], parts[1::2], strict=True)}


@pytest.fixture
def name(request, server):
    """What stands here for my-app."""
    name = f"docs-{request.node.callspec.id.lower().replace(' ', '-')}"
    server.aws("ecr").create_repository(repositoryName=name)
    return name


@pytest.fixture
def shell(variables, name, images):
    """A shell as the page supposes it: the registry known, an application at hand, programs on PATH."""
    with short_folder() as folder:
        shell = Shell(folder, **variables)
        (folder / "storage.conf").write_text(STORAGE.format(home=folder))
        (folder / "containers.conf").write_text(ENGINE.format(home=folder))
        shell.environment |= {
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "BUILDAH_ISOLATION": "chroot",
        }
        shutil.copytree(images.image, folder / name)
        with tarfile.open(folder / f"{name}.tar", "w") as archive:
            archive.add(images.index, arcname=".")
        (folder / "Containerfile").write_text("FROM scratch\nCOPY notes.txt /\n")
        (folder / "notes.txt").write_text("a note\n")
        yield shell


@pytest.fixture
def paste(shell, name, host):
    """Runs a block, with the words replaced that differ here."""

    def run(language, text):
        text = text.replace("localhost:5000", f"localhost:{host.partition(':')[2]}").replace("my-app", name)
        if language == "sh":
            return shell("bash", "-euo", "pipefail", "-c", text)
        if language == "js":
            return shell(client("node"), "-e", text)
        return shell(client("oras") if "import oras" in text else sys.executable, "-W", "ignore", "-c", text)

    return run


def docker(shell, name, request):
    engine = request.getfixturevalue("engine")
    shell.environment["DOCKER_HOST"] = engine.environment["DOCKER_HOST"]
    engine(client("docker"), "tag", "my-app:latest", f"{name}:latest")


def podman(shell, name, request):
    as_root()
    image = shell(client("podman"), "pull", "--quiet", f"oci:{name}:1").strip()
    shell(client("podman"), "tag", image, f"{name}:latest")


def containerd(shell, name, request):
    engine = request.getfixturevalue("containerd")
    shell.environment |= {"CONTAINERD_ADDRESS": f"{engine.home}/c.sock", "CONTAINERD_SNAPSHOTTER": "native"}


def pushed(shell, name, request):
    request.getfixturevalue("registry").push_image(name, "1")


def modules(shell, name, request):
    shell.environment["NODE_PATH"] = str(client("aws-sdk-js"))
    pushed(shell, name, request)


# What a reader of a paragraph has, beyond what all have.
AT_HAND = {
    "Docker": docker,
    "Podman": podman,
    "Buildah": lambda *_: as_root(),
    "containerd": containerd,
    "Cosign": pushed,
    "AWS CLI": pushed,
    "boto3": pushed,
    "JavaScript": modules,
}


@pytest.mark.parametrize("title", PROGRAMS)
def test_what_the_page_says_works(title, shell, name, paste, request):
    programs = [client(program) for program in PROGRAMS[title]]
    shell.environment["PATH"] = ":".join([*{str(path.parent) for path in programs}, shell.environment["PATH"]])
    AT_HAND.get(title, lambda *_: None)(shell, name, request)

    for language, text in paragraphs()[title]:
        paste(language, text)


def test_the_page_says_nothing_that_is_not_tested():
    assert set(paragraphs()) == {*PROGRAMS, *ELSEWHERE}
