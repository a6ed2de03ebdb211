"""What nobody can reach: counted straight in the tables, and in the folders or in the bucket."""

from tests.support.server import Server
from tests.support.weed import lying

_HANGING = ("manifests", "tags", "manifest_blobs", "links", "resource_tags", "departed", "uploads")
_ASTRAY = "repository_id NOT IN (SELECT id FROM repositories)"
_COUNTS = {
    "open uploads": "SELECT count(*) FROM uploads",
    "links that no manifest needs": """
        SELECT count(*) FROM links WHERE NOT EXISTS (SELECT 1 FROM manifest_blobs AS need
        WHERE need.repository_id = links.repository_id AND need.blob_id = links.blob_id)""",
    "links to no blob": "SELECT count(*) FROM links WHERE blob_id NOT IN (SELECT id FROM blobs)",
    "blobs without a link": "SELECT count(*) FROM blobs WHERE id NOT IN (SELECT blob_id FROM links)",
    "needs of no manifest": "SELECT count(*) FROM manifest_blobs WHERE manifest_id NOT IN (SELECT id FROM manifests)",
    "needs of no blob": "SELECT count(*) FROM manifest_blobs WHERE blob_id NOT IN (SELECT id FROM blobs)",
    "tags of no manifest": "SELECT count(*) FROM tags WHERE manifest_id NOT IN (SELECT id FROM manifests)",
    "children of no index": "SELECT count(*) FROM children WHERE parent_id NOT IN (SELECT id FROM manifests)",
    "children that are none": "SELECT count(*) FROM children WHERE child_id NOT IN (SELECT id FROM manifests)",
    **{f"{table} of no repository": f"SELECT count(*) FROM {table} WHERE {_ASTRAY}" for table in _HANGING},
}


def orphans(server: Server) -> dict[str, int]:
    """How many of each kind there are, kinds without any left out. *The server has ended.*"""
    found: dict[str, int] = {kind: server.sql(statement)[0][0] for kind, statement in _COUNTS.items()}
    keys = {key for (key,) in server.sql("SELECT key FROM blobs WHERE key IS NOT NULL")}
    objects, uploads = _in_bucket(server) if "ENTREPOT_STORAGE" in server.settings else _in_folder(server)
    found["objects that no blob names"] = len(objects - keys)
    found["blobs whose object is missing"] = len(keys - objects)
    found["uploads at rest"] = len(uploads)
    return {kind: count for kind, count in found.items() if count}


def _in_folder(server: Server) -> tuple[set[str], set[str]]:
    store = server.data / "blobs"
    objects = {str(path.relative_to(store)) for path in (store / "objects").rglob("*") if not path.is_dir()}
    return objects, {path.name for path in (store / "uploads").iterdir()}


def _in_bucket(server: Server) -> tuple[set[str], set[str]]:
    """Segments that are marked, and what else there is: segments that are not, marks of no segment."""
    names = set(lying(server.settings["ENTREPOT_STORAGE"]))
    objects = {name for name in names if f"{name}.is" in names}
    return objects, names - objects - {f"{name}.is" for name in objects}
