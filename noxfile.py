"""The stages of ./run-tests, which defines them, as nox sessions."""

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "imports", "playbooks", "unit"]


def _run_stage(session: nox.Session) -> None:
    session.run("./run-tests", "--stage", session.name, "--", *session.posargs, external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Check rules and format with ruff."""
    _run_stage(session)


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy, strict."""
    _run_stage(session)


@nox.session
def imports(session: nox.Session) -> None:
    """Check who imports whom."""
    _run_stage(session)


@nox.session
def playbooks(session: nox.Session) -> None:
    """Check playbooks, roles and the collection with ansible-lint."""
    _run_stage(session)


@nox.session
def unit(session: nox.Session) -> None:
    """Test what does no I/O."""
    _run_stage(session)


@nox.session
def integration(session: nox.Session) -> None:
    """Test the parts together, on this machine."""
    _run_stage(session)


@nox.session
def lab(session: nox.Session) -> None:
    """Test on real Cells; needs root."""
    _run_stage(session)
