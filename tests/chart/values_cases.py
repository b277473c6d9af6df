"""Values that differ from the defaults, in sets that work together. Every value of the schema is in at least one."""

from typing import Any, Final

Values = dict[str, Any]

_MONITOR: Final[Values] = {
    "enabled": True,
    "interval": "15s",
    "scrapeTimeout": "5s",
    "labels": {"release": "prometheus"},
    "annotations": {"a": "b"},
    "honorLabels": True,
    "relabelings": [{"action": "labeldrop", "regex": "pod"}],
    "metricRelabelings": [{"action": "labeldrop", "regex": "endpoint"}],
    "renderMode": "alwaysRender",
}
_RESTRICTED: Final[Values] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
_NAMES: Final[Values] = {
    "global": {"imageRegistry": "mirror.example.com", "imagePullSecrets": [{"name": "mirror"}]},
    "nameOverride": "mover",
    "namespaceOverride": "elsewhere",
    "commonLabels": {"team": "platform"},
    "commonAnnotations": {"contact": "platform@example.com"},
    "image": {
        "repository": "moved/operator",
        "tag": "9.9.9",
        "digest": "sha256:" + "0" * 64,
        "pullPolicy": "Always",
    },
    "imagePullSecrets": [{"name": "own"}],
    "crds": {"keep": False, "annotations": {"argocd.argoproj.io/sync-options": "Replace=true"}},
    "serviceAccount": {
        "name": "mover",
        "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/recordings"},
        "labels": {"kind": "workload"},
    },
}
_POD: Final[Values] = {
    "fullnameOverride": "mover",
    "replicaCount": 3,
    "strategy": {"type": "Recreate", "rollingUpdate": None},
    "revisionHistoryLimit": 1,
    "terminationGracePeriodSeconds": 120,
    "log": {"format": "text", "level": "debug"},
    "podAnnotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"},
    "podLabels": {"azure.workload.identity/use": "true"},
    "podSecurityContext": {"runAsUser": 1234, "supplementalGroups": [5678]},
    "securityContext": {"runAsGroup": 1234},
    "hostUsers": False,
    "resources": {"limits": {"memory": "2Gi"}},
    "tests": {"resources": {"limits": {"cpu": "1"}}},
    "tmpSizeLimit": "1Gi",
    "startupProbe": {"failureThreshold": 99},
    "livenessProbe": {"failureThreshold": 9},
    "readinessProbe": {"failureThreshold": 8},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": [
        {"maxSkew": 2, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}
    ],
    "priorityClassName": "system-cluster-critical",
    "runtimeClassName": "gvisor",
    "dnsPolicy": "Default",
    "dnsConfig": {"options": [{"name": "ndots", "value": "1"}]},
    "hostAliases": [{"ip": "203.0.113.7", "hostnames": ["store.example.com"]}],
    "extraArgs": ["--context=other"],
    "extraEnv": [{"name": "AWS_REGION", "value": "eu-west-2"}],
    "extraEnvFrom": [{"secretRef": {"name": "environment", "optional": True}}],
    "filesystem": {
        "volumes": [
            {
                "name": "recordings",
                "mountPath": "/recordings",
                "volume": {"persistentVolumeClaim": {"claimName": "nfs"}},
            }
        ]
    },
    "extraVolumes": [{"name": "ca", "configMap": {"name": "ca", "optional": True}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}],
    "initContainers": [{"name": "wait", "image": "wait", "securityContext": _RESTRICTED}],
    "extraContainers": [{"name": "proxy", "image": "proxy", "securityContext": _RESTRICTED}],
    "podDisruptionBudget": {"maxUnavailable": "50%"},
    "service": {
        "type": "LoadBalancer",
        "port": 80,
        "annotations": {"a": "b"},
        "labels": {"c": "d"},
    },
}
_RIGHTS: Final[Values] = {
    "rbac": {
        "aggregateToEdit": False,
        "aggregateToAdmin": False,
        "aggregateToView": True,
        "addressables": False,
        "secretNamespaces": ["team-a", "team-b"],
    },
    "admissionPolicies": {"useVerb": True, "failurePolicy": "Ignore"},
}
_NETWORK: Final[Values] = {
    "networkPolicy": {
        "enabled": True,
        "metricsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
        "dns": {
            "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
            "ports": [53, 5353],
        },
        "apiServer": {"cidrs": ["10.96.0.1/32"], "ports": [8443]},
        "publicPorts": [443, 8443],
        "ipv6": False,
        "extraEgress": [{"ports": [{"port": 9000}], "to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}]}],
    },
}
_STORAGE: Final[Values] = {
    "storageLocation": {
        "create": True,
        "name": "vault",
        "existingSecret": "vault-key",
        "spec": {"s3": {"bucket": "my-recordings"}, "allowedNamespaces": {"names": ["default"]}},
    },
    "reports": [{"name": "monthly", "spec": {"schedule": "0 6 1 * *"}}],
}
_MONITORING: Final[Values] = {
    "serviceMonitor": _MONITOR,
    "prometheusRule": {
        "enabled": True,
        "labels": {"release": "prometheus"},
        "annotations": {"a": "b"},
        "renderMode": "alwaysRender",
        "runbookUrl": "https://wiki.example.com",
        "failureRatio": 0.25,
        "disabled": ["RecordingSourceExpired"],
        "alertLabels": {"team": "platform"},
        "extraRules": [{"alert": "Mine", "expr": "vector(1)"}],
    },
    "grafanaDashboard": {
        "enabled": True,
        "namespace": "monitoring",
        "sidecarLabel": "dashboards",
        "sidecarLabelValue": "yes",
        "labels": {"c": "d"},
        "annotations": {"folder": "Recordings"},
    },
}
_RECEIVER: Final[Values] = {
    "networkPolicy": {
        "enabled": True,
        "deliveriesFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}],
    },
    "receiver": {
        "enabled": True,
        "namespaces": ["team-a", "team-b"],
        "replicas": 5,
        "strategy": {"type": "Recreate", "rollingUpdate": None},
        "terminationGracePeriodSeconds": 45,
        "serviceAccount": {"name": "listener", "annotations": {"a": "b"}, "labels": {"kind": "workload"}},
        "podAnnotations": {"a": "b"},
        "podLabels": {"c": "d"},
        "resources": {"limits": {"memory": "512Mi"}},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "dedicated", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "topologySpreadConstraints": [
            {"maxSkew": 2, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}
        ],
        "priorityClassName": "system-cluster-critical",
        "extraArgs": ["--context=other"],
        "extraEnv": [{"name": "A", "value": "b"}],
        "podDisruptionBudget": {"maxUnavailable": "50%"},
        "service": {"type": "NodePort", "port": 8000, "annotations": {"a": "b"}, "labels": {"c": "d"}},
        "ingress": {
            "enabled": True,
            "className": "nginx",
            "host": "hooks.example.com",
            "annotations": {"cert-manager.io/cluster-issuer": "letsencrypt"},
            "labels": {"c": "d"},
            "tls": {"secretName": "hooks-tls"},
        },
        "httpRoute": {
            "enabled": True,
            "parentRefs": [{"name": "public", "namespace": "gateways", "sectionName": "https"}],
            "hostnames": ["hooks.example.com"],
            "annotations": {"a": "b"},
            "labels": {"c": "d"},
        },
    },
}
_SCALED_RECEIVER: Final[Values] = {
    "receiver": {
        "enabled": True,
        "namespaces": ["*"],
        "autoscaling": {
            "enabled": True,
            "minReplicas": 3,
            "maxReplicas": 20,
            "targetCPUUtilizationPercentage": 50,
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 600}},
        },
        "podDisruptionBudget": {"minAvailable": 1},
        "ingress": {"enabled": True, "host": "hooks.example.com", "tls": {"enabled": False}},
    },
}
_CONSOLE: Final[Values] = {
    "networkPolicy": {
        "enabled": True,
        "consoleFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}],
    },
    "console": {
        **{
            name: _RECEIVER["receiver"][name]  # what both have
            for name in _RECEIVER["receiver"].keys() - {"namespaces", "replicas", "serviceAccount"}
        },
        "image": {
            "repository": "moved/console",
            "tag": "8.8.8",
            "digest": "sha256:" + "1" * 64,
            "pullPolicy": "Always",
        },
        "replicas": 3,
        "resources": {"limits": {"memory": "1Gi"}},
        "presigning": False,
        "database": {"existingSecret": "catalog", "key": "uri"},
        "serviceAccount": {"name": "viewer", "annotations": {"a": "b"}, "labels": {"kind": "workload"}},
    },
}
_CONSOLE_ON_A_VOLUME: Final[Values] = {
    "console": {
        "enabled": True,
        "persistence": {
            "enabled": True,
            "size": "8Gi",
            "storageClassName": "fast",
            "accessModes": ["ReadWriteOncePod"],
        },
        "podDisruptionBudget": {"minAvailable": 1},
        "ingress": {"enabled": True, "host": "recordings.example.com", "tls": {"enabled": False}},
    },
}
_OFF: Final[Values] = {
    "crds": {"enabled": False},
    "serviceAccount": {"create": False, "name": "given"},
    "rbac": {"create": False},
    "admissionPolicies": {"allowedNamespaces": False},
    "podDisruptionBudget": {"minAvailable": 1},
    "tests": {"enabled": False},
    "extraObjects": [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-extra"}},
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Chart.Name }}-text'}",
    ],
}
CASES: Final[dict[str, Values]] = {
    "names": _NAMES,
    "registry": {"image": {"registry": "registry.example.com"}},
    "pod": _POD,
    "rights": _RIGHTS,
    "no secret policy": {"admissionPolicies": {"secretReferences": False}},
    "no policy of sources": {"admissionPolicies": {"recordingSources": False}},
    "no policies": {"admissionPolicies": {"enabled": False}},
    "network": _NETWORK,
    "network by default": {"networkPolicy": {"enabled": True}},
    "storage": _STORAGE,
    "monitoring": _MONITORING,
    "pod monitor": {"podMonitor": _MONITOR},
    "receiver": _RECEIVER,
    "receiver that scales": _SCALED_RECEIVER,
    "receiver scaled by others": {"receiver": {"enabled": True, "replicas": None}},
    "receiver without a budget": {"receiver": {"enabled": True, "podDisruptionBudget": {"enabled": False}}},
    "receiver with a given account": {
        "receiver": {"enabled": True, "serviceAccount": {"create": False, "name": "given"}}
    },
    "console": _CONSOLE,
    "console on a volume": _CONSOLE_ON_A_VOLUME,
    "console on a given volume": {
        "console": {"enabled": True, "persistence": {"enabled": True, "existingClaim": "catalog"}}
    },
    "console without a budget": {"console": {"enabled": True, "podDisruptionBudget": {"enabled": False}}},
    "console with a given account": {
        "console": {"enabled": True, "serviceAccount": {"create": False, "name": "given"}}
    },
    "off": _OFF,
    "no budget": {"podDisruptionBudget": {"enabled": False}},
    "no service": {"service": {"enabled": False}},
    "openshift": {"openshift": {"adaptSecurityContext": "force"}},
}
