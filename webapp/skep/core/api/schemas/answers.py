"""What the Core answers: the same records that the event stream carries."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from skep.domain.states import (
    CellState,
    ImageKind,
    ImageState,
    InstanceState,
    KvmState,
    OutcomeState,
    RunState,
)

Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class Fault(BaseModel):
    """One fault of a request; the pointer is a JSON Pointer into the body, or `?parameter`."""

    pointer: str
    code: str
    message: str


class Problem(BaseModel):
    """RFC 9457; match on `code`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[Fault]
    request_id: str


class _List(BaseModel):
    next: str | None
    total: int


class Capacity(BaseModel):
    """What a Cell has."""

    cpus: int
    memory_mib: int
    disk_gib: int


class Load(BaseModel):
    """What a Cell uses now."""

    load1: float
    memory_used_mib: int
    disk_used_gib: int
    domains: int


class Promised(BaseModel):
    """What a Cell's instances may use."""

    cores: int
    memory_mib: int
    disk_gib: int


class Cell(BaseModel):
    """A hypervisor."""

    id: str
    name: str
    fingerprint: str
    state: CellState
    enabled: bool
    pool: str | None
    address: str | None
    addresses: list[str]
    kvm: KvmState
    capacity: Capacity
    load: Load
    promised: Promised
    versions: dict[str, Any]
    conflict: str | None
    last_seen_at: Timestamp | None
    started_at: Timestamp | None
    generation: int


class CellList(_List):
    """One page of Cells."""

    items: list[Cell]


class Pool(BaseModel):
    """A set of Cells with one placement policy."""

    id: str
    name: str
    cells: int
    instances: int
    cores_overcommit: float
    memory_overcommit: float
    disk_overcommit: float
    created_at: Timestamp
    generation: int


class PoolList(_List):
    """One page of pools."""

    items: list[Pool]


class Image(BaseModel):
    """A read-only source of disks."""

    id: str
    name: str
    kind: ImageKind
    state: ImageState
    format: str | None
    size_bytes: int | None
    virtual_size_bytes: int | None
    sha256: str | None
    error: str | None
    cached_on: list[str]
    created_at: Timestamp
    generation: int


class ImageList(_List):
    """One page of images."""

    items: list[Image]


class Reason(BaseModel):
    """Why an instance is as it is."""

    code: str
    msg: str | None


class Instance(BaseModel):
    """What a user owns."""

    id: str
    name: str
    state: InstanceState
    cell: str | None
    pool: str
    image: str
    cores: int
    memory_mib: int
    disk_gib: int
    reservation: str
    reason: Reason | None
    run: str | None
    created_at: Timestamp
    updated_at: Timestamp
    generation: int


class InstanceList(_List):
    """One page of instances."""

    items: list[Instance]


class CellVerdict(BaseModel):
    """What the scheduler found about one Cell."""

    cell: str
    accepted: bool
    score: float | None
    parts: dict[str, float] = {}
    rejected_by: str | None
    reason: str | None


class Explanation(BaseModel):
    """Why an instance is where it is."""

    cells: list[CellVerdict]
    policy: Any
    decided_at: Timestamp | None


class Outcome(BaseModel):
    """What happened to one resource in a run."""

    resource_kind: str
    resource_id: str
    resource_name: str
    cell: str | None
    state: OutcomeState
    changed: bool
    code: str | None
    msg: str | None
    diff: dict[str, Any] | None


class Run(BaseModel):
    """One Ansible operation on one or many resources."""

    id: str
    operation: str
    playbook: str
    state: RunState
    actor: str
    created_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None
    done: int
    total: int
    error: str | None
    outcomes: list[Outcome]


class RunList(_List):
    """One page of runs."""

    items: list[Run]


class Accepted(BaseModel):
    """The run that does it."""

    run: Run


class Reserved(Accepted):
    """The run, and the instances that it makes."""

    reservation: str
    instances: list[Instance]


class Zone(BaseModel):
    """The communicate domain."""

    name: str
    group: str
    port: int


class Discovery(BaseModel):
    """What the listener heard."""

    received: int
    dropped: dict[str, int]


class Status(BaseModel):
    """The zone at a glance."""

    version: str
    zone: Zone
    core_id: str
    fingerprint: str
    database: str
    discovery: Discovery
    cells: dict[str, int]
    instances: dict[str, int]
    runs: dict[str, int]


class Health(BaseModel):
    """The Core answers."""

    status: str
