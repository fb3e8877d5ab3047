"""Instance groups: together or apart."""

from pydantic import BaseModel, ValidationInfo, field_validator

from skep.core.api.schemas.fields import Body, Label, Limit, ListAnswer, Timestamp
from skep.domain.states import GroupPolicy


class InstanceGroupCreate(Body):
    """A group without members; instances join it when they are created."""

    name: Label
    policy: GroupPolicy
    max_per_cell: Limit | None = None

    @field_validator("max_per_cell")
    @classmethod
    def _fits_policy(cls, value: int | None, info: ValidationInfo) -> int | None:
        policy = info.data.get("policy")
        if value is not None and policy == GroupPolicy.AFFINITY:
            raise ValueError("policy affinity puts all members on one Cell; leave it out")
        if value not in {None, 1} and policy == GroupPolicy.ANTI_AFFINITY:
            raise ValueError("policy anti-affinity allows 1; soft-anti-affinity allows more")
        return value


class InstanceGroup(BaseModel):
    """Instances that are placed with regard to each other."""

    id: str
    name: str
    policy: GroupPolicy
    max_per_cell: int | None
    instances: list[str]
    created_at: Timestamp
    generation: int


class InstanceGroupList(ListAnswer):
    """One page of instance groups."""

    items: list[InstanceGroup]
