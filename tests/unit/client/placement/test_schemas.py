"""The client's models against the Core's own: what is sent, left out and read means the same."""

import pytest

from skep.client import cells, instances, pools
from skep.client.placement import (
    capacities,
    explanations,
    flavors,
    instance_groups,
    placements,
    reservations,
    wanted,
)
from skep.core.api.schemas import cells as cells_core
from skep.core.api.schemas import instances as instances_core
from skep.core.api.schemas import pools as pools_core
from skep.core.api.schemas.placement import capacity as capacity_core
from skep.core.api.schemas.placement import explanations as explanations_core
from skep.core.api.schemas.placement import flavors as flavors_core
from skep.core.api.schemas.placement import groups as groups_core
from skep.core.api.schemas.placement import instance_groups as instance_groups_core
from skep.core.api.schemas.placement import placements as placements_core
from skep.core.api.schemas.placement import reservations as reservations_core

SENT = [
    (wanted.Needs, flavors_core.Needs),
    (wanted.GroupRequest, groups_core.Group),
    (wanted.NewInstances, groups_core.InstanceCreate),
    (wanted.NewCell, placements_core.ImaginedCell),
    (wanted.PlacementRequest, placements_core.PlacementCreate),
]
READ = [
    (cells.Cell, cells_core.Cell),
    (cells.Reserved, cells_core.Amounts),
    (instances.Creation, groups_core.Placed),
    (instances.Instance, instances_core.Instance),
    (pools.Pool, pools_core.Pool),
    (capacities.Capacity, capacity_core.Capacity),
    (capacities.Room, capacity_core.Room),
    (explanations.Explanation, explanations_core.Explanation),
    (explanations.Finding, explanations_core.Finding),
    (explanations.Part, explanations_core.Part),
    (explanations.Removed, explanations_core.Removed),
    (explanations.Verdict, explanations_core.Verdict),
    (flavors.Flavor, flavors_core.Flavor),
    (instance_groups.InstanceGroup, instance_groups_core.InstanceGroup),
    (placements.Assignment, placements_core.Assignment),
    (placements.Closest, placements_core.Closest),
    (placements.Preview, placements_core.Placement),
    (placements.Share, placements_core.Share),
    (placements.Shortfall, placements_core.Shortfall),
    (reservations.Reservation, reservations_core.ReservationDetail),
    (reservations.Reserved, reservations_core.ReservedInstance),
]


@pytest.mark.parametrize(("ours", "core"), SENT)
def test_what_is_not_sent_is_what_the_core_assumes(ours, core):
    assert set(ours.model_fields) == set(core.model_fields)
    for name, field in ours.model_fields.items():
        theirs = core.model_fields[name]
        assert field.is_required() == theirs.is_required(), name
        if not field.is_required():
            assumed = theirs.get_default(call_default_factory=True)
            sent = field.get_default(call_default_factory=True)
            assert _plain(sent) == _plain(assumed), name


@pytest.mark.parametrize(("ours", "core"), READ)
def test_what_is_read_is_what_the_core_answers(ours, core):
    assert set(ours.model_fields) == set(core.model_fields)


def _plain(value):
    return value.model_dump(exclude_defaults=True) if hasattr(value, "model_dump") else value
