"""The page of operations, from the services' tables: ``python -m tools.reference > docs/operations.md``."""

from entrepot.app import SERVICES
from entrepot.aws.service import Service
from entrepot.names import Registry
from entrepot.services import ecr

_INTRODUCTION = """\
# Operations

Every operation of the service models that this version knows, and how far it is written. One that is not yet
here answers UnknownOperationException and says so.

A policy has to allow the action that is named like the operation (`iam:CreateUser`). What ECR's operations need,
and on what, stands beside them; the actions of operations that are yet to come too.

The same rights hold over `/v2`: a pull needs `ecr:BatchGetImage` and `ecr:GetDownloadUrlForLayer`; a push
`ecr:InitiateLayerUpload`, `ecr:UploadLayerPart`, `ecr:CompleteLayerUpload` and `ecr:PutImage`; a deletion
`ecr:BatchDeleteImage`. [How access works](access.md)
"""

_TITLES = {
    "ecr": "Amazon ECR",
    "ecr-public": "Amazon ECR Public",
    "entrepot": "Entrepôt's own",
    "iam": "AWS IAM",
    "kms": "AWS KMS",
    "organizations": "AWS Organizations",
    "secretsmanager": "AWS Secrets Manager",
    "sts": "AWS STS",
}
_REGISTRY = Registry("123456789012", "us-east-1")


def page() -> str:
    """The page in Markdown."""
    return _INTRODUCTION + "".join(_section(service) for service in SERVICES)


def _section(service: Service) -> str:
    names = sorted(service.model.operation_names)
    written = f"{len(service.handlers)} of {len(names)} operations are here."
    body = _table(names) if service is ecr.service else _lists(service, names)
    return f"\n## {_TITLES[service.name]}\n\n{written}\n\n{body}"


def _table(names: list[str]) -> str:
    rows = "".join(
        f"| {name} | {'yes' if name in ecr.service.handlers else 'not yet in this version'} | {_rights(name)} |\n"
        for name in names
    )
    return f"| operation | here | action, and on what |\n|---|---|---|\n{rows}"


def _lists(service: Service, names: list[str]) -> str:
    here = ", ".join(name for name in names if name in service.handlers)
    missing = ", ".join(name for name in names if name not in service.handlers)
    return f"{here}\n" + (f"\nNot yet in this version: {missing}\n" if missing else "")


def _rights(name: str) -> str:
    """What ECR's own rule says of a call in which every member that it looks at is there."""
    known = {
        "repository_name": "name",
        "repository_names": ["name"],
        "resource_arn": _REGISTRY.repository_arn("name"),
        "tags": [{"Key": "key", "Value": "value"}],
    }
    members = ecr.service.model.operation(name).parameters.values()
    asked = {member: value for member, value in known.items() if member in members}
    pairs = ecr.service.resources(name, asked, _REGISTRY)
    actions = " and, with tags, ".join(f"`{action}`" for action, _ in pairs)
    return f"{actions} on {'everything' if pairs[0][1] == '*' else 'the repository'}"


if __name__ == "__main__":
    print(page(), end="")
