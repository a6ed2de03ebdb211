"""helm: charts in the registry, beside images."""

import pytest

from tests.support.clients import client


@pytest.fixture
def helm(shell, host, password):
    """helm, logged in, with a packaged chart in its folder."""
    program = client("helm")
    login = ["registry", "login", host, "--username=AWS", "--password-stdin", "--plain-http"]
    shell(program, *login, given=password)
    shell(program, "create", "web")
    shell(program, "package", "web", "--version=1.2.3")
    return lambda *arguments: shell(program, *arguments)


@pytest.fixture
def charts(server, host, repository):
    """Where charts go; helm adds the chart's own name."""
    server.aws("ecr").create_repository(repositoryName=f"{repository}/web")
    return f"oci://{host}/{repository}"


def test_a_chart_comes_back_the_same(helm, charts, shell):
    (shell.home / "pulled").mkdir()
    helm("push", "web-1.2.3.tgz", charts, "--plain-http")
    helm("pull", f"{charts}/web", "--version=1.2.3", "--plain-http", "--destination=pulled")

    assert (shell.home / "pulled/web-1.2.3.tgz").read_bytes() == (shell.home / "web-1.2.3.tgz").read_bytes()


def test_the_newest_version_is_found_among_the_tags(helm, charts):
    helm("package", "web", "--version=1.10.0+build.5")
    for version in ("1.2.3", "1.10.0+build.5"):
        helm("push", f"web-{version}.tgz", charts, "--plain-http")

    assert "version: 1.10.0+build.5\n" in helm("show", "chart", f"{charts}/web", "--plain-http")
    assert "version: 1.2.3\n" in helm("show", "chart", f"{charts}/web", "--version=~1.2", "--plain-http")
    assert "kind: Deployment" in helm("template", f"{charts}/web", "--plain-http")


def test_the_api_tells_a_chart_from_an_image(helm, charts, server, repository):
    helm("push", "web-1.2.3.tgz", charts, "--plain-http")

    (detail,) = server.aws("ecr").describe_images(repositoryName=f"{repository}/web")["imageDetails"]
    assert detail["imageTags"] == ["1.2.3"]
    assert detail["artifactMediaType"] == "application/vnd.cncf.helm.config.v1+json"


def test_a_chart_without_a_repository_is_refused_by_name(helm, host, shell):
    said = shell.refused(client("helm"), "push", "web-1.2.3.tgz", f"oci://{host}/test/missing", "--plain-http")

    assert "The repository with name 'test/missing/web' does not exist" in said
