"""docs/cli.md against the command tree: every example parses, everything is mentioned."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

import skep
from skep.cli.main import cli
from skep.cli.report import ExitCode

TEXT = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()
BLOCKS = re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
EXAMPLES = [
    match.group(1)
    for block in BLOCKS
    for line in block.splitlines()
    if (match := re.search(r"(?:^|\$\()(skep [^>)#]*)", line))
]


def _leaves(command, path=()):
    if isinstance(command, click.Group):
        for name in command.list_commands(None):
            yield from _leaves(command.get_command(None, name), (*path, name))
    else:
        yield path, command


LEAVES = dict(_leaves(cli))


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_parses(skep, example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("debian-12.qcow2", "rescue.iso"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "shop.yml").write_text(re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)[1])
    result = skep(*shlex.split(example)[1:], env={"SKEP_URL": None})
    assert "Usage:" not in result.stderr
    assert "no url is set" in result.output or example.startswith("skep completion")


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_a_command_has_an_example(path):
    assert any(
        example.split()[1:].__getitem__(slice(len(path))) == list(path) for example in EXAMPLES
    )


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_an_option_is_mentioned(path):
    options = [each for each in LEAVES[path].params if isinstance(each, click.Option)]
    missing = [each.opts[-1] for each in options if f"{each.opts[-1]}" not in TEXT]
    assert missing in ([], ["--output"])


def test_each_exit_code_is_explained_and_no_other():
    documented = [int(code) for code in re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE)]
    assert documented == [int(code) for code in ExitCode]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["instance", "create", "--help"], ["cell", "nope"]]
)
def test_help_and_usage_errors_load_nothing_heavy(arguments):
    code = (
        "import sys; from skep.cli.main import cli\n"
        f"try: cli({arguments!r}, prog_name='skep')\n"
        "except SystemExit: pass\n"
        "print(sorted({'requests', 'pydantic', 'rich', 'yaml', 'ssl'} & set(sys.modules)))"
    )
    environment = {"PYTHONPATH": str(Path(skep.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
