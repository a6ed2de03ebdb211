"""
The compose file: as Compose reads it, and as the page tells to start it, on this machine.

PostgreSQL, SeaweedFS and nginx are this machine's own there, in containers that see its programs and nothing else:
they stand in for images that come from registries elsewhere.
"""

import json
import re
import shutil
import tarfile
import time
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from entrepot.settings import load
from tests.clients.kit import Shell, docker_engine, short_folder
from tests.deploy.conftest import NAME
from tests.docs.pages import chapters
from tests.support.clients import client
from tests.support.data import ROOT
from tests.support.network import free_port

_PATIENCE = 120.0
DEPLOY = ROOT / "deploy"


def _blocks() -> list[str]:
    """What the page says to paste."""
    return chapters("docs/team.md")["With Compose"]


@pytest.fixture
def model(tmp_path: Path) -> Any:
    """The whole, as Compose understands it."""
    variables = re.findall(r"^([A-Z_0-9]+)=", _blocks()[0], re.MULTILINE)
    (tmp_path / ".env").write_text("".join(f"{name}=registry.example.org\n" for name in variables))
    (tmp_path / "compose.yaml").write_text((DEPLOY / "compose.yaml").read_text())
    shell = Shell(tmp_path, COMPOSE_PROFILES="postgresql,s3")
    return yaml.safe_load(shell(client("docker-compose"), "config"))


def test_the_parser_of_todays_compose_knows_every_member_of_it(tmp_path):
    """Debian's Compose, which runs it here, is older. This program of the parser's has no variables to put in."""
    said = Shell(tmp_path)(client("compose-go"), "-no-interpolation", "-format=json", DEPLOY / "compose.yaml")

    assert set(json.loads(said)["services"]) == {"node1", "node2", "worker", "proxy", "postgresql", "s3"}


def test_both_nodes_are_the_same_and_may_do_nothing(model):
    one, two = (model["services"][name] for name in ("node1", "node2"))

    addresses = [node.pop("networks")["default"]["ipv4_address"] for node in (one, two)]

    assert one == two
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert all(f"server {address}:5000" in (DEPLOY / "nginx.conf").read_text() for address in addresses)


def test_the_worker_is_a_node_that_does_jobs_and_is_asked_nothing(model):
    worker, node = model["services"]["worker"], model["services"]["node1"]
    own = {"command": ["worker"], "healthcheck": {"test": ["NONE"]}}

    assert worker == {name: member for name, member in node.items() if name != "networks"} | own
    assert load({}, {"ENTREPOT_JOBS": node["environment"]["ENTREPOT_JOBS"]}).jobs is False


def test_root_keys_are_mounted_where_the_nodes_look_for_them(model, tmp_path):
    """As a folder, so that the next version is there without a new container."""
    node = model["services"]["node1"]

    assert f"{tmp_path}/secrets/keys:/run/secrets/entrepot:ro" in node["volumes"]
    assert node["environment"]["ENTREPOT_ROOT_KEY_FILE"] == "/run/secrets/entrepot/root.key"


def test_its_variables_are_settings(model):
    environ = model["services"]["node1"]["environment"]

    settings = load({}, {name: value for name, value in environ.items() if name.startswith("ENTREPOT_")})

    assert settings.hostname == "registry.example.org"
    assert settings.database == "postgresql://entrepot@postgresql/entrepot"
    assert settings.trusted_proxies == (f"{model['services']['proxy']['networks']['default']['ipv4_address']}/32",)


POSTGRESQL = """\
set -eu
as() { setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; }
data=/var/lib/postgresql/data
if [ ! -e $data/PG_VERSION ]; then
    chown nobody $data
    printf %s "$POSTGRES_PASSWORD" > /tmp/password
    chmod 644 /tmp/password
    as initdb -D $data -U "$POSTGRES_USER" --pwfile=/tmp/password -A scram-sha-256 -E UTF8 --no-locale --no-sync
    echo 'host all all all scram-sha-256' >> $data/pg_hba.conf
    echo "CREATE DATABASE $POSTGRES_USER" | as postgres --single -D $data postgres
fi
exec setpriv --reuid=nobody --regid=nogroup --clear-groups \
    postgres -D $data -c "listen_addresses=*" -c unix_socket_directories=/tmp -c fsync=off
"""
PASSWD = "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\nwww-data:x:33:33::/:/bin/sh\n"
GROUP = "root:x:0:\nnogroup:x:65534:\nwww-data:x:33:\n"


