"""The page of operations, from the services' tables: ``python -m tools.reference > docs/operations-of-ecr.md``."""

from entrepot.aws.service import Service
from entrepot.names import Registry
from entrepot.services import ecr, sts

_INTRODUCTION = """\
# Operations of ECR

Every operation of the service models that this version knows, and how far it is written. One that is not yet
here answers UnknownOperationException and says so. The action is what a policy has to allow, and on what; the
actions of operations that are yet to come stand here too, as far as they are ECR's.

The same rights hold over `/v2`: a pull needs `ecr:BatchGetImage` and `ecr:GetDownloadUrlForLayer`; a push
`ecr:InitiateLayerUpload`, `ecr:UploadLayerPart`, `ecr:CompleteLayerUpload` and `ecr:PutImage`; a deletion
`ecr:BatchDeleteImage`.
"""

_SERVICES = {"Amazon ECR": ecr.service, "AWS STS": sts.service}
_REGISTRY = Registry("123456789012", "us-east-1")


def page() -> str:
    """The page in Markdown."""
    return _INTRODUCTION + "".join(_section(title, service) for title, service in _SERVICES.items())


def _section(title: str, service: Service) -> str:
    names = sorted(service.model.operation_names)
    rows = "".join(
        f"| {name} | {'yes' if name in service.handlers else 'not yet in this version'} | {_rights(service, name)} |\n"
        for name in names
    )
    written = f"{len(service.handlers)} of {len(names)} operations are here."
    return f"\n## {title}\n\n{written}\n\n| operation | here | action, and on what |\n|---|---|---|\n{rows}"


def _rights(service: Service, name: str) -> str:
    """What the service's own rule says of a call in which every member that it looks at is there."""
    known = {
        "repository_name": "name",
        "repository_names": ["name"],
        "resource_arn": _REGISTRY.repository_arn("name"),
        "tags": [{"Key": "key", "Value": "value"}],
    }
    members = service.model.operation(name).parameters.values()
    asked = {member: value for member, value in known.items() if member in members}
    pairs = service.resources(name, asked, _REGISTRY)
    if not pairs:
        return "none is needed" if name in service.handlers else ""
    actions = " and, with tags, ".join(f"`{action}`" for action, _ in pairs)
    return f"{actions} on {'everything' if pairs[0][1] == '*' else 'the repository'}"


if __name__ == "__main__":
    print(page(), end="")
