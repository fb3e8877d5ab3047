"""Pools: list, show, create, change, delete."""

from typing import Any

from apiflask import APIBlueprint

from skep.core.api.protocol.exchange import created, seen_generation, with_etag
from skep.core.api.schemas.fields import ListQuery
from skep.core.api.schemas.pools import Pool, PoolChange, PoolCreate, PoolList
from skep.core.services import pools
from skep.core.store.paging import Page

Answer = tuple[dict[str, Any], int, dict[str, str]]
bp = APIBlueprint("pools", __name__, url_prefix="/api/v1/pools", tag="pools")


@bp.get("")
@bp.input(ListQuery, location="query")
@bp.output(PoolList)
def list_pools(query_data: ListQuery) -> dict[str, Any]:
    """List pools."""
    return vars(pools.list_pools(Page(query_data.limit, query_data.cursor, query_data.sort)))


@bp.get("/<pool>")
@bp.output(Pool)
def get_pool(pool: str) -> Answer:
    """Show one pool."""
    return with_etag(pools.get_pool(pool))


@bp.post("")
@bp.input(PoolCreate)
@bp.output(Pool, status_code=201)
def create_pool(json_data: PoolCreate) -> Answer:
    """Add an empty pool."""
    record = pools.create_pool(pools.PoolRequest(**json_data.model_dump()))
    return created(record, f"{bp.url_prefix}/{record['name']}")


@bp.patch("/<pool>")
@bp.input(PoolChange)
@bp.output(Pool)
def update_pool(pool: str, json_data: PoolChange) -> Answer:
    """Change a pool's policy, limits or overcommits, for instances to come.

    A header If-Match with the ETag that you read refuses the change if somebody was faster.
    """
    changes = json_data.model_dump(exclude_unset=True)
    return with_etag(pools.update_pool(pool, changes, seen_generation()))


@bp.delete("/<pool>")
@bp.output({}, status_code=204)
def delete_pool(pool: str) -> tuple[str, int]:
    """Remove an empty pool."""
    pools.delete_pool(pool)
    return "", 204