def _stand_ins(folder: Path) -> None:
    """An image without programs, ``host``, and what Compose is told beside: whose programs to use, and how."""
    root = folder / "host"
    for name in ("etc", "opt", "tmp", "run", "var/log/nginx", "var/lib/nginx", "usr"):
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    shutil.copy(client("busybox"), root / "opt")  # more than fits into a row, so that there is something for the bucket
    (root / "etc/passwd").write_text(PASSWD)
    (root / "etc/group").write_text(GROUP)
    for name in ("bin", "lib", "lib64", "sbin"):
        (root / name).symlink_to(f"usr/{name}")
    with tarfile.open(folder / "host.tar", "w") as tar:
        tar.add(root, arcname=".")
    (folder / "postgresql.sh").write_text(POSTGRESQL)
    postgresql = client("initdb").resolve().parent
    usr = "/usr:/usr:ro"
    services = {
        "postgresql": {
            "entrypoint": ["/bin/sh", "/opt/postgresql.sh"],
            "environment": {"PATH": f"{postgresql}:/usr/sbin:/usr/bin"},
            "volumes": [usr, f"{folder}/postgresql.sh:/opt/postgresql.sh:ro"],
        },
        "s3": {"environment": {"PATH": "/opt"}, "volumes": [f"{client('weed').resolve()}:/opt/weed:ro"]},
        "proxy": {
            "entrypoint": ["/opt/nginx", "-g", "daemon off;"],
            "volumes": [usr, f"{client('nginx')}:/opt/nginx:ro"],
        },
    }
    (folder / "stand-ins.yaml").write_text(yaml.safe_dump({"services": services}))


@dataclass(frozen=True, slots=True)
class Team:
    """A folder in which the page was followed, and the port of the load balancer."""

    shell: Shell
    folder: Path
    port: int

    def paste(self, block: str) -> str:
        """Paste a block of the page into a shell in the clone. This Compose asks whether there is a terminal."""
        words = {"registry.example.org": "localhost", "docker compose": "docker-compose", " exec ": " exec -T "}
        script = block
        for word, here in words.items():
            script = script.replace(word, here)
        return self.shell("bash", "-euo", "pipefail", "-c", f"cd {self.folder}\n{script}")

    def docker(self, *arguments: str | Path, given: str = "") -> str:
        """What docker says."""
        return self.shell(client("docker"), *arguments, given=given).strip()

    def wait(self) -> None:
        """Wait until both nodes are healthy."""
        until = time.monotonic() + _PATIENCE
        names = self.docker("ps", "--all", "--quiet", "--filter=label=com.docker.compose.project=deploy").split()
        assert len(names) == 6
        while self.docker("ps", "--quiet", "--filter=health=healthy").count("\n") != 1:
            if time.monotonic() > until:
                logs = [self.shell.attempt(client("docker"), "logs", "--tail=30", name) for name in names]
                raise AssertionError("\n\n".join(each.stdout + each.stderr for each in logs))
            time.sleep(0.2)


@pytest.fixture(scope="module")
def team(image: Path) -> Iterator[Team]:
    compose = client("docker-compose")
    with short_folder() as folder, docker_engine(Shell(folder), client("dockerd"), client("docker")) as shell:
        shutil.copytree(DEPLOY, folder / "clone/deploy", ignore=shutil.ignore_patterns("secrets", "backups", ".env"))
        _stand_ins(folder)
        team = Team(shell, folder / "clone", free_port())
        team.docker("load", "--input", image)
        team.docker("import", folder / "host.tar", "host:1")
        shell.environment |= {
            "COMPOSE_FILE": f"compose.yaml:{folder}/stand-ins.yaml",
            "ENTREPOT_IMAGE": NAME,
            "ENTREPOT_PORT": f"127.0.0.1:{team.port}",
            **dict.fromkeys(("NGINX_IMAGE", "POSTGRES_IMAGE", "SEAWEEDFS_IMAGE"), "host:1"),
        }
        try:
            team.paste(_blocks()[0])
            team.wait()
            yield team
        finally:
            # An engine that ends leaves its networks to the machine, and the next one's would be the same.
            shell("bash", "-c", f"cd {team.folder}/deploy && {compose} down --volumes --timeout 1")


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_team_that_followed_the_page_pushes_and_pulls_whichever_node_is_left(team):
    made = team.paste("cd deploy\n" + _blocks()[1])
    identity, secret = (line.split()[-1] for line in made.splitlines())
    new: Any = boto3.client
    ecr = new(
        "ecr",
        endpoint_url=f"https://localhost:{team.port}",
        region_name="us-east-1",
        aws_access_key_id=identity,
        aws_secret_access_key=secret,
        verify=str(team.folder / "deploy/secrets/tls/tls.crt"),
    )
    name = ecr.create_repository(repositoryName="my-app")["repository"]["repositoryUri"]
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    host = f"localhost:{team.port}"
    team.docker("login", "--username=AWS", "--password-stdin", host, given=b64decode(token).decode().partition(":")[2])
    team.docker("tag", "host:1", f"{host}/my-app:1")

    team.docker("push", f"{host}/my-app:1")

    assert name == "localhost/my-app"
    for node in ("node1", "node2"):
        team.docker("rmi", f"{host}/my-app:1")
        team.docker("stop", f"deploy_{node}_1")
        team.docker("pull", f"{host}/my-app:1")
        team.docker("start", f"deploy_{node}_1")
        team.wait()
    node, worker = (team.shell.attempt(client("docker"), "logs", f"deploy_{name}_1") for name in ("node1", "worker"))
    assert '"client":"172.31.94.1","principal":"arn:aws:iam::123456789012:root"' in node.stderr  # and not the proxy
    assert "does the jobs of postgresql://" in worker.stdout


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_team_that_followed_the_page_takes_a_backup(team):
    (command,) = chapters("docs/team.md")["Backup"]

    said = team.paste("cd deploy\n" + command)

    (rows,) = (team.folder / "deploy/backups").glob("*/rows.sqlite")
    assert said.startswith(f"backup {rows.parent.name}: ")
