"""The zone at a glance: how many of everything in which state."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from skep.core.store.base import reading
from skep.core.store.models import Cell, Instance, Run


def count_states() -> Mapping[str, Any]:
    """Return {cells, instances, runs}, each {state: count}; states without members are left out."""
    with reading() as session:
        return {
            "cells": _count(session, Cell.state),
            "instances": _count(session, Instance.state),
            "runs": _count(session, Run.state),
        }


def check_database() -> None:
    """Ask the database for a row; whatever it raises means that it is not usable."""
    with reading() as session:
        session.execute(text("SELECT 1"))


def _count(session: Session, state: InstrumentedAttribute[str]) -> dict[str, int]:
    rows = session.execute(select(state, func.count()).group_by(state))
    return {str(name): int(count) for name, count in rows}
