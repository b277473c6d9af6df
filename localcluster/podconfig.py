"""Configuration of the programs that make a node: kubelet, containerd, kube-proxy, CNI, CoreDNS."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

NODE: Final = "localcluster"
# The node's own address, a documentation address (RFC 5737) that pods can reach and the kubelet accepts.
NODE_IP: Final = "198.51.100.1"
POD_NET: Final = "198.18.0.0/24"  # benchmark addresses (RFC 2544), which no real network uses
SERVICE_NET: Final = "198.18.1.0/24"
API_SERVICE_IP: Final = "198.18.1.1"
PAUSE: Final = "registry.k8s.io/pause:3.10.1"
CNI_PLUGINS: Final = Path("/usr/lib/cni")
CONTAINERD_SOCKET: Final = "/run/containerd/containerd.sock"


def api_server_arguments(pki: Path) -> list[str]:
    """Additional arguments of the API server, so that it can connect to a kubelet and pods can reach it."""
    return [
        "--bind-address=0.0.0.0",
        f"--advertise-address={NODE_IP}",
        "--endpoint-reconciler-type=lease",
        f"--service-cluster-ip-range={SERVICE_NET}",
        "--enable-admission-plugins=NodeRestriction",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'kubelet-client.key'}",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
    ]


def kubelet(folder: Path, *, pki: Path, cgroup: str) -> dict[str, Any]:
    """KubeletConfiguration; works on hosts with version 1 of control groups and without systemd."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "cgroupsPerQOS": True,
        "enforceNodeAllocatable": ["pods"],
        "failSwapOn": False,
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "address": "0.0.0.0",  # noqa: S104 - of a network namespace without any neighbour
        "port": 10250,
        "readOnlyPort": 0,
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": 10248,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet-server.key"),
        "resolvConf": str(folder / "resolv.conf"),
        "clusterDomain": "cluster.local",
        "clusterDNS": [NODE_IP],
        "podLogsDir": "/var/log/pods",
        "volumePluginDir": str(folder / "volume-plugins"),
        "imageGCHighThresholdPercent": 100,
        "maxPods": 50,
        "makeIPTablesUtilChains": False,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "shutdownGracePeriod": "0s",
    }


def kube_proxy(kubeconfig: Path) -> dict[str, Any]:
    """KubeProxyConfiguration."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "clusterCIDR": POD_NET,
        "hostnameOverride": NODE,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }


def cni() -> dict[str, Any]:
    """One network: a pair of interfaces for each pod, routed by the node."""
    addresses = {
        "type": "host-local",
        "dataDir": "/run/cni-ipam",
        "ranges": [[{"subnet": POD_NET}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    plugin = {"type": "ptp", "mtu": 1500, "ipMasq": False, "ipam": addresses}
    return {"cniVersion": "1.0.0", "name": "localcluster", "plugins": [plugin]}


def containerd(folder: Path, *, runc: str) -> str:
    """Configuration of containerd 1.x (version 2 of the file, which containerd 2 reads too)."""
    cri = '[plugins."io.containerd.grpc.v1.cri"'
    return "\n".join(
        [
            "version = 2",
            f"root = '{folder / 'containerd'}'",
            "state = '/run/containerd'",
            f"{cri}]",
            f"sandbox_image = '{PAUSE}'",
            "disable_apparmor = true",
            "restrict_oom_score_adj = true",  # for machines without CAP_SYS_RESOURCE
            f"{cri}.cni]",
            f"bin_dir = '{CNI_PLUGINS}'",
            f"conf_dir = '{folder / 'cni'}'",
            f"{cri}.containerd]",
            "snapshotter = 'overlayfs'",
            f"{cri}.containerd.runtimes.runc]",
            "runtime_type = 'io.containerd.runc.v2'",
            f"{cri}.containerd.runtimes.runc.options]",
            f"BinaryName = '{runc}'",
            "SystemdCgroup = false",
            "",
        ]
    )


def corefile(kubeconfig: Path) -> str:
    """Configuration of CoreDNS: the cluster's names, and no others."""
    plugins: Sequence[str] = (
        f"bind {NODE_IP}",
        "errors",
        "ready 127.0.0.1:8181",
        f"kubernetes cluster.local in-addr.arpa {{\n  kubeconfig {kubeconfig}\n  ttl 1\n }}",
        "cache 1",
    )
    lines = "\n ".join(plugins)
    return f".:53 {{\n {lines}\n}}\n"
