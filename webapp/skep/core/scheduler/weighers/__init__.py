"""How good is this Cell for one more instance? Each answers 0..1, higher is better."""

import numpy as np

from skep.core.scheduler.decision import Catalogue, View, Weigher
from skep.core.scheduler.filters import FILTERS
from skep.core.scheduler.fleet.kinds import Array
from skep.core.scheduler.request import owner_key

_FREE = {
    "memory_mib": ("free_memory", "MiB"),
    "cores": ("free_cores", "cores"),
    "disk_gib": ("free_disk", "GiB"),
}
# What no Cell has: one zero for all of them costs nothing.
_NONE: Array = np.zeros((), dtype=np.int64)


def _left(resource: str) -> Weigher:
    name, unit = _FREE[resource]

    def raw(view: View) -> Array:
        return view.free(resource) - view.taken * view.need(resource)

    def share(view: View, left: Array) -> Array:
        return np.maximum(left / np.maximum(view.allowed(resource), 1), 0.0)

    return Weigher(name, raw, share, f"{unit} left", floor=0.0)


def _load(view: View) -> Array:
    return view.load + view.taken * view.policy.load_per_core * view.need("cores")


def _idle(view: View, load: Array) -> Array:
    return np.maximum(1.0 - load / np.maximum(view.column("cpus"), 1), 0.0)


def _unused(view: View) -> Array:
    used = view.memory_used + view.taken * view.need("memory_mib")
    return np.maximum(view.column("memory_mib") - used, 0)


def _unused_share(view: View, unused: Array) -> Array:
    return unused / np.maximum(view.column("memory_mib"), 1)


def _image(view: View) -> Array:
    if view.group.image is None:
        return _NONE
    return np.asarray(view.having(f"image:{view.group.image}"), dtype=np.float64)


def _near(view: View) -> Array:
    return sum((view.members(key) for key in sorted(view.group.soft_affinity)), _NONE)


def _far(view: View) -> Array:
    return sum((view.members(key) for key in sorted(view.group.soft_anti_affinity)), _NONE)


def _owned(view: View) -> Array:
    return _NONE if view.group.owner is None else view.members(owner_key(view.group.owner))


def _turn(view: View) -> Array:
    return view.here


def _few(_view: View, count: Array) -> Array:
    """0 is best (1.0), each further one counts less: 1/2, 1/3, 1/4."""
    return 1.0 / (1.0 + count)


def _many(_view: View, count: Array) -> Array:
    """0 is worst (0.0), each further one counts less: 1/2, 2/3, 3/4."""
    return count / (1.0 + count)


def _itself(_view: View, share: Array) -> Array:
    return share


WEIGHERS: tuple[Weigher, ...] = (
    _left("memory_mib"),
    _left("cores"),
    _left("disk_gib"),
    Weigher("idle_cpu", _load, _idle, "load"),
    Weigher("unused_memory", _unused, _unused_share, "MiB unused"),
    Weigher("quiet_io", lambda view: view.io_load, _few, "disk operations", floor=0.0),
    Weigher("image_local", _image, _itself, "image here"),
    Weigher("soft_affinity", _near, _many, "members here"),
    Weigher("soft_anti_affinity", _far, _few, "members here"),
    Weigher("owner_apart", _owned, _few, "of the owner here"),
    Weigher("few_failures", lambda view: view.column("failures"), _few, "failures"),
    Weigher("turn", _turn, _few, "turns taken"),
)
CATALOGUE = Catalogue(FILTERS, {each.name: each for each in WEIGHERS})

__all__ = ["CATALOGUE", "WEIGHERS"]
