from pathlib import Path

import pytest

from skep.cell.config import ConfigError, Domain, load_config, name_from, parse_config


def test_a_missing_file_means_defaults(tmp_path: Path) -> None:
    config = load_config(tmp_path / "none.toml")
    assert config.domain == Domain("nano", "224.0.0.226", 5599)
    assert config.state_dir == Path("/var/lib/skep/cell")
    assert config.interfaces == ()


def test_a_file_sets_what_it_names(tmp_path: Path) -> None:
    file = tmp_path / "cell.toml"
    file.write_text('name="c7"\ninterfaces=["eth1"]\nrun_dir="/x"\n[domain]\nport=5600\n')
    config = load_config(file)
    assert (config.name, config.interfaces, config.run_dir) == ("c7", ("eth1",), Path("/x"))
    assert config.domain == Domain(port=5600)


@pytest.mark.parametrize(
    ("hostname", "name"),
    [
        ("Cell-3.example.org", "cell-3"),
        ("my_host", "my-host"),
        ("-", "cell"),
        ("", "cell"),
        ("x" * 80, "x" * 63),
    ],
)
def test_an_empty_name_becomes_the_hosts(hostname: str, name: str) -> None:
    assert name_from(hostname) == name
    assert parse_config({"name": ""}, hostname).name == name


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"name": "No"}, "No"),
        ({"name": 7}, "7"),
        ({"interfaces": "eth0"}, "eth0"),
        ({"nmae": "x"}, "nmae"),
        ({"qemu": 1}, "qemu"),
        ({"state_dir": ""}, "state_dir"),
        ({"domain": "nano"}, "nano"),
        ({"domain": {"ttl": 9}}, "ttl"),
        ({"domain": {"name": "a b"}}, "a b"),
        ({"domain": {"group": "239.0.0.1"}}, "239.0.0.1"),
        ({"domain": {"group": "224.0.0.256"}}, "224.0.0.256"),
        ({"domain": {"port": 0}}, "0"),
        ({"domain": {"port": True}}, "True"),
    ],
)
def test_a_wrong_setting_is_named_in_the_error(settings: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        parse_config(settings, "host")


def test_a_file_that_is_no_toml_is_named_in_the_error(tmp_path: Path) -> None:
    file = tmp_path / "cell.toml"
    file.write_text("name=")
    with pytest.raises(ConfigError, match=r"cell\.toml"):
        load_config(file)
