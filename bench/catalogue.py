"""All works, in the order of the table."""

from collections.abc import Mapping

from bench.work import Work
from bench.works import api, bulk, copies, decisions, footprint, hot, images, nodes, shared

ALL: Mapping[str, Work] = {
    work.name: work
    for work in (
        *hot.WORKS,
        *bulk.WORKS,
        *images.WORKS,
        *copies.WORKS,
        *footprint.WORKS,
        *api.WORKS,
        *decisions.WORKS,
        *shared.WORKS,
        *nodes.WORKS,
    )
}
