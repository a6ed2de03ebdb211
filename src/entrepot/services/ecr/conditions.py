"""What policies may ask about a call beside who asks: the condition keys that its arguments fill."""

from collections.abc import Mapping, Sequence
from typing import Any

from entrepot.database import Database
from entrepot.identity.facts import Lazy, request_tags
from entrepot.identity.policy.requests import Value
from entrepot.names import Registry
from entrepot.registry import tags

Conditions = Mapping[str, Value | Lazy]


def of(operation: str, arguments: Mapping[str, Any], registry: Registry, database: Database) -> Conditions:
    """
    The keys of one call, in lower case. *registry* is the caller's own.

    Beyond Amazon ECR there is ``ecr:ImageTag``: the tags that the call reads, moves or deletes.
    Source: ecr-api C.1; Service Authorization Reference, "Condition keys for Amazon ECR".
    """
    keys: dict[str, Value | Lazy] = {}
    if operation in {"CreateRepository", "TagResource"} and arguments.get("tags"):
        keys |= request_tags([(tag["Key"], tag["Value"]) for tag in arguments["tags"]])
    if operation == "UntagResource":
        keys["aws:tagkeys"] = list(arguments["tag_keys"])
    if operation in {"GetAccountSetting", "PutAccountSetting"}:
        keys["ecr:accountsetting"] = arguments["name"]
    if arguments.get("image_tag") is not None:
        keys["ecr:imagetag"] = [arguments["image_tag"]]
    if arguments.get("image_ids"):
        there = Registry(arguments.get("registry_id") or registry.account, registry.region)
        name, image_ids = arguments["repository_name"], arguments["image_ids"]
        deletes = operation == "BatchDeleteImage"
        keys["ecr:imagetag"] = lambda: _image_tags(database, there, name, image_ids=image_ids, deletes=deletes)
    return keys


def _image_tags(
    database: Database, registry: Registry, name: str, *, image_ids: Sequence[Mapping[str, str]], deletes: bool
) -> list[str] | None:
    """The tags that are named; with an image that is deleted by its digest, all that it has."""
    named = [image["imageTag"] for image in image_ids if "imageTag" in image]
    if deletes:
        digests = [image["imageDigest"] for image in image_ids if "imageDigest" in image and "imageTag" not in image]
        named += tags.of_digests(database, registry, name, digests=digests)
    return named or None
