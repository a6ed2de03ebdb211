"""What is installed is what somebody has looked at: from PyPI alone, and by its digest."""

import re
import shutil
import subprocess
import tomllib

import pytest

from tests.support.data import ROOT
from tests.support.uv import uv

_LOCK = (ROOT / "uv.lock").read_text(encoding="utf-8")
_PACKAGES = tomllib.loads(_LOCK)["package"]
_FILES = "https://files.pythonhosted.org/packages/"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def _files(package):
    return [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]


def test_abuse_76_every_package_comes_from_pypi_and_every_file_has_a_digest():
    others = [package for package in _PACKAGES if package["source"] != {"editable": "."}]

    assert len(others) == len(_PACKAGES) - 1
    assert len(others) > 50
    for package in others:
        assert package["source"] == {"registry": "https://pypi.org/simple"}, package["name"]
        assert _files(package), package["name"]
        for file in _files(package):
            assert file["url"].startswith(_FILES), file
            assert _DIGEST.fullmatch(file["hash"]), file


def test_abuse_76_nothing_tells_uv_or_pip_of_another_index():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    assert "uv" not in settings.get("tool", {})
    assert not [name for name in ("uv.toml", "pip.conf", "requirements.txt") if (ROOT / name).exists()]
    words = re.compile(r"index-url|--index|find-links|--allow-insecure|UV_INDEX|UV_DEFAULT_INDEX|PIP_INDEX")
    asked = [_MAKEFILE, *(path.read_text(encoding="utf-8") for path in (ROOT / "tools").iterdir() if path.is_file())]
    assert not [text for text in asked if words.search(text)]


def test_abuse_76_make_installs_what_the_lock_says_and_a_uv_that_is_known():
    installing = [line.strip() for line in _MAKEFILE.splitlines() if re.search(r"\b(sync|install)\b --", line)]

    assert len(installing) == 2
    assert all("--locked" in line or "--require-hashes -r tools/uv.txt" in line for line in installing)
    pinned = (ROOT / "tools/uv.txt").read_text(encoding="utf-8")
    assert re.findall(r"^(\w+)==[\d.]+ \\$", pinned, re.MULTILINE) == ["uv"]
    assert len(_DIGEST.findall(pinned)) > 10


@pytest.fixture
def project(tmp_path):
    """A copy of what says what is to be installed."""
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def _install(project):
    """Make an environment of it, without asking anybody: what it needs is in uv's cache since make made .venv."""
    options = ("--locked", "--offline", "--no-dev", "--no-install-project", "--project", project)
    uv("sync", *options, UV_PROJECT_ENVIRONMENT=str(project / "environment"))


def test_abuse_76_a_package_that_is_not_what_the_lock_says_is_not_installed(project):
    _install(project)
    assert list((project / "environment").rglob("click/core.py"))
    shutil.rmtree(project / "environment")

    (click,) = (package for package in _PACKAGES if package["name"] == "click")
    changed = _LOCK
    for file in _files(click):
        changed = changed.replace(file["hash"], f"sha256:{'0' * 64}")
    (project / "uv.lock").write_text(changed, encoding="utf-8")

    with pytest.raises(subprocess.CalledProcessError):
        _install(project)
    assert not list((project / "environment").rglob("click/core.py"))


def test_abuse_76_a_package_that_the_lock_does_not_know_is_not_installed(project):
    settings = project / "pyproject.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace('"alembic>=', '"attrs",\n    "alembic>='), encoding="utf-8")

    with pytest.raises(subprocess.CalledProcessError):
        _install(project)
    assert not list((project / "environment").rglob("*.dist-info"))
