"""From a checked body to the groups that the services are asked for."""

from collections.abc import Sequence

from skep.core.api.protocol.problems import below
from skep.core.api.schemas.placement.groups import Group
from skep.core.scheduler import QueryError, parse_query
from skep.core.services.placement.request import GroupRequest

QUERY_MAX = 16_384


def wanted_groups(bodies: Sequence[Group]) -> tuple[GroupRequest, ...]:
    """Return the groups of a body's `groups`; what is refused points into them."""
    found = []
    for number, body in enumerate(bodies):
        with below(f"/groups/{number}"):
            found.append(wanted_group(body))
    return tuple(found)


def wanted_group(body: Group) -> GroupRequest:
    """Return one group.

    Raises:
        InvalidNameError: an instance can't have such a name.
        QueryError: the query can't be read.
    """
    group = GroupRequest(**body.model_dump(exclude={"pool"}))
    group.names()
    query = parse_query(body.query)
    if query is not None and len(query.source) > QUERY_MAX:
        raise QueryError("", f"{len(query.source)} characters; at most {QUERY_MAX}")
    return group
