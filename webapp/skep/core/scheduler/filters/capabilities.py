"""Filters on what a Cell is, has and can do."""

from collections.abc import Callable, Iterable

import numpy as np

from skep.core.scheduler.decision import Filter, View
from skep.core.scheduler.fleet.kinds import Bools
from skep.core.scheduler.query.evaluate import MISSING, answer, fact
from skep.core.scheduler.request import Needs


def _tokens(kind: str, wanted: Iterable[object]) -> list[str]:
    return sorted(f"{kind}:{each}" for each in wanted)


def _has(view: View, token: str) -> Bools:
    return np.broadcast_to(np.asarray(view.having(token)), (len(view),))


def _accept(
    required: Callable[[Needs], list[str]], forbidden: Callable[[Needs], list[str]]
) -> Callable[[View], Bools | bool]:
    def accept(view: View) -> Bools | bool:
        held = [_has(view, token) for token in required(view.group.needs)]
        held += [~_has(view, token) for token in forbidden(view.group.needs)]
        return bool(not held) or np.asarray(np.logical_and.reduce(held), dtype=np.bool_)

    return accept


def _reason(
    required: Callable[[Needs], list[str]], forbidden: Callable[[Needs], list[str]]
) -> Callable[[View, int], str]:
    def reason(view: View, index: int) -> str:
        needs, row = view.group.needs, view.at(index)
        missing = [each for each in required(needs) if not _at(view, each, row)]
        present = [each for each in forbidden(needs) if _at(view, each, row)]
        parts = [f"has no {_words(missing)}"] if missing else []
        parts += [f"has {_words(present)}, which is forbidden"] if present else []
        return ", ".join(parts) or "has all that is asked for"

    return reason


def _at(view: View, token: str, row: int) -> bool:
    column = view.state.fleet.having(token)
    return column is not None and bool(column[row])


def _words(tokens: list[str]) -> str:
    """`network:blue` is written `network 'blue'`."""
    pairs = (token.split(":", 1) for token in tokens)
    return ", ".join(f"{kind.replace('_', ' ')} {value!r}" for kind, value in pairs)


def _nothing(_needs: Needs) -> list[str]:
    return []


def _token_filter(
    name: str,
    required: Callable[[Needs], list[str]],
    forbidden: Callable[[Needs], list[str]] = _nothing,
) -> Filter:
    return Filter(name, _accept(required, forbidden), _reason(required, forbidden), fixed=True)


def _one(kind: str) -> Callable[[Needs], list[str]]:
    def required(needs: Needs) -> list[str]:
        wanted = getattr(needs, kind)
        return [] if wanted is None else [f"{kind}:{wanted}"]

    return required


def _kvm(view: View) -> Bools | bool:
    return not view.group.needs.kvm or view.column("kvm")


def _kvm_words(view: View, index: int) -> str:
    return "KVM is usable" if view.column("kvm")[index] else "KVM is not usable"


def _query(view: View) -> Bools | bool:
    return view.group.query is None or answer(view.group.query.root, view)


def _query_words(view: View, index: int) -> str:
    if view.group.query is None:
        return "no query"
    held = bool(answer(view.group.query.root, view)[index])
    every = [(path, fact(path, view)[index]) for path in view.group.query.facts()]
    shown = [f"$cell.{path} {'is missing' if it is MISSING else f'= {it}'}" for path, it in every]
    return f"{'true' if held else 'false'} with {', '.join(shown) or 'no fact'}"


FILTERS = (
    Filter("kvm", _kvm, _kvm_words, fixed=True),
    _token_filter("architecture", _one("architecture")),
    _token_filter("cpu_model", _one("cpu_model")),
    _token_filter("firmware", _one("firmware")),
    _token_filter("machine", _one("machine")),
    _token_filter("networks", lambda needs: _tokens("network", needs.networks)),
    _token_filter("vlans", lambda needs: _tokens("vlan", needs.vlans)),
    _token_filter(
        "tags",
        lambda needs: _tokens("tag", needs.tags),
        lambda needs: _tokens("tag", needs.tags_forbidden),
    ),
    _token_filter(
        "labels",
        lambda needs: _tokens("label", needs.labels),
        lambda needs: _tokens("label", needs.labels_forbidden),
    ),
    Filter("query", _query, _query_words),
)
