"""oras, the Python library of that name: artifacts of any kind."""

import pytest

from tests.support.clients import client

SETUP = """\
import os
import oras.client
registry = oras.client.OrasClient(hostname=os.environ["HOST"], insecure=True, auth_backend="basic")
registry.auth.set_basic_auth("AWS", os.environ["PASSWORD"])
name = os.environ["HOST"] + "/" + os.environ["REPOSITORY"]
"""


@pytest.fixture
def oras(shell, host, password, repository):
    """What a program that uses the library prints."""
    python = client("oras")
    shell.environment |= {"HOST": host, "PASSWORD": password, "REPOSITORY": repository}
    return lambda program: shell(python, "-W", "ignore", "-c", SETUP + program)


def test_an_artifact_of_several_files_comes_back_the_same(oras, shell):
    (shell.home / "a.txt").write_text("the first\n")
    (shell.home / "b.bin").write_bytes(bytes(range(256)) * 1000)

    oras("""
registry.push(f"{name}:1", files=["a.txt:text/plain", "b.bin"], manifest_annotations={"by": "us"}, quiet=True)
registry.pull(f"{name}:1", outdir="pulled")
assert registry.get_manifest(f"{name}:1")["annotations"] == {"by": "us"}
""")

    for file in ("a.txt", "b.bin"):
        assert (shell.home / "pulled" / file).read_bytes() == (shell.home / file).read_bytes()


def test_an_artifact_goes_up_in_chunks(oras, shell):
    (shell.home / "b.bin").write_bytes(bytes(range(256)) * 8000)

    oras("""
registry.push(f"{name}:1", files=["b.bin"], do_chunked=True, chunk_size=500_000, quiet=True)
registry.pull(f"{name}:1", outdir="pulled")
""")

    assert (shell.home / "pulled/b.bin").read_bytes() == bytes(range(256)) * 8000


def test_tags_are_listed_and_deleted(oras, shell):
    """The library deletes a tag by the digest that it stands for, so each one here is another artifact."""
    (shell.home / "a.txt").write_text("the first\n")

    said = oras("""
for tag in ("1", "2", "3"):
    registry.push(f"{name}:{tag}", files=["a.txt"], manifest_annotations={"number": tag}, quiet=True)
registry.delete_tags(name, ["2"])
print(*registry.get_tags(name))
""")

    assert said.split()[-2:] == ["1", "3"]


def test_an_artifact_refers_to_its_subject(oras, shell, registry, repository):
    (shell.home / "a.txt").write_text("the first\n")
    subject, _ = registry.push_image(repository, "1")

    oras(f"""
import oras.oci
subject = oras.oci.Subject(
    mediaType="application/vnd.oci.image.manifest.v1+json", digest="{subject}", size=1
)
registry.push(f"{{name}}:note", files=["a.txt"], subject=subject, quiet=True)
""")

    referrers = registry("GET", f"/v2/{repository}/referrers/{subject}").json()
    assert len(referrers["manifests"]) == 1
