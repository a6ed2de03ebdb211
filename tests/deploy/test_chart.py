"""The Helm chart: what helm and Kubernetes' own schemas say of it, and what pods it makes."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from entrepot.settings import KINDS, load
from tests.clients.kit import Shell
from tests.docs.pages import chapters
from tests.support.clients import client
from tests.support.data import ROOT

CHART = ROOT / "deploy/chart"
VALUES: dict[str, Any] = {
    "database": {"secret": "entrepot-database"},
    "storage": {"url": "s3://bucket/registry?region=eu-central-1"},
    "rootKey": {"secret": "entrepot-root-key"},
    "hostname": "{account}.dkr.ecr.{region}.example.org",
}
ALL = VALUES | {
    "image": {"repository": "registry.example.org/entrepot", "tag": "1.2.3"},
    "imagePullSecrets": [{"name": "pull"}],
    "storage": VALUES["storage"] | {"secret": "entrepot-s3"},
    "tls": {"secret": "entrepot-tls"},
    "trustedProxies": ["10.0.0.0/8", "192.168.0.0/16"],
    "settings": {
        "layer_size": 54_525_952_000,
        "access_log": False,
        "regions": ["eu-central-1", "us-east-1"],
        "drain_delay": 20,
        "drain_limit": 600,
    },
    "replicas": 3,
    "worker": {"replicas": 2},
    "service": {"type": "LoadBalancer", "port": 443, "annotations": {"example.org/kind": "internal"}},
    "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/registry"}},
    "podAnnotations": {"example.org/note": "x"},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "registry", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "home")


@pytest.fixture
def values(shell, request):
    """A file of values: of the test's parameter, or those that have to be set."""
    path = shell.home / "values.yaml"
    path.write_text(json.dumps(getattr(request, "param", VALUES)))
    return path


@pytest.fixture
def rendered(shell, values):
    """What the chart makes: each object by its kind, and the second deployment as ``Worker``."""
    said = shell(client("helm"), "template", "team", CHART, f"--values={values}")
    objects = list(yaml.safe_load_all(said))
    found = {"Worker" if each["metadata"]["name"].endswith("-worker") else each["kind"]: each for each in objects}
    assert len(found) == len(objects)
    return found


@pytest.fixture
def pod(rendered):
    return _pod(rendered["Deployment"])


@pytest.fixture
def container(pod):
    return _container(pod)


def _pod(deployment):
    return deployment["spec"]["template"]["spec"]


def _container(pod):
    (container,) = pod["containers"]
    return container


def _environ(container):
    return {each["name"]: each.get("value", "postgresql://host/database") for each in container["env"]}


(PAGE,) = (yaml.safe_load(block) for block in chapters("docs/team.md")["On Kubernetes"] if block.startswith("image:"))
each = pytest.mark.parametrize("values", [VALUES, ALL, PAGE], ids=["least", "all", "page"], indirect=True)


@each
def test_helm_finds_nothing_to_say_against_it(shell, values):
    assert "0 chart(s) failed" in shell(client("helm"), "lint", "--strict", CHART, f"--values={values}")


@each
def test_kubernetes_knows_every_member_of_what_it_makes(shell, values):
    shell(client("helm"), "template", "team", CHART, f"--values={values}", "--output-dir=made")

    made = sorted((shell.home / "made").rglob("*.yaml"))

    assert len(made) == 4
    shell(client("kubernetes-validate"), "--strict", *made)


@each
def test_a_pod_has_no_rights_and_may_write_to_memory_alone(rendered):
    for pod in [_pod(rendered[name]) for name in ("Deployment", "Worker") if name in rendered]:
        container = _container(pod)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        writable = {each["name"] for each in container["volumeMounts"] if not each.get("readOnly")}
        assert {each["name"] for each in pod["volumes"] if "emptyDir" in each} == writable == {"data", "tmp"}


@each
def test_the_root_key_is_a_secret_that_exists_with_all_its_versions_and_the_chart_makes_none(rendered):
    assert "Secret" not in rendered
    for pod in [_pod(rendered[name]) for name in ("Deployment", "Worker") if name in rendered]:
        (volume,) = (each for each in pod["volumes"] if each["name"] == "root-key")
        (mount,) = (each for each in _container(pod)["volumeMounts"] if each["name"] == "root-key")

        assert volume["secret"] == {"secretName": "entrepot-root-key", "defaultMode": 0o440}
        assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"]
        assert mount == {"name": "root-key", "mountPath": "/run/secrets/entrepot", "readOnly": True}
        assert _environ(_container(pod))["ENTREPOT_ROOT_KEY_FILE"] == "/run/secrets/entrepot/root.key"


@each
def test_a_pod_that_ends_has_time_to_leave_and_to_finish(pod, container):
    environ = _environ(container)
    delay, limit = (int(environ[f"ENTREPOT_DRAIN_{name}"]) for name in ("DELAY", "LIMIT"))

    assert delay > container["readinessProbe"]["periodSeconds"]
    assert pod["terminationGracePeriodSeconds"] == delay + limit + 15


@pytest.mark.parametrize("values", [ALL], indirect=True)
def test_workers_do_the_jobs_that_serving_pods_leave_to_them(rendered, container):
    worker = rendered["Worker"]
    alone = _container(_pod(worker))
    labels = worker["spec"]["template"]["metadata"]["labels"]
    own = {"ENTREPOT_JOBS": "false", "ENTREPOT_TLS_CERT": "/run/tls/tls.crt", "ENTREPOT_TLS_KEY": "/run/tls/tls.key"}

    assert worker["spec"]["replicas"] == 2
    assert (container["args"], alone["args"]) == (["serve"], ["worker"])
    assert _environ(container) == _environ(alone) | own
    assert not own.keys() & _environ(alone).keys()
    assert alone["envFrom"] == container["envFrom"]
    assert worker["spec"]["selector"]["matchLabels"].items() <= labels.items()
    # No request comes to them: they listen nowhere.
    assert not rendered["Service"]["spec"]["selector"].items() <= labels.items()
    assert not {name for name in alone if name.endswith("Probe") or name == "ports"}


