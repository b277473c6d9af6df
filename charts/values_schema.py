"""The JSON schema of the chart's values. charts/generate.py adds the descriptions, and `settings` from the code.

Objects are closed: a misspelt value is rejected. Kubernetes' own structures are validated by the API server.
"""

from typing import Any, Final

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
NAME: Final[Schema] = {"type": "string", "pattern": "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$", "maxLength": 253}
YES_NO: Final[Schema] = {"type": "boolean"}
SECONDS: Final[Schema] = {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"}
PORT: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": 65535}
TEXTS: Final[Schema] = {"type": "object", "additionalProperties": {"type": "string"}}
ANY_OBJECT: Final[Schema] = {"type": "object"}
OBJECTS: Final[Schema] = {"type": "array", "items": {"type": "object"}}
INT_OR_PERCENT: Final[Schema] = {"type": ["integer", "string", "null"]}
PROBE: Final[Schema] = {"type": "object"}


def count(minimum: int = 0) -> Schema:
    """A whole number."""
    return {"type": "integer", "minimum": minimum}


def one_of(*words: str) -> Schema:
    """One of these words."""
    return {"type": "string", "enum": list(words)}


def many(items: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": items}


def closed(**properties: Schema) -> Schema:
    """An object with these keys and no others."""
    return {"type": "object", "additionalProperties": False, "properties": properties}


_RENDER_MODE: Final = one_of("skipIfMissing", "failIfMissing", "alwaysRender")
_MONITOR: Final = closed(
    enabled=YES_NO,
    interval=SECONDS,
    scrapeTimeout=SECONDS,
    labels=TEXTS,
    annotations=TEXTS,
    honorLabels=YES_NO,
    relabelings=OBJECTS,
    metricRelabelings=OBJECTS,
    renderMode=_RENDER_MODE,
)
_VOLUME: Final = {
    **closed(
        name={"description": "Name of the volume in the pods.", "minLength": 1, **NAME},
        mountPath={
            "description": "Absolute path in the pods, such as /recordings.",
            "pattern": "^/[^:]+[^:/]$",
            **TEXT,
        },
        volume={"description": "Source of the volume, such as persistentVolumeClaim.", **ANY_OBJECT},
    ),
    "required": ["name", "mountPath", "volume"],
}
_REPORT: Final = {
    **closed(
        name={"description": "Name of the StorageReport.", **NAME},
        spec={"description": "The StorageReport's spec.", **ANY_OBJECT},
    ),
    "required": ["name", "spec"],
}
_SERVICE_ACCOUNT: Final = closed(create=YES_NO, name=NAME, annotations=TEXTS, labels=TEXTS)
_DISRUPTION_BUDGET: Final = closed(enabled=YES_NO, maxUnavailable=INT_OR_PERCENT, minAvailable=INT_OR_PERCENT)
_SERVICE_TYPE: Final = one_of("ClusterIP", "NodePort", "LoadBalancer")
_NAMESPACE_OR_ALL: Final[Schema] = {"pattern": "^([*]|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$", "maxLength": 63, **TEXT}
_DIGEST: Final[Schema] = {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"}
_PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
_SERVICE: Final = closed(type=_SERVICE_TYPE, port=PORT, annotations=TEXTS, labels=TEXTS)
_INGRESS: Final = closed(
    enabled=YES_NO,
    className=TEXT,
    host=TEXT,
    annotations=TEXTS,
    labels=TEXTS,
    tls=closed(enabled=YES_NO, secretName=NAME),
)
_HTTP_ROUTE: Final = closed(enabled=YES_NO, parentRefs=OBJECTS, hostnames=many(TEXT), annotations=TEXTS, labels=TEXTS)
_POD: Final[dict[str, Schema]] = {
    "terminationGracePeriodSeconds": count(1),
    "serviceAccount": _SERVICE_ACCOUNT,
    "podAnnotations": TEXTS,
    "podLabels": TEXTS,
    "resources": ANY_OBJECT,
    "nodeSelector": TEXTS,
    "tolerations": OBJECTS,
    "affinity": ANY_OBJECT,
    "topologySpreadConstraints": OBJECTS,
    "priorityClassName": TEXT,
    "extraArgs": many(TEXT),
    "extraEnv": OBJECTS,
    "podDisruptionBudget": _DISRUPTION_BUDGET,
}
"""What the pods of receiver and console have in common."""
_RECEIVER: Final = closed(
    enabled=YES_NO,
    namespaces=many(_NAMESPACE_OR_ALL),
    replicas={"type": ["integer", "null"], "minimum": 0},
    autoscaling=closed(
        enabled=YES_NO,
        minReplicas=count(1),
        maxReplicas=count(1),
        targetCPUUtilizationPercentage=count(1),
        behavior=ANY_OBJECT,
    ),
    strategy=ANY_OBJECT,
    **_POD,
    service=_SERVICE,
    ingress=_INGRESS,
    httpRoute=_HTTP_ROUTE,
)

_CONSOLE: Final = closed(
    enabled=YES_NO,
    image=closed(repository=TEXT, tag=TEXT, digest=_DIGEST, pullPolicy=one_of("", *_PULL_POLICIES)),
    replicas=count(),
    presigning=YES_NO,
    database=closed(existingSecret=NAME, key=TEXT),
    persistence=closed(enabled=YES_NO, existingClaim=NAME, size=TEXT, storageClassName=NAME, accessModes=many(TEXT)),
    strategy=ANY_OBJECT,
    **_POD,
    service=_SERVICE,
    ingress=_INGRESS,
    httpRoute=_HTTP_ROUTE,
)

VALUES: Final[Schema] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "Values of the recording-operator chart",
    **closed(
        **{"global": closed(imageRegistry=TEXT, imagePullSecrets=OBJECTS)},
        nameOverride=NAME,
        fullnameOverride=NAME,
        namespaceOverride=NAME,
        commonLabels=TEXTS,
        commonAnnotations=TEXTS,
        image=closed(
            registry=TEXT,
            repository=TEXT,
            tag=TEXT,
            digest=_DIGEST,
            pullPolicy=one_of(*_PULL_POLICIES),
        ),
        imagePullSecrets=OBJECTS,
        replicaCount=count(),
        strategy=ANY_OBJECT,
        revisionHistoryLimit=count(),
        terminationGracePeriodSeconds=count(1),
        log=closed(format=one_of("json", "text"), level=one_of("debug", "info", "warning", "error")),
        crds=closed(enabled=YES_NO, keep=YES_NO, annotations=TEXTS),
        serviceAccount=_SERVICE_ACCOUNT,
        rbac=closed(
            create=YES_NO,
            aggregateToEdit=YES_NO,
            aggregateToAdmin=YES_NO,
            aggregateToView=YES_NO,
            addressables=YES_NO,
            secretNamespaces=many(NAME),
        ),
        admissionPolicies=closed(
            enabled=YES_NO,
            allowedNamespaces=YES_NO,
            secretReferences=YES_NO,
            recordingSources=YES_NO,
            useVerb=YES_NO,
            failurePolicy=one_of("Fail", "Ignore"),
        ),
        filesystem=closed(volumes=many(_VOLUME)),
        receiver=_RECEIVER,
        console=_CONSOLE,
        storageLocation=closed(create=YES_NO, name=NAME, existingSecret=NAME, spec=ANY_OBJECT),
        reports=many(_REPORT),
        podAnnotations=TEXTS,
        podLabels=TEXTS,
        podSecurityContext=ANY_OBJECT,
        securityContext=ANY_OBJECT,
        openshift=closed(adaptSecurityContext=one_of("auto", "force", "disabled")),
        hostUsers={"type": ["boolean", "null"]},
        resources=ANY_OBJECT,
        tmpSizeLimit=TEXT,
        startupProbe=PROBE,
        livenessProbe=PROBE,
        readinessProbe=PROBE,
        nodeSelector=TEXTS,
        tolerations=OBJECTS,
        affinity=ANY_OBJECT,
        topologySpreadConstraints=OBJECTS,
        priorityClassName=TEXT,
        runtimeClassName=TEXT,
        dnsPolicy=one_of("", "ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
        dnsConfig=ANY_OBJECT,
        hostAliases=OBJECTS,
        extraArgs=many(TEXT),
        extraEnv=OBJECTS,
        extraEnvFrom=OBJECTS,
        extraVolumes=OBJECTS,
        extraVolumeMounts=OBJECTS,
        initContainers=OBJECTS,
        extraContainers=OBJECTS,
        podDisruptionBudget=_DISRUPTION_BUDGET,
        service=closed(
            enabled=YES_NO,
            type=_SERVICE_TYPE,
            port=PORT,
            annotations=TEXTS,
            labels=TEXTS,
        ),
        networkPolicy=closed(
            enabled=YES_NO,
            metricsFrom=OBJECTS,
            deliveriesFrom=OBJECTS,
            consoleFrom=OBJECTS,
            dns=closed(to=OBJECTS, ports=many(PORT)),
            apiServer=closed(cidrs=many(TEXT), ports=many(PORT)),
            publicPorts=many(PORT),
            ipv6=YES_NO,
            extraEgress=OBJECTS,
        ),
        serviceMonitor=_MONITOR,
        podMonitor=_MONITOR,
        prometheusRule=closed(
            enabled=YES_NO,
            labels=TEXTS,
            annotations=TEXTS,
            renderMode=_RENDER_MODE,
            runbookUrl=TEXT,
            failureRatio={"type": "number", "minimum": 0, "maximum": 1},
            disabled=many(TEXT),
            alertLabels=TEXTS,
            extraRules=OBJECTS,
        ),
        grafanaDashboard=closed(
            enabled=YES_NO,
            namespace=NAME,
            sidecarLabel=TEXT,
            sidecarLabelValue=TEXT,
            labels=TEXTS,
            annotations=TEXTS,
        ),
        tests=closed(enabled=YES_NO, resources=ANY_OBJECT),
        extraObjects=many({"type": ["object", "string"]}),
    ),
}
