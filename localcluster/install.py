"""What a cluster needs before the operator runs in it: CRDs, namespace, ServiceAccounts and the chart's RBAC."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from localcluster.kubectl import JsonObject, Kubectl
from localcluster.s3server import REGION, Credentials

PROJECT: Final = Path(__file__).resolve().parent.parent
OPERATOR_NAMESPACE: Final = "recording-operator"
OPERATOR_ACCOUNT: Final = "recording-operator"
SECRETS_ROLE: Final = "recording-operator-secrets"
RECEIVER_ACCOUNT: Final = "recording-operator-receiver"
RECEIVER_NAMESPACE_ROLE: Final = "recording-operator-receiver-namespace"
CONSOLE_ACCOUNT: Final = "recording-operator-console"
ADMINISTRATOR_ACCOUNT: Final = "administrator"
_ADDRESSABLE_ROLE: Final = "recording-operator-addressable"
_CRDS: Final = PROJECT / "crds"
_RBAC: Final = PROJECT / "charts" / "recording-operator" / "files" / "rbac"
_RBAC_API: Final = "rbac.authorization.k8s.io/v1"


def install(kubectl: Kubectl) -> None:
    """Install the CRDs, and the ServiceAccounts of operator, receiver and console with their RBAC. Raises KubectlError.

    It needs the rights of an administrator, and can be repeated safely.
    """
    install_crds(kubectl)
    kubectl.apply(*operator_objects(), *receiver_objects(), *console_objects())


def install_crds(kubectl: Kubectl) -> None:
    """Apply `crds/` and wait until the API server serves them. Raises KubectlError."""
    kubectl("apply", "--server-side", "-f", str(_CRDS))
    kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(_CRDS))


def operator_objects() -> list[JsonObject]:
    """Return the namespace and the ServiceAccount of the operator, with exactly the permissions of the chart."""
    own = {"namespace": OPERATOR_NAMESPACE}
    name = OPERATOR_ACCOUNT
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OPERATOR_NAMESPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, **own}},
        {"apiVersion": _RBAC_API, "kind": "ClusterRole", "metadata": {"name": name}, "rules": _rules("clusterrole")},
        {
            "apiVersion": _RBAC_API,
            "kind": "ClusterRole",
            "metadata": {"name": SECRETS_ROLE},
            "rules": _rules("secrets-clusterrole"),
        },
        {"apiVersion": _RBAC_API, "kind": "Role", "metadata": {"name": name, **own}, "rules": _rules("role")},
        _binding("ClusterRoleBinding", metadata={"name": name}, role_kind="ClusterRole", role=name),
        _binding("RoleBinding", metadata={"name": name, **own}, role_kind="Role", role=name),
        {
            "apiVersion": _RBAC_API,
            "kind": "ClusterRole",
            "metadata": {"name": _ADDRESSABLE_ROLE},
            "aggregationRule": {"clusterRoleSelectors": _rules("addressable-selectors")},
        },
        _binding(
            "ClusterRoleBinding",
            metadata={"name": _ADDRESSABLE_ROLE},
            role_kind="ClusterRole",
            role=_ADDRESSABLE_ROLE,
        ),
    ]


def receiver_objects() -> list[JsonObject]:
    """Return the ServiceAccount of the receiver, with exactly the permissions of the chart.

    It may create Recordings nowhere: see `receiver_binding`.
    """
    name = RECEIVER_ACCOUNT
    role = {"apiVersion": _RBAC_API, "kind": "ClusterRole"}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": OPERATOR_NAMESPACE}},
        {**role, "metadata": {"name": name}, "rules": _rules("receiver-clusterrole")},
        {**role, "metadata": {"name": RECEIVER_NAMESPACE_ROLE}, "rules": _rules("receiver-namespace-clusterrole")},
        _binding("ClusterRoleBinding", metadata={"name": name}, role_kind="ClusterRole", role=name, account=name),
    ]


def console_objects() -> list[JsonObject]:
    """Return the ServiceAccount of the console, with exactly the permissions of the chart."""
    name = CONSOLE_ACCOUNT
    own = {"name": name, "namespace": OPERATOR_NAMESPACE}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": own},
        {
            "apiVersion": _RBAC_API,
            "kind": "ClusterRole",
            "metadata": {"name": name},
            "rules": _rules("console-clusterrole"),
        },
        {"apiVersion": _RBAC_API, "kind": "Role", "metadata": own, "rules": _rules("console-role")},
        _binding("ClusterRoleBinding", metadata={"name": name}, role_kind="ClusterRole", role=name, account=name),
        _binding("RoleBinding", metadata=own, role_kind="Role", role=name, account=name),
    ]


def administrator_objects() -> list[JsonObject]:
    """Return a ServiceAccount with all rights. A token of it logs in to the console."""
    name = ADMINISTRATOR_ACCOUNT
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": OPERATOR_NAMESPACE}},
        _binding(
            "ClusterRoleBinding",
            metadata={"name": f"{OPERATOR_ACCOUNT}-{name}"},
            role_kind="ClusterRole",
            role="cluster-admin",
            account=name,
        ),
    ]


def receiver_binding(namespace: str) -> JsonObject:
    """Return the RoleBinding with which the owner of a namespace allows the receiver to create Recordings there."""
    role = RECEIVER_NAMESPACE_ROLE
    metadata = {"name": role, "namespace": namespace}
    return _binding("RoleBinding", metadata=metadata, role_kind="ClusterRole", role=role, account=RECEIVER_ACCOUNT)


def secrets_binding(namespace: str) -> JsonObject:
    """Return the RoleBinding with which the owner of a namespace allows the operator to read its Secrets."""
    metadata = {"name": SECRETS_ROLE, "namespace": namespace}
    return _binding("RoleBinding", metadata=metadata, role_kind="ClusterRole", role=SECRETS_ROLE)


def credentials_secret(name: str, credentials: Credentials) -> JsonObject:
    """Return the Secret that a StorageLocation names in `s3.credentials.secretName`."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": OPERATOR_NAMESPACE},
        "stringData": {
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        },
    }


def storage_location(
    name: str,
    *,
    endpoint: str,
    bucket: str,
    secret: str,
    namespaces: Sequence[str],
    spec: JsonObject | None = None,
) -> JsonObject:
    """Return a StorageLocation of a bucket on a local S3 server, with retries after seconds instead of minutes.

    `spec` is merged over the rest, one level deep in `s3`.
    """
    extra = dict(spec or {})
    s3 = {
        "bucket": bucket,
        "region": REGION,
        "endpoint": endpoint,
        "pathStyle": True,
        "credentials": {"secretName": secret},
        **extra.pop("s3", {}),
    }
    return {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "StorageLocation",
        "metadata": {"name": name},
        "spec": {
            "s3": s3,
            "allowedNamespaces": {"names": list(namespaces)},
            "retry": {"delays": ["2s", "4s", "8s"]},
            **extra,
        },
    }


def _rules(file: str) -> Any:
    return yaml.safe_load((_RBAC / f"{file}.yaml").read_text())


def _binding(
    kind: str, *, metadata: JsonObject, role_kind: str, role: str, account: str = OPERATOR_ACCOUNT
) -> JsonObject:
    return {
        "apiVersion": _RBAC_API,
        "kind": kind,
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": OPERATOR_NAMESPACE}],
    }