@pytest.mark.parametrize("values", [VALUES, PAGE], ids=["least", "page"], indirect=True)
def test_without_workers_the_pods_that_serve_do_the_jobs(rendered, container):
    assert "Worker" not in rendered
    assert "ENTREPOT_JOBS" not in _environ(container)


@each
def test_probes_ask_what_the_server_answers_in_the_way_that_it_speaks(pod, container):
    scheme = "HTTPS" if any(each["name"] == "tls" for each in pod["volumes"]) else "HTTP"
    paths = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")}

    assert paths == {
        "startup": {"path": "/readyz", "port": "registry", "scheme": scheme},
        "readiness": {"path": "/readyz", "port": "registry", "scheme": scheme},
        "liveness": {"path": "/healthz", "port": "registry", "scheme": scheme},
    }


@each
def test_service_and_disruption_budget_mean_the_pods(rendered):
    labels = rendered["Deployment"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        rendered["Deployment"]["spec"]["selector"]["matchLabels"],
        rendered["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        rendered["Service"]["spec"]["selector"],
    ]

    assert all(selector.items() <= labels.items() for selector in selectors)
    assert rendered["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
    assert rendered["Deployment"]["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


@pytest.mark.parametrize("values", [ALL], indirect=True)
def test_settings_arrive_as_they_were_meant(container, tmp_path, monkeypatch):
    environ = _environ(container)
    for name in ("TLS_CERT", "TLS_KEY"):
        file = tmp_path / Path(environ[f"ENTREPOT_{name}"]).name
        file.touch()
        environ[f"ENTREPOT_{name}"] = str(file)

    settings = load({}, environ)

    assert settings.storage == "s3://bucket/registry?region=eu-central-1"
    assert settings.hostname == "{account}.dkr.ecr.{region}.example.org"
    assert settings.trusted_proxies == ("10.0.0.0/8", "192.168.0.0/16")
    assert (settings.layer_size, settings.access_log) == (54_525_952_000, False)
    assert (settings.drain_delay, settings.drain_limit, settings.jobs) == (20, 600, False)
    assert settings.regions == ("eu-central-1", "us-east-1")
    assert container["envFrom"] == [{"secretRef": {"name": "entrepot-s3"}}]


def test_variables_that_kubernetes_makes_of_services_are_kept_away(pod):
    """Those of a service called entrepot would begin as our settings do, and be refused."""
    assert pod["enableServiceLinks"] is False


@pytest.mark.parametrize("wrong", [
    {"database": {"secret": ""}},
    {"storage": {"url": "/srv/blobs"}},
    {"rootKey": {"secret": ""}},
    {"rootKey": {"secret": "root", "value": "c2VjcmV0"}},
    {"hostname": ""},
    {"replicas": 0},
    {"replica": 3},
    {"worker": {"replicas": -1}},
    {"settings": {"data": "/elsewhere"}},
    {"settings": {"gc_grace": 1.5}},
    {"settings": {"drain_limit": None}},
    {"settings": {"drain_delay": "20"}},
])  # fmt: skip
def test_values_that_cannot_be_are_refused(shell, wrong):
    path = shell.home / "values.yaml"
    path.write_text(json.dumps(VALUES | wrong))

    said = shell.refused(client("helm"), "template", "team", CHART, f"--values={path}")

    assert "values don't meet the specifications of the schema" in said


def test_what_has_to_be_set_is_asked_for(shell):
    said = shell.refused(client("helm"), "template", "team", CHART)

    assert all(f"/{name}" in said for name in ("database/secret", "storage/url", "rootKey/secret", "hostname"))


@each
def test_the_chart_lets_nobody_set_twice_what_it_sets_itself(values, container):
    schema = json.loads((CHART / "values.schema.json").read_text())
    forbidden = set(schema["properties"]["settings"]["propertyNames"]["not"]["enum"])
    default = yaml.safe_load((CHART / "values.yaml").read_text())["settings"]
    given = default.keys() | json.loads(values.read_text()).get("settings", {}).keys()
    made = [name.removeprefix("ENTREPOT_").lower() for name in _environ(container)]

    assert len(set(made)) == len(container["env"])
    assert set(made) - given <= forbidden <= set(KINDS)


def test_its_version_is_the_projects():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert (chart["version"], chart["appVersion"]) == (project["version"], project["version"])


def test_it_is_kept_in_a_registry_of_ours_and_installed_from_there(shell, server, values):
    host, helm = f"127.0.0.1:{server.port}", client("helm")
    server.aws("ecr").create_repository(repositoryName="charts/entrepot")
    login = ["registry", "login", host, "--username=AWS", "--password-stdin", "--plain-http"]
    shell(helm, *login, given=server.password())
    shell(helm, "package", CHART)

    (package,) = shell.home.glob("entrepot-*.tgz")
    shell(helm, "push", package, f"oci://{host}/charts", "--plain-http")
    from_registry = shell(
        helm, "template", "team", f"oci://{host}/charts/entrepot", "--plain-http", f"--values={values}"
    )

    assert from_registry.endswith(shell(helm, "template", "team", CHART, f"--values={values}"))
