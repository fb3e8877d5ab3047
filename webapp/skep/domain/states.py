"""The states of instances, Cells, images and runs, as the API and the store spell them."""

from enum import StrEnum


class InstanceState(StrEnum):
    """State of an instance, the record a user owns."""

    SCHEDULED = "scheduled"
    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    MIGRATING = "migrating"
    STOPPING = "stopping"
    FAILED = "failed"
    LOST = "lost"


class CellState(StrEnum):
    """State of a Cell; only `online` and `offline` Cells are members."""

    DISCOVERED = "discovered"
    ENROLLING = "enrolling"
    ONLINE = "online"
    OFFLINE = "offline"


class KvmState(StrEnum):
    """Whether a minimal guest started under KVM on the Cell; `unknown` until the probe ended."""

    USABLE = "usable"
    UNUSABLE = "unusable"
    UNKNOWN = "unknown"


class ImageKind(StrEnum):
    """A disk image is cloned by many instances; a media image is inserted as a CD."""

    DISK = "disk"
    MEDIA = "media"


class ImageState(StrEnum):
    """Only a `ready` image can be used."""

    UPLOADING = "uploading"
    READY = "ready"
    FAILED = "failed"


class GroupPolicy(StrEnum):
    """Whether an instance group's members go together or apart; `soft-` is only a wish."""

    AFFINITY = "affinity"
    ANTI_AFFINITY = "anti-affinity"
    SOFT_AFFINITY = "soft-affinity"
    SOFT_ANTI_AFFINITY = "soft-anti-affinity"


class RunState(StrEnum):
    """State of a run: one Ansible operation on one or many resources."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen in this run."""
        return self in {RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELED}


class OutcomeState(StrEnum):
    """What happened to one resource in a run."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class ResourceKind(StrEnum):
    """What an outcome or an event speaks about."""

    INSTANCE = "instance"
    CELL = "cell"
    IMAGE = "image"
    RUN = "run"
    POOL = "pool"
    FLAVOR = "flavor"
    INSTANCE_GROUP = "instance_group"
