"""Write the chart without Helm: `PYTHONPATH=operator:. python install/generate.py --write`, or `--check`.

Helm renders the chart with its defaults into the namespace recording-operator; what only Helm reads is taken out, and
the namespace, which Helm makes by an option, is added. That is install.yaml; receiver/receiver.yaml has what the chart
adds with receiver.enabled, console/console.yaml what it adds with console.enabled. Errors: ToolchainError where Helm
cannot be built.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from localcluster.builds import ensure_tools
from localcluster.extratools import HELM4
from localcluster.install import OPERATOR_NAMESPACE
from recording_operator.api.generated import command_line

FOLDER: Final = Path(__file__).resolve().parent
CHART: Final = FOLDER.parent / "charts" / "recording-operator"
IMAGE: Final = "recording-operator"
CONSOLE_IMAGE: Final = "recording-operator-console"
"""No registry hosts the images yet. Users replace these names with those of their own images."""
_VALUES: Final = {"image": {"repository": IMAGE}, "tests": {"enabled": False}}
_OF_HELM: Final = ("helm.sh/chart", "app.kubernetes.io/managed-by", "helm.sh/resource-policy")
_HEADER: Final = """\
# All that the operator needs: CustomResourceDefinitions, namespace, RBAC, Deployment, Service, admission policies.
# Generated from charts/recording-operator by install/generate.py; do not edit. Apply it with `kubectl apply
# --server-side`, after you have replaced the image (see README.md here).
"""
_RECEIVER_HEADER: Final = """\
# The receiver of providers' webhooks, besides install.yaml: RBAC, Deployment, Services. It may create Recordings in no
# namespace before you bind the ClusterRole recording-operator-receiver-namespace there (see ../README.md).
# Generated from charts/recording-operator by install/generate.py; do not edit.
"""
_CONSOLE_HEADER: Final = """\
# The console, besides install.yaml: RBAC, Deployment, Services. Its catalog is in the memory of the pod (see
# ../README.md).
# Generated from charts/recording-operator by install/generate.py; do not edit.
"""
Object = dict[str, Any]


def objects() -> list[Object]:
    """The namespace, and what the chart renders."""
    restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": OPERATOR_NAMESPACE, "labels": restricted},
    }
    return [namespace, *map(_without_helm, yaml.safe_load_all(_rendered(_VALUES)))]


def receiver_objects() -> list[Object]:
    """What the chart adds for the receiver."""
    return _added("receiver", {"enabled": True})


def console_objects() -> list[Object]:
    """What the chart adds for the console."""
    version = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))["appVersion"]
    return _added("console", {"enabled": True, "image": {"repository": CONSOLE_IMAGE, "tag": version}})


def _added(component: str, values: Object) -> list[Object]:
    rendered = yaml.safe_load_all(_rendered({**_VALUES, component: values}))
    own = [one for one in rendered if one["metadata"]["labels"].get("app.kubernetes.io/component") == component]
    return [_without_helm(one) for one in own]


def text(header: str, objects: list[Object]) -> str:
    """The file."""
    return header + "".join(f"---\n{yaml.safe_dump(one, sort_keys=False, width=120)}" for one in objects)


def _rendered(values: Object) -> str:
    program = ensure_tools((HELM4,))["helm4"]
    command = [
        str(program),
        "template",
        OPERATOR_NAMESPACE,
        str(CHART),
        f"--namespace={OPERATOR_NAMESPACE}",
        "--values=-",
    ]
    nowhere = {"KUBECONFIG": os.devnull}
    done = subprocess.run(
        command,
        input=yaml.safe_dump(values),
        env={**os.environ, **nowhere},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def _without_helm(rendered: Object) -> Object:
    """Remove the labels and annotations of Helm."""
    for metadata in (rendered["metadata"], *_templates(rendered)):
        for name in ("labels", "annotations"):
            kept = {key: value for key, value in metadata.pop(name, {}).items() if key not in _OF_HELM}
            if kept:
                metadata[name] = kept
    return rendered


def _templates(rendered: Object) -> Iterator[Object]:
    if rendered["kind"] == "Deployment":
        yield rendered["spec"]["template"]["metadata"]


def main(arguments: Sequence[str]) -> int:
    """Write or check the files; returns the exit status."""
    files = [
        (FOLDER / "install.yaml", text(_HEADER, objects())),
        (FOLDER / "receiver" / "receiver.yaml", text(_RECEIVER_HEADER, receiver_objects())),
        (FOLDER / "console" / "console.yaml", text(_CONSOLE_HEADER, console_objects())),
    ]
    return command_line(files, arguments, prog="python install/generate.py", remedy="make manifests")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
