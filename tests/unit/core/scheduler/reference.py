"""One-by-one placement in plain Python: slow, obvious, and the measure of the real one.

It shares no code with the scheduler but the inputs, the seed's mixing and the query's parser.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from skep.core.scheduler.fleet import CellRow
from skep.core.scheduler.fleet.order import mixed
from skep.core.scheduler.policy import Policy, Scale, Tie
from skep.core.scheduler.query import Compare, Fact, Node
from skep.core.scheduler.request import Group, Needs, Request, owner_key

FROM_ZERO = {"free_memory", "free_cores", "free_disk", "quiet_io"}


@dataclass
class Host:
    """A Cell and what the plan put on it."""

    row: CellRow
    key: int
    base_load: float
    members: Counter[str]
    cores: int = 0
    memory_mib: int = 0
    disk_gib: int = 0
    planned: int = 0
    here: int = 0


@dataclass
class Answer:
    placed: list[tuple[str, str, float]] = field(default_factory=list)
    failed: tuple[str, int] | None = None
    short: list[tuple[str, int]] = field(default_factory=list)


def place_one_by_one(
    request: Request, cells: Sequence[CellRow], policy: Policy, now: float, keys: dict[str, int]
) -> Answer:
    hosts = [host(cell, request, policy, now, keys[cell.id]) for cell in cells]
    answer, turn, number = Answer(), request.turn_after, 0
    for group in request.groups:
        for each in hosts:
            each.here = 0
        started, order = len(answer.placed), in_tie_order(hosts, request, policy, turn)
        for position, name in enumerate(group.names):
            chosen = choose(order, group, request, policy, number + position)
            if chosen is None:
                break
            best, score = chosen
            deplete(best, group)
            answer.placed.append((name, best.row.id, score))
            turn = best.row.id
        number += len(group.names)
        placed = len(answer.placed) - started
        if placed < len(group.names):
            answer.short.append((group.names[placed], placed))
            least = len(group.names) if group.min_count is None else group.min_count
            if placed < least:
                answer.failed, answer.placed = (group.names[placed], placed), []
                return answer
    return answer


def host(cell: CellRow, request: Request, policy: Policy, now: float, key: int) -> Host:
    age = max(now - cell.recent_at, 0.0)
    unseen = round(1024 * cell.recent_cores * math.exp(-age / policy.load_window_s)) / 1024
    counts = {key: where.get(cell.id, 0) for key, where in request.members.items()}
    return Host(cell, key, cell.load1 + policy.load_per_core * unseen, Counter(counts))


def in_tie_order(
    hosts: list[Host], request: Request, policy: Policy, turn: str | None
) -> list[Host]:
    by_name = sorted(hosts, key=lambda each: (each.row.name, each.row.id))
    if policy.tie is Tie.NAME:
        return by_name
    if policy.tie is Tie.TURN:
        ids = [each.row.id for each in by_name]
        start = ids.index(turn) + 1 if turn in ids else 0
        return by_name[start:] + by_name[:start]
    return sorted(hosts, key=lambda each: mixed(request.seed, each.key))


def choose(
    order: list[Host], group: Group, request: Request, policy: Policy, number: int
) -> tuple[Host, float] | None:
    left = [each for each in order if accepts(each, order, group, request, policy)]
    if not left:
        return None
    if policy.tie is Tie.DRAW:
        return left[mixed(request.seed, number) * len(left) >> 64], 0.0
    if policy.scale is Scale.MINMAX:
        scores = min_max_scores(left, group, policy)
    else:
        scores = [score(each, group, policy) for each in left]
    best = scores.index(max(scores))
    return left[best], scores[best]


def accepts(each: Host, hosts: list[Host], group: Group, request: Request, policy: Policy) -> bool:
    cell, load = each.row, load_of(each, policy)
    plain = (
        cell.conflict is None
        and cell.enabled
        and cell.online
        and request.pool in {None, cell.pool}
        and (not group.pinned or cell.id in group.pinned)
        and cell.id not in group.avoided
        and able(cell, group.needs)
        and (group.query is None or holds(group.query.root, each, policy))
    )
    limit = cell.max_instances or policy.max_instances or 0
    return (
        plain
        and cell.cpus >= group.flavor.cores
        and all(free >= need for free, need in free_and_need(each, group, policy))
        and (not limit or cell.instances + each.planned < limit)
        and (policy.load_limit is None or load <= policy.load_limit * cell.cpus)
        and (policy.io_limit is None or cell.io_load + each.planned < policy.io_limit)
        and (group.max_per_cell is None or each.here < group.max_per_cell)
        and all(each.members[key] < most for key, most in group.member_limits.items())
        and friends(each, hosts, group, policy)
    )


def able(cell: CellRow, needs: Needs) -> bool:
    labels = {f"{key}={value}" for key, value in cell.labels.items()}
    return (
        (cell.kvm or not needs.kvm)
        and needs.architecture in {None, cell.architecture}
        and (needs.cpu_model is None or needs.cpu_model in cell.cpu_models)
        and (needs.firmware is None or needs.firmware in cell.firmwares)
        and (needs.machine is None or needs.machine in cell.machines)
        and needs.networks <= cell.networks
        and needs.vlans <= cell.vlans
        and needs.tags <= cell.tags
        and not needs.tags_forbidden & cell.tags
        and needs.labels <= labels
        and not needs.labels_forbidden & labels
    )


def friends(each: Host, hosts: list[Host], group: Group, policy: Policy) -> bool:
    started = {key for key in group.affinity if any(other.members[key] for other in hosts)}
    if any(not each.members[key] for key in started):
        return False
    if started != group.affinity:
        least = len(group.names) if group.min_count is None else group.min_count
        pairs = free_and_need(each, group, policy)
        if any(free // need < least for free, need in pairs if need):
            return False
    return not any(each.members[key] for key in group.anti_affinity)


def allowed(cell: CellRow, policy: Policy) -> tuple[int, int, int]:
    return (
        math.floor((cell.cpus - cell.reserved_cores) * policy.cores_overcommit),
        math.floor((cell.memory_mib - cell.reserved_memory_mib) * policy.memory_overcommit),
        math.floor((cell.disk_gib - cell.reserved_disk_gib) * policy.disk_overcommit),
    )


def free_and_need(each: Host, group: Group, policy: Policy) -> list[tuple[int, int]]:
    cell, flavor, most = each.row, group.flavor, allowed(each.row, policy)
    return [
        (most[0] - cell.promised_cores - each.cores, flavor.cores),
        (most[1] - cell.promised_memory_mib - each.memory_mib, flavor.memory_mib),
        (most[2] - cell.promised_disk_gib - each.disk_gib, flavor.disk_gib),
    ]


def load_of(each: Host, policy: Policy) -> float:
    return each.base_load + policy.load_per_core * each.cores


def figures(each: Host, group: Group, policy: Policy) -> dict[str, float]:
    """The raw figure of each weigher."""
    cell, flavor = each.row, group.flavor
    taken = 1 if policy.scale is Scale.OWN else 0
    cores, memory, disk = (free - taken * need for free, need in free_and_need(each, group, policy))
    used = cell.memory_used_mib + each.memory_mib + taken * flavor.memory_mib
    return {
        "free_memory": memory,
        "free_cores": cores,
        "free_disk": disk,
        "idle_cpu": load_of(each, policy) + taken * policy.load_per_core * flavor.cores,
        "unused_memory": max(cell.memory_mib - used, 0),
        "quiet_io": cell.io_load + each.planned,
        "image_local": float(group.image in cell.images),
        "soft_affinity": sum(each.members[key] for key in group.soft_affinity),
        "soft_anti_affinity": sum(each.members[key] for key in group.soft_anti_affinity),
        "owner_apart": 0 if group.owner is None else each.members[owner_key(group.owner)],
        "few_failures": cell.failures,
        "turn": each.here,
    }


def shares(each: Host, group: Group, policy: Policy) -> dict[str, float]:
    raw, cell, most = figures(each, group, policy), each.row, allowed(each.row, policy)
    return {
        "free_memory": max(raw["free_memory"] / max(most[1], 1), 0.0),
        "free_cores": max(raw["free_cores"] / max(most[0], 1), 0.0),
        "free_disk": max(raw["free_disk"] / max(most[2], 1), 0.0),
        "idle_cpu": max(1.0 - raw["idle_cpu"] / max(cell.cpus, 1), 0.0),
        "unused_memory": raw["unused_memory"] / max(cell.memory_mib, 1),
        "quiet_io": 1.0 / (1.0 + raw["quiet_io"]),
        "image_local": raw["image_local"],
        "soft_affinity": raw["soft_affinity"] / (1.0 + raw["soft_affinity"]),
        "soft_anti_affinity": 1.0 / (1.0 + raw["soft_anti_affinity"]),
        "owner_apart": 1.0 / (1.0 + raw["owner_apart"]),
        "few_failures": 1.0 / (1.0 + raw["few_failures"]),
        "turn": 1.0 / (1.0 + raw["turn"]),
    }


def score(each: Host, group: Group, policy: Policy) -> float:
    found, total = shares(each, group, policy), 0.0
    for name, factor in policy.multipliers.items():
        if factor:
            total += factor * found[name]
    return total


def min_max_scores(left: list[Host], group: Group, policy: Policy) -> list[float]:
    raws = [figures(each, group, policy) for each in left]
    totals = [0.0] * len(left)
    for name, factor in policy.multipliers.items():
        low, high = min(raw[name] for raw in raws), max(raw[name] for raw in raws)
        low = 0.0 if name in FROM_ZERO else low
        if factor and high != low:
            totals = [
                total + factor * ((raw[name] - low) / (high - low))
                for total, raw in zip(totals, raws, strict=True)
            ]
    return totals


def deplete(each: Host, group: Group) -> None:
    each.cores += group.flavor.cores
    each.memory_mib += group.flavor.memory_mib
    each.disk_gib += group.flavor.disk_gib
    each.planned += 1
    each.here += 1
    keys = group.affinity | group.anti_affinity | group.soft_affinity | group.soft_anti_affinity
    keys |= group.member_limits.keys()
    each.members.update(keys if group.owner is None else keys | {owner_key(group.owner)})


def holds(node: Node, each: Host, policy: Policy) -> bool:
    if isinstance(node, Compare):
        first, *others = (
            known(term.path, each, policy) if isinstance(term, Fact) else term.value
            for term in node.terms
        )
        if node.operator == "in":
            return any(one == first for one in others)
        return all(compared(node.operator, first, other) for other in others)
    answers = [holds(inner, each, policy) for inner in node.nodes]
    if node.operator == "not":
        return not answers[0]
    return all(answers) if node.operator == "and" else any(answers)


def known(path: str, each: Host, policy: Policy) -> object:
    """Only the facts that the properties ask for."""
    if path == "free_memory_mib":
        most = allowed(each.row, policy)[1]
        return most - each.row.promised_memory_mib - each.memory_mib
    if path == "cpus":
        return each.row.cpus
    return each.row.facts.get(path)


def compared(word: str, one: object, other: object) -> bool:
    if one is None or other is None:
        return False
    return {
        "=": one == other,
        "<": one < other,
        ">": one > other,
        "<=": one <= other,
        ">=": one >= other,
    }[word]
