"""
The recipes for access, pasted as they stand.

What a recipe says works has to work; what it says is refused has to be refused, in the words that it quotes. All are
tried one after the other at one registry, which the last one starts anew.
"""

import json
import re
import shlex
import shutil
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from socket import create_connection

import pytest

from tests.clients.kit import daemon
from tests.docs.pages import chapters, text
from tests.docs.reader import Reader
from tests.support.network import free_port
from tests.support.skips import want
from tests.support.web_identity import Issuer

# A dozen commands that take a second each, where nobody else is at work.
pytestmark = pytest.mark.timeout(600)

PAGE = "docs/recipes.md"
GITHUB = "https://token.actions.githubusercontent.com"
GITLAB = "https://gitlab.example.com"


def _recipe(title: str) -> list[str]:
    return chapters(PAGE)[title]


def _quoted(title: str) -> list[str]:
    """The reasons of refusals that a recipe quotes."""
    body = text(PAGE).partition(f"## {title}\n")[2].partition("\n## ")[0].replace("\n", " ")
    return re.findall(r"\*((?:because|with) .+?)\*", re.sub(r"```.*?```", "", body))


def test_a_developer_pushes_all_tags_but_those_of_production(prepared: Reader) -> None:
    title = "Nobody pushes prod-* but those who may"
    policy, works, refused, why = _recipe(title)
    (reason,) = _quoted(title)

    prepared.paste(policy)
    assert "dev-1: digest: sha256:" in prepared.paste(works)
    said = prepared.paste_in_vain(refused)
    decision = json.loads(prepared.paste(why))["EvaluationResults"][0]

    asked = "not authorized to perform: ecr:PutImage on resource: arn:aws:ecr:us-east-1:123456789012:repository/my-app"
    assert f"denied: User: arn:aws:iam::123456789012:user/dev is {asked} {reason}" in said
    assert decision["EvalDecision"] == "explicitDeny"
    assert "not-prod" in decision["MatchedStatements"][0]["SourcePolicyId"]


def test_a_node_pulls_and_does_not_push(prepared: Reader) -> None:
    title = "A node that only pulls"
    role, node, refused = _recipe(title)
    (reason,) = _quoted(title)

    prepared.paste(role)
    assert "/my-app:1" in prepared.paste(node)
    said = prepared.paste_in_vain(refused)

    assert "denied: User: arn:aws:sts::123456789012:assumed-role/node/" in said
    assert reason in said


def test_a_job_of_github_pushes_without_a_stored_key(prepared: Reader) -> None:
    for program in ("curl", "jq"):
        if shutil.which(program) is None:
            want(program)
    trust, keys, workflow = _recipe("CI without a stored key")
    issuer = Issuer(GITHUB)
    (prepared.shell.home / "jwks").write_text(issuer.jwks)
    prepared.words[f"{GITHUB}/.well-known/jwks"] = f"file://{prepared.shell.home}/jwks"
    job = textwrap.dedent(workflow.partition("- run: |\n")[2])

    prepared.paste(trust)
    prepared.paste(keys)
    with _tokens(issuer, sub="repo:my-org/my-app:ref:refs/heads/main") as given:
        said = _run(prepared, job, _variables(workflow) | given | {"GITHUB_SHA": "0123abc"})
    with _tokens(issuer, sub="repo:my-org/my-app:ref:refs/heads/mine") as given, pytest.raises(AssertionError) as other:
        _run(prepared, job, _variables(workflow) | given | {"GITHUB_SHA": "4567def"})

    assert "0123abc: digest: sha256:" in said
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in str(other.value)


def test_a_job_of_gitlab_pushes_without_a_stored_key(prepared: Reader) -> None:
    role, workflow = _recipe("CI of your own GitLab")
    issuer = Issuer(GITLAB)
    (prepared.shell.home / "gitlab-keys.json").write_text(issuer.jwks)
    token = issuer.sign(_claims(issuer, sub="project_path:my-group/my-app:ref_type:branch:ref:main"))
    lines = workflow.partition("script:\n")[2].splitlines()
    job = "\n".join(line.strip().removeprefix("- ") for line in lines)

    prepared.paste(role)
    said = _run(prepared, job, _variables(workflow) | {"TOKEN": token, "CI_COMMIT_SHA": "0123abc"})

    assert "0123abc: digest: sha256:" in said


def test_another_account_pulls_by_consent_of_both(prepared: Reader) -> None:
    title = "Another account pulls"
    consent, pull, withdrawn = _recipe(title)
    (reason,) = _quoted(title)

    prepared.paste(consent)
    assert "/my-app:1" in prepared.paste(pull)
    said = prepared.paste_in_vain(withdrawn)

    assert "User: arn:aws:iam::210987654321:user/puller is not authorized" in said
    assert reason in said


def test_a_repository_can_be_had_through_its_endpoint_alone(prepared: Reader) -> None:
    title = "A private endpoint"
    policy, serve, inside, outside, push = _recipe(title)
    denied, unfiltered = _quoted(title)
    port = free_port()
    prepared.words |= {"localhost:5001": f"localhost:{port}", "127.0.0.1:5001": f"127.0.0.1:{port}"}

    prepared.paste(policy)
    prepared.server.stop()
    command = [*shlex.split(prepared.put(serve)), "--listen", f"127.0.0.1:{prepared.port}"]
    with daemon(prepared.shell, command, lambda: _reachable(prepared.port) and _reachable(port)):
        assert "/my-app:1" in prepared.paste(inside)
        assert denied in prepared.paste_in_vain(outside)
        assert unfiltered in prepared.paste_in_vain(push)


def test_the_page_has_no_recipe_that_is_not_tried() -> None:
    assert [*chapters(PAGE)] == [
        "Before you start",
        "Nobody pushes prod-* but those who may",
        "A node that only pulls",
        "CI without a stored key",
        "CI of your own GitLab",
        "Another account pulls",
        "A private endpoint",
    ]


def _variables(workflow: str) -> dict[str, str]:
    """What a job's description says that its environment has."""
    return dict(re.findall(r"^ +(AWS_\w+): (.+)$", workflow, re.MULTILINE))


def _run(reader: Reader, job: str, variables: dict[str, str]) -> str:
    """Run a job in a clone of my-app, as a runner with Docker that reaches the registry does."""
    reader.words |= {
        "https://registry.example.org": f"http://localhost:{reader.port}",
        "registry.example.org": f"localhost:{reader.port}",
    }
    return reader.paste_elsewhere(f"cd my-app\n{job}", variables)


def _claims(issuer: Issuer, **more: str) -> dict[str, str | int]:
    now = int(time.time())
    return {"iss": issuer.url, "aud": "sts.amazonaws.com", "iat": now, "nbf": now, "exp": now + 300, **more}


@contextmanager
def _tokens(issuer: Issuer, *, sub: str) -> Iterator[dict[str, str]]:
    """What GitHub gives a job: where it gets tokens, and the password for there."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.headers["Authorization"] == "Bearer of-this-job"
            assert self.path == "/token?version=1&audience=sts.amazonaws.com"
            body = json.dumps({"value": issuer.sign(_claims(issuer, sub=sub))}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/token?version=1"
        yield {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-this-job"}
        server.shutdown()


def _reachable(port: int) -> bool:
    try:
        with closing(create_connection(("127.0.0.1", port), timeout=1)):
            return True
    except OSError:
        return False
