"""Programs that only some tests need (chart, pods, other stores, plugin), built as `builds` builds others.

`ensure_tools(HELM)` and so on return their paths; nothing here is built by `make demo`.
"""

from typing import Final

from localcluster.toolchain import KUBERNETES, Family

_TOOLS: Final = KUBERNETES.folder.parent


def _helm(major: int) -> Family:
    # Without a version of Kubernetes, Helm 3 assumes v1.20 for an offline cluster and rejects the chart.
    lint, chartutil = f"helm.sh/helm/v{major}/pkg/lint/rules", f"helm.sh/helm/v{major}/pkg/chartutil"
    old = (
        (f"{lint}.k8sVersionMajor", "1"),
        (f"{lint}.k8sVersionMinor", "36"),
        (f"{chartutil}.k8sVersionMajor", "1"),
        (f"{chartutil}.k8sVersionMinor", "36"),
    )
    return Family(
        name=f"helm{major}",
        folder=_TOOLS / f"helm{major}",
        module=f"helm.sh/helm/v{major}",
        packages={f"helm{major}": f"helm.sh/helm/v{major}/cmd/helm"},
        version_variables=(
            (f"helm.sh/helm/v{major}/internal/version.version", "{version}"),
            *(old if major == 3 else ()),  # noqa: PLR2004 - Helm 3
        ),
        cold_build="a minute and a half",
    )


HELM3: Final = _helm(3)
HELM4: Final = _helm(4)
# Without its 30 kinds of service discovery: the tests only check rules and run their tests.
PROMTOOL: Final = Family(
    name="promtool",
    folder=_TOOLS / "promtool",
    module="github.com/prometheus/prometheus",
    packages={"promtool": "github.com/prometheus/prometheus/cmd/promtool"},
    version_variables=(("github.com/prometheus/common/version.Version", "{version}"),),
    build_tags=("remove_all_sd",),
    cold_build="a minute and a half",
)
NODE: Final = Family(
    name="node",
    folder=_TOOLS / "node",
    module="k8s.io/kubernetes",
    packages={program: f"k8s.io/kubernetes/cmd/{program}" for program in ("kubelet", "kube-proxy", "kube-scheduler")},
    version_variables=KUBERNETES.version_variables,
    cold_build="two minutes",
)
# Main packages of the folder itself: CoreDNS with seven plugins, and what holds the namespaces of a pod.
COREDNS: Final = Family(
    name="coredns",
    folder=_TOOLS / "coredns",
    module="github.com/coredns/coredns",
    packages={"coredns": ".", "pause": "./pause"},
    cold_build="two minutes",
)
# A main package of the folder itself: the S3 server and the local file system of rclone, without its other 80 stores.
RCLONE: Final = Family(
    name="rclone",
    folder=_TOOLS / "rclone",
    module="github.com/rclone/rclone",
    packages={"rclone": "."},
    cold_build="two minutes",
)
KREW: Final = Family(
    name="krew",
    folder=_TOOLS / "krew",
    module="sigs.k8s.io/krew",
    packages={"krew": "sigs.k8s.io/krew/cmd/krew"},
    cold_build="half a minute",
)
