"""What is shipped for running the service says what the program understands, and passes the linters that are
there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from countenance.cli.main import commands

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "countenance"


def understood(arguments: list[str]) -> None:
    """Parse a command line without running it; a wrong one raises click.UsageError."""
    name, *rest = arguments
    command = commands.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None, name
    command.make_context(name, rest)


def test_the_dockerfile_passes_the_linter() -> None:
    hadolint = Path(shutil.which("hadolint") or ROOT / ".venv/bin/hadolint")
    done = subprocess.run([hadolint, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_container_runs_a_command_that_exists_and_not_as_root() -> None:
    lines = (DEPLOY / "Dockerfile").read_text("utf-8").splitlines()
    (command,) = [line for line in lines if line.startswith("CMD [")]
    understood(yaml.safe_load(command.removeprefix("CMD ")))
    (user,) = [line for line in lines if line.startswith("USER ")]
    assert user.removeprefix("USER ").split(":")[0] not in ("0", "root")


def test_the_compose_file_runs_a_command_that_exists_and_publishes_on_loopback_only() -> None:
    whole = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    service = whole["services"]["countenance"]
    understood(service["command"])
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).exists()
    assert {volume.split(":")[0] for volume in service["volumes"]} <= set(whole["volumes"])


@pytest.fixture
def rendered() -> list[dict[str, Any]]:
    """The chart with everything switched on, as Helm writes it."""
    helm = shutil.which("helm")
    if helm is None:
        pytest.skip("helm is not installed; the chart was linted and rendered with helm 3.17.3 when it was written")
    lint = subprocess.run([helm, "lint", "--strict", CHART], capture_output=True, text=True, check=False)
    assert lint.returncode == 0, lint.stdout
    more = "ingress.enabled=true,ingress.tlsSecret=t,serve.trustedProxies=192.0.2.1,environmentSecrets={a}"
    done = subprocess.run(
        [helm, "template", "here", CHART, "--set", more], capture_output=True, text=True, check=True
    )
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def test_the_chart_runs_a_command_that_exists_without_root(rendered: list[dict[str, Any]]) -> None:
    (deployment,) = [one for one in rendered if one["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    understood(container["args"])
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    claims = {one["metadata"]["name"] for one in rendered if one["kind"] == "PersistentVolumeClaim"}
    wanted = {v["persistentVolumeClaim"]["claimName"] for v in pod["volumes"] if "persistentVolumeClaim" in v}
    assert claims == wanted
