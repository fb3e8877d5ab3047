import shutil
import subprocess
import time

import pytest
from tests.unit.client.samples import RUN_ID, cell, image, instance, pool, run
from tests.unit.client.scripted_core import Answer


@pytest.fixture
def complete(skep):
    """Return the words offered for the last of the given words."""

    def ask(*words, env=None):
        line = {"COMP_WORDS": " ".join(["skep", *words]), "COMP_CWORD": str(len(words))}
        result = skep(env={"_SKEP_COMPLETE": "bash_complete", **line, **(env or {})})
        return [each.split(",", 1)[1] for each in result.stdout.splitlines() if each]

    return ask


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script_that_it_can_read(skep, shell):
    result = skep("completion", shell)
    assert result.exit_code == 0
    assert "_SKEP_COMPLETE" in result.stdout
    found = shutil.which(shell)
    if found:
        done = subprocess.run([found, "-n"], input=result.stdout, text=True, check=False)
        assert done.returncode == 0


def test_nouns_verbs_and_values_are_offered_without_a_core(complete, core):
    assert complete("in") == ["instance"]
    assert complete("instance", "re") == ["reboot"]
    assert complete("cell", "list", "-o", "") == ["table", "json", "yaml", "name"]
    assert core.asked == []


@pytest.mark.parametrize(
    ("words", "path", "item"),
    [
        (["instance", "start", "w"], "/instances", instance("web-1")),
        (["instance", "migrate", "x", "--to", ""], "/cells", cell("cell-1")),
        (["instance", "create", "x", "--image", "d"], "/images", image("debian")),
        (["cell", "accept", "x", "--pool", ""], "/pools", pool("default")),
        (["cell", "accept", ""], "/cells", cell("cell-9")),
        (["run", "show", "9"], "/runs", run()),
    ],
)
def test_names_come_from_the_core(complete, lists, words, path, item):
    lists(path, item)
    assert complete(*words) == [item.get("name") or RUN_ID]


def test_a_name_that_was_given_is_not_offered_again(complete, lists):
    lists("/instances", instance("web-1"), instance("web-2"))
    assert complete("instance", "start", "web-1", "web") == ["web-2"]


@pytest.mark.parametrize(
    "name",
    [
        "$(id)",
        "`id`",
        "a b",
        "a;id",
        "a\nplain,b",
        "x'y",
        "a*",
        "-rf",
        "~root",
        "{{ x }}",
        "\x1b[31m",
    ],
)
def test_a_name_that_a_shell_would_obey_is_never_offered(complete, lists, name):
    lists("/instances", instance(name), instance("good"))
    assert complete("instance", "start", "") == ["good"]


def test_a_slow_core_is_not_waited_for(complete, core):
    def late(_asked):
        time.sleep(3)
        return Answer({})

    core.on("GET", "/instances", late)
    started = time.monotonic()
    assert complete("instance", "start", "") == []
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "env", [{"SKEP_URL": None}, {"SKEP_TOKEN": "wrong"}, {"SKEP_URL": "https://127.0.0.1:1"}]
)
def test_trouble_offers_nothing_and_says_nothing(complete, env):
    assert complete("instance", "start", "", env=env) == []
