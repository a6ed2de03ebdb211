"""``entrepot serve``: what a start makes, what it refuses, how it ends."""

import base64
import fcntl
import os
import re
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import urllib3

from tests.support.server import ENTREPOT, Server

_PATIENCE = 30.0


def _until(condition):
    """What *condition* returns once it is something, or a failure."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to pass")


def _children(server):
    """Ids of the processes under the parent, workers and jobs, by what they were started as."""
    assert server.process is not None
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
            arguments = status.with_name("cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[1]) == server.process.pid and b"resource_tracker" not in arguments:
            found.append(int(status.parent.name))
    return sorted(found)


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _refusal(server):
    """How a start that must not succeed ends: exit code and what it says."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ENTREPOT_")} | server.settings
    listen = f"{server.host}:{server.port}"
    ended = subprocess.run(
        [ENTREPOT, "serve", "--data", server.data, "--listen", listen],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    return ended.returncode, ended.stderr


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    """A data folder on which a server has been; nobody is there now. Tests leave it as it was."""
    server = Server(tmp_path_factory.mktemp("used") / "data")
    server.start()
    _greeting(server)
    assert server.stop() == 0
    return server


def _greeting(server):
    """What a start printed. The first answer may be there before the greeting is."""
    text: str = server.log.read_text()
    for _ in range(100):
        if "docker push" in text:
            break
        time.sleep(0.1)
        text = server.log.read_text()
    return text


def test_the_first_start_says_where_everything_is_and_what_to_do_next(used):
    text = _greeting(used)

    assert f"listens on http://127.0.0.1:{used.port}" in text
    assert f"data        {used.data}\n" in text
    assert f"root key    {used.data}.keys/root.key\n" in text
    assert "without it nobody can ever read the images again" in text
    assert re.search(r"access key  AKIA[A-Z2-7]{16}, of the root user of account 123456789012\n", text)
    assert re.search(r"secret      [A-Za-z0-9+/]{40}\n", text)
    assert re.search(rf'  eval "\$\(\S*entrepot env --data {used.data}\)"\n', text)
    assert f"docker login --username AWS --password-stdin localhost:{used.port}\n" in text


def test_the_printed_program_can_be_pasted_from_where_it_was_started(tmp_path):
    """As `make serve` starts it: by a relative path, which is not on PATH."""
    server = Server(tmp_path / "data")
    with server:
        text = _greeting(server)
    line = re.search(r'eval "\$\((.*) env --data (.*)\)"', text)
    assert line is not None

    shown = subprocess.run(f"{line[1]} env --data {line[2]}", shell=True, capture_output=True, text=True, check=True)

    assert "export AWS_ACCESS_KEY_ID=AKIA" in shown.stdout


def test_everything_that_a_start_makes_is_the_owners_alone(used):
    made = [used.data, *used.data.rglob("*"), Path(f"{used.data}.keys"), *Path(f"{used.data}.keys").rglob("*")]

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in made}

    assert {"root.key", "credentials", "entrepot.sqlite", "endpoint.json", "objects"} <= modes.keys()
    assert all(mode in (0o600, 0o700) for mode in modes.values()), modes


def test_a_second_start_keeps_the_key_and_shows_no_secret(used, tmp_path):
    key = used.environment()["AWS_SECRET_ACCESS_KEY"]
    server = used.again(tmp_path / "log")

    with server:
        identity = server.aws("sts").get_caller_identity()

    assert identity["Arn"] == "arn:aws:iam::123456789012:root"
    assert server.environment()["AWS_SECRET_ACCESS_KEY"] == key
    assert key not in server.log.read_text()
    assert "secret" not in server.log.read_text()


def test_workers_leave_no_core_dumps_and_make_no_files_that_others_read(used, tmp_path):
    with used.again(tmp_path / "log", jobs=False) as server:
        (worker,) = _children(server)

        limits = Path(f"/proc/{worker}/limits").read_text()
        status = Path(f"/proc/{worker}/status").read_text()

    assert re.search(r"Max core file size\s+0\s+0", limits)
    assert re.search(r"Umask:\s+0077", status)


