"""The `skep` command: the cluster from a shell.

Everything heavy (requests, pydantic, rich, yaml) is imported where it is used, so that help,
usage errors and completion of words start quickly.
"""
