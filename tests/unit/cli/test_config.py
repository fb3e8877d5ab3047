import pytest
from tests.unit.client.samples import page, pool
from tests.unit.client.scripted_core import TOKEN


@pytest.fixture
def unset():
    return {"SKEP_URL": None, "SKEP_TOKEN": None, "SKEP_CA_FILE": None}


@pytest.fixture
def config(tmp_path):
    """Write the configuration with a mode."""

    def write(text, mode=0o600):
        path = tmp_path / ".config" / "skep" / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    return write


@pytest.fixture
def working(core, config, authority):
    """A configuration file that is all that is needed."""
    core.on("GET", "/pools", page(pool()))
    return config(f'url = "{core.url}"\ntoken = "{TOKEN}"\nca_file = "{authority.file}"\n')


def test_the_file_alone_is_enough(skep, working, unset):
    assert skep("pool", "list", "-o", "name", env=unset).stdout == "default\n"


def test_a_relative_ca_file_is_seen_from_the_file(skep, core, config, authority, unset):
    core.on("GET", "/pools", page(pool()))
    path = config(f'url = "{core.url}"\ntoken = "{TOKEN}"\nca_file = "ca.pem"\n')
    (path.parent / "ca.pem").write_bytes(authority.file.read_bytes())
    assert skep("pool", "list", env=unset).exit_code == 0


def test_the_environment_overrides_the_file(skep, core, config):
    core.on("GET", "/pools", page(pool()))
    config('url = "https://127.0.0.1:1"\ntoken = "old"\nca_file = "/nonexistent"\n')
    assert skep("pool", "list").exit_code == 0


def test_xdg_config_home_is_honoured(skep, working, unset, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    working.parent.rename(tmp_path / "elsewhere" / "skep")
    env = unset | {"XDG_CONFIG_HOME": str(tmp_path / "elsewhere")}
    assert skep("pool", "list", env=env).exit_code == 0


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602])
def test_a_file_that_others_may_touch_is_refused_with_what_to_do(skep, core, config, mode):
    path = config('token = "secret-token"', mode)
    result = skep("pool", "list")
    assert result.exit_code == 2
    assert f"mode {mode:04o}" in result.stderr
    assert f"chmod 600 {path}" in result.stderr
    assert "secret-token" not in result.output
    assert core.asked == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("url = ", "not TOML"),
        ("url = 5", "'url' is not known"),
        ('tokn = "x"', "'tokn' is not known; texts named url, token, ca_file are"),
        ("url = '\udcff'", "not TOML"),
    ],
)
def test_a_broken_file_is_named_with_its_trouble(skep, config, tmp_path, text, words):
    path = config("")
    path.write_bytes(text.encode(errors="surrogateescape"))
    result = skep("pool", "list")
    assert result.exit_code == 2
    assert words in result.stderr
    assert "config.toml" in result.stderr


@pytest.mark.parametrize(("key", "variable"), [("url", "SKEP_URL"), ("token", "SKEP_TOKEN")])
def test_a_missing_value_tells_both_ways_to_give_it(skep, key, variable):
    result = skep("pool", "list", env={variable: None})
    assert result.exit_code == 2
    assert f"no {key} is set; set {variable}, or write {key} =" in result.stderr


@pytest.mark.parametrize("token", ["tök", "a\nX-Evil: 1"])
def test_a_token_that_cannot_be_a_header_is_refused_and_not_shown(skep, core, token):
    result = skep("pool", "list", env={"SKEP_TOKEN": token})
    assert result.exit_code == 2
    assert "Evil" not in result.output
    assert core.asked == []


def test_a_plain_http_address_is_refused_before_the_token_is_sent(skep):
    result = skep("pool", "list", env={"SKEP_URL": "http://core:5870"})
    assert result.exit_code == 2
    assert "https://core.example:5870" in result.stderr


def test_a_folder_in_place_of_the_file_is_named(skep, tmp_path):
    (tmp_path / ".config" / "skep" / "config.toml").mkdir(parents=True)
    result = skep("pool", "list")
    assert result.exit_code == 2
    assert "Is a directory" in result.stderr