def test_abuse_65_no_process_can_be_dumped_or_attached_to():
    """PR_GET_DUMPABLE is 3. Every process, commands too, begins with ``confine``."""
    program = (
        "import ctypes, entrepot.serving.processes as processes\n"
        "prctl = ctypes.CDLL(None).prctl\n"
        "print(prctl(3, 0, 0, 0, 0)); processes.confine(); print(prctl(3, 0, 0, 0, 0))\n"
    )

    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert shown == "1\n0\n"


def test_workers_load_nothing_that_only_their_parent_needs():
    """Source: decisions.md, "State and bytes", last line."""
    program = (
        "import sys, entrepot.serving.supervisor, entrepot.serving.worker\n"
        "print([name for name in ('alembic', 'click', 'rich', 'dbos', 'botocore.session') if name in sys.modules])"
    )

    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert shown.stdout == "[]\n"


def test_children_die_with_a_parent_that_is_killed_and_the_folder_is_free_at_once(used, tmp_path):
    server = used.again(tmp_path / "log", workers=2)
    server.start()
    assert server.process is not None
    children = _until(lambda: found if len(found := _children(server)) == 3 else None)

    server.process.send_signal(signal.SIGKILL)
    server.process.wait()

    _until(lambda: not any(_alive(child) for child in children))
    with used.again(tmp_path / "log", port=server.port) as again:
        assert again.aws("sts").get_caller_identity()["Account"] == "123456789012"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_dies_is_replaced(used, tmp_path, workers):
    with used.again(tmp_path / "log", workers=workers, jobs=False) as server:
        before = _children(server)

        os.kill(before[0], signal.SIGKILL)

        _until(lambda: len(now := _children(server)) == workers and before[0] not in now)
        _until(lambda: _answers(server))


def test_the_process_of_jobs_is_replaced_too(used, tmp_path):
    with used.again(tmp_path / "log") as server:
        worker, jobs = _until(lambda: found if len(found := _children(server)) == 2 else None)

        os.kill(jobs, signal.SIGKILL)

        _until(lambda: len(now := _children(server)) == 2 and jobs not in now and worker in now)


