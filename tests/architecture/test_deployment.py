"""What is shipped for running the service says what the program understands, and passes the linters that are
there."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.architecture.test_documents import parse

from countenance.cli.main import commands

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "countenance"


def understood(arguments: list[str]) -> None:
    """Parse a command line without running it; a wrong one raises click.UsageError."""
    parse(commands, "countenance", arguments)


def typed(text: str, after: str) -> list[list[str]]:
    """The arguments of each command of ours that a text has somebody type after ``after``."""
    whole = re.sub(r"\\\n#?\s*", "", text)
    return [shlex.split(found) for found in re.findall(rf"{after} countenance (.*)$", whole, re.MULTILINE)]


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


def test_the_commands_that_somebody_is_told_to_type_can_be_typed() -> None:
    told = typed((DEPLOY / "compose.yaml").read_text("utf-8"), "run --rm")
    told += typed((CHART / "templates" / "NOTES.txt").read_text("utf-8"), "--")
    assert [arguments[0] for arguments in told] == ["init", "status", "person"]
    for arguments in told:
        understood(arguments)


@pytest.mark.parametrize("url", ["", "postgresql+psycopg://gallery@db/gallery"], ids=["SQLite", "PostgreSQL"])
def test_the_chart_makes_the_gallery_where_there_is_none_and_only_there(tmp_path: Path, url: str) -> None:
    template = (CHART / "templates" / "deployment.yaml").read_text("utf-8")
    (script,) = re.findall(r">-\n((?: +[^-].*\n)+?) +- init\n", template)
    made, gallery = tmp_path / "made", tmp_path / "gallery"
    stub = tmp_path / "countenance"
    stub.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {made}\n', "utf-8")
    stub.chmod(0o700)
    around = {"PATH": f"{tmp_path}:/usr/bin:/bin", "COUNTENANCE_GALLERY": str(gallery)}
    around |= {"COUNTENANCE_DATABASE_URL": url} if url else {}
    command = ["/bin/sh", "-c", " ".join(script.split()), "init", "--blobs", "s3://faces/gallery"]
    subprocess.run(command, env=around, check=True)
    arguments = made.read_text("utf-8").splitlines()
    wanted = ["--database-url", url] if url else []
    assert arguments == ["init", str(gallery), *wanted, "--blobs", "s3://faces/gallery"]
    understood(arguments)
    made.unlink()
    gallery.mkdir()
    (gallery / "gallery.json").touch()
    subprocess.run(command, env=around, check=True)
    assert not made.exists()


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
    (first,) = pod["initContainers"]
    assert first["command"][:2] == ["/bin/sh", "-c"]
    for one in (first, container):
        assert one["securityContext"]["readOnlyRootFilesystem"] is True
        assert one["volumeMounts"] == container["volumeMounts"]
        assert one["envFrom"] == container["envFrom"]
    claims = {one["metadata"]["name"] for one in rendered if one["kind"] == "PersistentVolumeClaim"}
    wanted = {v["persistentVolumeClaim"]["claimName"] for v in pod["volumes"] if "persistentVolumeClaim" in v}
    assert claims == wanted
