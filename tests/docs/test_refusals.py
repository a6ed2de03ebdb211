"""Every refusal has a name that AWS's or the registry's clients know, and somebody who raises it."""

import ast
import importlib
import pkgutil

import pytest

import entrepot
from entrepot.aws.faults import COMMON
from entrepot.aws.models import Model
from entrepot.errors import Fault
from tests.support.data import ROOT

# Source: OCI distribution-spec 1.1, "Error Codes"; UNKNOWN is Docker's for a 500, and ours for what has no word there.
OCI = {
    *("BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN"),
    *("MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED"),
    *("DENIED", "UNSUPPORTED", "TOOMANYREQUESTS"),
}
# Codes that the specification lacks, and why we use them.
BEYOND = {
    "TAG_INVALID": "ECR's, for a tag that is immutable; Docker had it for one that is none",
    "UNKNOWN": "Docker's, for what is the registry's own fault",
    "BAD_REQUEST": "for a request that is broken below the specification: a body that ends too soon",
    "MISDIRECTED": "for a Host header that is none of ours, 421",
    "HEADERS_TOO_LARGE": "for headers beyond all measure, 431",
}


def _faults() -> list[type[Fault]]:
    for module in pkgutil.walk_packages(entrepot.__path__, "entrepot."):
        if ".migrations" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found, new = [], [Fault]
    while new:
        found += new
        new = [below for fault in new for below in fault.__subclasses__() if below.__module__.startswith("entrepot.")]
    return found


def _name(fault: type[Fault]) -> str:
    return f"{fault.__module__.removeprefix('entrepot.')}.{fault.__name__}"


FAULTS = _faults()
DECLARED = {
    code
    for service in ("ecr", "ecr-public", "sts", "iam", "kms", "organizations", "secretsmanager")
    for code in Model(service).errors
}
# What becomes of one image of a batch is told by a code of this list, and by no error.
FAILURES = {f"{code}Exception" for code in Model("ecr").service.shape_for("ImageFailureCode").metadata["enum"]}
# What the older services answer to shapes and values that are wrong, and KMS to who takes a service's alias, though no
# model declares it.
UNDECLARED = {"ValidationError", "InvalidParameterValue", "NotAuthorizedException"}


def _made() -> set[str]:
    """Names that are called or raised as they are somewhere in the source."""
    called = set()
    for file in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            made = node.func if isinstance(node, ast.Call) else node.exc if isinstance(node, ast.Raise) else None
            if made is not None:
                called.add(ast.unparse(made).rpartition(".")[2])
    return called


MADE = _made()


@pytest.mark.parametrize("fault", FAULTS, ids=_name)
def test_a_refusal_has_a_code_that_aws_has(fault: type[Fault]) -> None:
    assert fault.aws in DECLARED | FAILURES | COMMON.keys() | UNDECLARED


@pytest.mark.parametrize("fault", FAULTS, ids=_name)
def test_a_refusal_has_a_code_that_registries_have(fault: type[Fault]) -> None:
    assert fault.oci in OCI | BEYOND.keys()


@pytest.mark.parametrize("fault", FAULTS, ids=_name)
def test_a_refusal_is_raised_somewhere_or_groups_those_that_are(fault: type[Fault]) -> None:
    assert fault.__name__ in MADE or fault.__subclasses__()


def test_no_code_is_excused_that_nobody_uses() -> None:
    used = {fault.oci for fault in FAULTS}

    assert BEYOND.keys() <= used
    assert not BEYOND.keys() & OCI