def _answers(server):
    try:
        return urllib3.request("GET", f"{server.url}/readyz", retries=False, timeout=2).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def test_sigterm_finishes_what_runs_and_refuses_what_comes(used, tmp_path):
    """Source: decisions.md, "Starting": a clean end on SIGTERM."""
    server = used.again(tmp_path / "log")
    server.start()
    assert server.process is not None
    name = "end/of-day"
    server.aws("ecr").create_repository(repositoryName=name)
    registry = server.registry()
    location = registry("POST", f"/v2/{name}/blobs/uploads/").headers["location"]
    path = "/" + location.partition("://")[2].partition("/")[2] if "://" in location else location
    content = b"x" * 100_000
    with socket.create_connection(("127.0.0.1", server.port)) as running:
        running.sendall(
            f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {registry.headers['Authorization']}\r\n"
            f"Content-Type: application/octet-stream\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        )
        running.sendall(content[:50_000])
        time.sleep(0.5)

        server.process.send_signal(signal.SIGTERM)
        _until(lambda: not _answers(server))
        running.sendall(content[50_000:])
        answer = running.recv(65536)

    assert answer.startswith(b"HTTP/1.1 202"), answer
    assert server.process.wait(_PATIENCE) == 0
    assert not any(arguments and b"resource_tracker" not in arguments for arguments in _of_session(server.process.pid))


def _of_session(session):
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(status.read_text().rpartition(")")[2].split()[3]) == session:
                yield status.with_name("cmdline").read_bytes()
        except OSError:
            continue


def test_sigint_ends_it_as_well(used, tmp_path):
    server = used.again(tmp_path / "log")
    server.start()
    assert server.process is not None

    os.killpg(server.process.pid, signal.SIGINT)  # as a terminal does

    assert server.process.wait(_PATIENCE) == 0
    assert "Traceback" not in server.log.read_text()


def test_a_second_server_on_the_folder_is_refused_and_disturbs_nobody(used, tmp_path):
    with used.again(tmp_path / "log") as first:
        second = used.again(tmp_path / "second.log")

        code, text = _refusal(second)

        assert code == 1
        assert text == (
            f"entrepot: Another server is at work on {used.data}. Stop it, or take another folder: --data DIR\n"
        )
        assert first.environment()["AWS_ENDPOINT_URL"] == first.url
        assert _answers(first)


@pytest.mark.parametrize("reuse", [False, True])
def test_a_busy_port_is_a_plain_error_with_the_remedy(used, tmp_path, reuse):
    """Whether the other listener lets others share its port or not."""
    with socket.socket() as other:
        if reuse:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        code, text = _refusal(used.again(tmp_path / "log", port=port))

    assert code == 1
    assert text == (
        f"entrepot: listen: 127.0.0.1:{port} cannot be listened on: another process listens there. "
        f"Stop it, or take another port: --listen 127.0.0.1:{port + 1}\n"
    )


def test_an_address_of_another_machine_is_a_plain_error(used, tmp_path):
    code, text = _refusal(used.again(tmp_path / "log", host="192.0.2.1"))

    assert code == 1
    assert text.startswith("entrepot: listen: 192.0.2.1:")


def test_a_wrong_setting_is_refused_with_exit_code_2(used, tmp_path):
    code, text = _refusal(used.again(tmp_path / "log", workers="many"))

    assert code == 2
    assert text == "entrepot: ENTREPOT_WORKERS must be a whole number, not 'many'\n"


def test_a_storage_that_is_none_is_refused_by_name(used, tmp_path):
    code, text = _refusal(used.again(tmp_path / "log", storage="ftp://x"))

    assert code == 1
    assert text.startswith("entrepot: storage: 'ftp://x'")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_abuse_65_a_root_key_that_others_can_read_stops_the_start(used, tmp_path, mode):
    key = Path(f"{used.data}.keys/root.key")
    key.chmod(mode)
    try:
        code, text = _refusal(used.again(tmp_path / "log"))
    finally:
        key.chmod(0o600)

    assert code == 1
    assert f"chmod 600 {key}" in text


def test_a_root_key_can_be_a_mounted_secret_or_if_that_is_allowed_a_variable(tmp_path):
    secret = tmp_path / "secret"
    code, text = _refusal(Server(tmp_path / "data", root_key_file=secret))
    assert code == 1
    assert f"There is no root key in {secret}. Make it (openssl rand -out FILE 32)" in text

    secret.write_bytes(bytes(range(32)))
    secret.chmod(0o400)
    with Server(tmp_path / "data", root_key_file=secret) as server:
        assert f"root key    {secret}\n" in _greeting(server)
        key = server.root_key()
        server.password(key=key)
    assert [path.name for path in Path(f"{tmp_path}/data.keys").iterdir()] == ["credentials"]

    variables = {"ENTREPOT_ROOT_KEY": base64.b64encode(bytes(range(32))).decode()}
    code, text = _refusal(Server(tmp_path / "data", variables=variables))
    assert code == 1
    assert "ENTREPOT_ROOT_KEY is set. An environment is read by more than one thinks of" in text
    assert variables["ENTREPOT_ROOT_KEY"] not in text
    with Server(tmp_path / "data", variables=variables, allow_env_root_key=True) as server:
        server.password(key=key)


@pytest.mark.parametrize("mode", [0o444, 0o460])
def test_abuse_65_a_mounted_secret_that_others_can_read_stops_the_start(used, tmp_path, mode):
    secret = tmp_path / "secret"
    secret.write_bytes(Path(f"{used.data}.keys/root.key").read_bytes())
    secret.chmod(mode)

    code, text = _refusal(used.again(tmp_path / "log", root_key_file=secret))

    assert code == 1
    assert "mount it with mode 0400, or 0440 and a group of ours" in text


def test_abuse_65_data_without_its_root_key_is_of_no_use_and_makes_no_other(used, tmp_path):
    code, text = _refusal(used.again(tmp_path / "log", keys=tmp_path / "other"))

    assert code == 1
    assert "this data was made with one: bring it back, or say where it is with --keys DIR" in text
    assert not (tmp_path / "other").exists()


def test_abuse_65_a_foreign_root_key_stops_the_start(used, tmp_path):
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    (keys / "root.key").write_bytes(bytes(range(32)))
    (keys / "root.key").chmod(0o600)

    code, text = _refusal(used.again(tmp_path / "log", keys=keys))

    assert code == 1
    assert "not the one that this data was made with" in text


def test_a_newer_schema_stops_the_start(used, tmp_path):
    ((version,),) = used.sql("SELECT version_num FROM alembic_version")
    ((oldest,),) = used.sql("SELECT value FROM deployment WHERE name = 'oldest-program'")
    used.sql("UPDATE alembic_version SET version_num = '9999'")
    used.sql("UPDATE deployment SET value = '9999' WHERE name = 'oldest-program'")
    try:
        code, text = _refusal(used.again(tmp_path / "log"))
    finally:
        used.sql(f"UPDATE alembic_version SET version_num = '{version}'")
        used.sql(f"UPDATE deployment SET value = '{oldest}' WHERE name = 'oldest-program'")

    assert code == 1
    assert f"has schema 9999, and this program knows none after {version}" in text


def test_another_account_than_there_are_stops_the_start(used, tmp_path):
    code, text = _refusal(used.again(tmp_path / "log", account="210987654321"))

    assert code == 1
    assert "make it with: entrepot account create --id 210987654321" in text


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir(mode=0o755)
    (folder / "letter.txt").write_text("mine")

    code, text = _refusal(Server(folder))

    assert code == 1
    assert "is neither empty nor a data folder" in text
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert os.listdir(folder) == ["letter.txt"]


def test_an_empty_folder_is_taken_and_closed(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)

    with Server(folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_start_that_was_cut_short_is_taken_up_by_the_next(tmp_path):
    """The root key is there and the schema, the account and its key are not yet."""
    server = Server(tmp_path / "data")
    with server:
        first = server.environment()["AWS_ACCESS_KEY_ID"]
    server.sql("DELETE FROM accounts")
    server.sql("DELETE FROM access_keys")

    with server:
        assert server.environment()["AWS_ACCESS_KEY_ID"] != first
        assert server.aws("sts").get_caller_identity()["Account"] == "123456789012"


def test_the_lock_is_the_kernels_so_that_a_dead_server_holds_none(used):
    descriptor = os.open(used.data, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)


def test_port_0_takes_any_port_and_tells_which(tmp_path):
    server = Server(tmp_path / "data", port=0)
    server.port = 0
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "entrepot", "serve", "--data", server.data, "--listen", "127.0.0.1:0"],
            stdout=output,
            stderr=output,
        )
    try:
        url = _until(lambda: match[1] if (match := re.search(r"listens on (\S+)\n", log.read_text())) else None)

        assert urllib3.request("GET", f"{url}/readyz").status == 200
        assert server.environment()["AWS_ENDPOINT_URL"] == url
        assert "-m entrepot env --data" in log.read_text()
    finally:
        process.terminate()
        assert process.wait(_PATIENCE) == 0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    names = "subjectAltName=DNS:registry.example,DNS:localhost,IP:127.0.0.1"
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    into = ["-subj", "/CN=localhost", "-addext", names, "-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run([*new, *into], check=True, capture_output=True)
    return folder


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")  # while waiting for the start
def test_with_a_certificate_it_serves_https_that_clients_are_told_to_trust(certificate, tmp_path):
    server = Server(tmp_path / "data", tls_cert=certificate / "cert.pem", tls_key=certificate / "key.pem")

    with server:
        variables = server.environment()
        context = ssl.create_default_context(cafile=variables["AWS_CA_BUNDLE"])
        answer = urllib3.PoolManager(ssl_context=context).request("GET", f"{variables['AWS_ENDPOINT_URL']}/readyz")

    assert answer.status == 200
    assert variables["AWS_ENDPOINT_URL"] == f"https://localhost:{server.port}"
    assert variables["AWS_CA_BUNDLE"] == str(certificate / "cert.pem")


def test_a_certificate_without_its_key_is_refused_by_name(certificate, used, tmp_path):
    (tmp_path / "key.pem").write_text("none")

    code, text = _refusal(used.again(tmp_path / "log", tls_cert=certificate / "cert.pem", tls_key=tmp_path / "key.pem"))

    assert code == 1
    assert text.startswith("entrepot: tls_cert, tls_key: certificate and key cannot be used together")
