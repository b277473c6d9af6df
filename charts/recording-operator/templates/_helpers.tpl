{{- define "operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "operator.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "operator.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "operator.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{- define "operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{ include "operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: recording-operator
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* The receiver's pods have another name, so that no selector of the operator's takes them for its own. */ -}}
{{- define "receiver.fullname" -}}
{{- printf "%s-receiver" (include "operator.fullname" .) }}
{{- end }}

{{- define "receiver.selectorLabels" -}}
app.kubernetes.io/name: {{ include "operator.name" . | trunc 54 | trimSuffix "-" }}-receiver
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "receiver.labels" -}}
{{- $own := dict "app.kubernetes.io/component" "receiver" | merge (include "receiver.selectorLabels" . | fromYaml) }}
{{- merge $own (include "operator.labels" . | fromYaml) | toYaml }}
{{- end }}

{{- define "receiver.serviceAccountName" -}}
{{- if .Values.receiver.serviceAccount.create }}
{{- default (include "receiver.fullname" .) .Values.receiver.serviceAccount.name }}
{{- else }}
{{- required "receiver.serviceAccount.name is needed where receiver.serviceAccount.create is false" .Values.receiver.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "receiver.metricsName" -}}
{{- printf "%s-metrics" (include "receiver.fullname" .) | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* The console's pods, likewise. */ -}}
{{- define "console.fullname" -}}
{{- printf "%s-console" (include "operator.fullname" .) }}
{{- end }}

{{- define "console.selectorLabels" -}}
app.kubernetes.io/name: {{ include "operator.name" . | trunc 54 | trimSuffix "-" }}-console
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "console.labels" -}}
{{- $own := dict "app.kubernetes.io/component" "console" | merge (include "console.selectorLabels" . | fromYaml) }}
{{- merge $own (include "operator.labels" . | fromYaml) | toYaml }}
{{- end }}

{{- define "console.serviceAccountName" -}}
{{- if .Values.console.serviceAccount.create }}
{{- default (include "console.fullname" .) .Values.console.serviceAccount.name }}
{{- else }}
{{- required "console.serviceAccount.name is needed where console.serviceAccount.create is false" .Values.console.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "console.metricsName" -}}
{{- printf "%s-metrics" (include "console.fullname" .) | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* The image with the console: by default that of the operator with -console after its tag. */ -}}
{{- define "console.image" -}}
{{- $own := .Values.console.image -}}
{{- $registry := default .Values.image.registry .Values.global.imageRegistry -}}
{{- with $registry }}{{ . }}/{{ end }}{{ default (required "image.repository is needed" .Values.image.repository) $own.repository }}:{{ default (printf "%s-console" (default .Chart.AppVersion .Values.image.tag)) $own.tag }}
{{- with $own.digest }}@{{ . }}{{ end }}
{{- end }}

{{- /* metadata: dict root name [of, default operator] [labels] [annotations] [namespaced, default true] [namespace] */ -}}
{{- define "operator.metadata" -}}
name: {{ .name }}
{{- if ne (toString .namespaced) "false" }}
namespace: {{ default (include "operator.namespace" .root) .namespace }}
{{- end }}
labels:
  {{- toYaml (merge dict (fromYaml (include (printf "%s.labels" (default "operator" .of)) .root)) (default dict .labels)) | nindent 2 }}
{{- with merge dict (default dict .annotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is needed where serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "operator.image" -}}
{{- $registry := default .Values.image.registry .Values.global.imageRegistry -}}
{{- $repository := required "image.repository is needed: build the image (docker build . in the operator's repository, or make image without Docker), push it where your nodes can pull, and set image.repository to where it is, such as registry.example.com/recording-operator" .Values.image.repository -}}
{{- with $registry }}{{ . }}/{{ end }}{{ $repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{- define "operator.imagePullSecrets" -}}
{{- with concat .Values.global.imagePullSecrets .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* OpenShift gives every namespace its own range of ids and rejects others. */ -}}
{{- define "operator.podSecurityContext" -}}
{{- $adapt := .Values.openshift.adaptSecurityContext -}}
{{- if or (eq $adapt "force") (and (eq $adapt "auto") (.Capabilities.APIVersions.Has "security.openshift.io/v1")) -}}
{{- omit .Values.podSecurityContext "runAsUser" "runAsGroup" "fsGroup" | toYaml }}
{{- else -}}
{{- toYaml .Values.podSecurityContext }}
{{- end }}
{{- end }}

{{- /* The rules of every file that matches: dict root pattern */ -}}
{{- define "operator.rules" -}}
{{- range $path, $_ := .root.Files.Glob .pattern }}
{{ $.root.Files.Get $path | trim }}
{{- end }}
{{- end }}

{{- /* Whether to render a kind that not every cluster knows: dict root api mode. "true" or nothing; may fail. */ -}}
{{- define "operator.renders" -}}
{{- if or (.root.Capabilities.APIVersions.Has .api) (eq .mode "alwaysRender") -}}
true
{{- else if eq .mode "failIfMissing" -}}
{{- fail (printf "The cluster does not have %s. Install the Prometheus Operator first, or set renderMode to skipIfMissing or (for helm template) alwaysRender." .api) }}
{{- end }}
{{- end }}

{{- define "operator.recordingsApi" -}}recordings.dev/v1alpha1{{- end }}

{{- /* Objects of our own kinds: dict root kind name namespace spec. Where the CRDs come with this very release, the
API server does not know the kind when Helm checks the manifests of the first install: it is then made by a hook that runs
after them, with the marks by which the next upgrade takes it for its own. */ -}}
{{- define "operator.ownObject" -}}
{{- $known := or (not .root.Values.crds.enabled) (.root.Capabilities.APIVersions.Has (printf "%s/%s" (include "operator.recordingsApi" .root) .kind)) }}
{{- $annotations := dict "helm.sh/resource-policy" "keep" }}
{{- if not $known }}
{{- $_ := set $annotations "helm.sh/hook" "post-install,post-upgrade" }}
{{- $_ := set $annotations "helm.sh/hook-delete-policy" "hook-failed" }}
{{- $_ := set $annotations "meta.helm.sh/release-name" .root.Release.Name }}
{{- $_ := set $annotations "meta.helm.sh/release-namespace" .root.Release.Namespace }}
{{- end }}
apiVersion: {{ include "operator.recordingsApi" .root }}
kind: {{ .kind }}
metadata:
  {{- include "operator.metadata" (dict "root" .root "name" .name "namespaced" (ne (toString .namespace) "") "namespace" .namespace "annotations" $annotations) | nindent 2 }}
spec:
  {{- toYaml .spec | nindent 2 }}
{{- end }}

{{- /* The settings file. The mount paths of filesystem.volumes are permitted, unless the settings list others. */}}
{{- define "operator.settings" -}}
{{- $settings := deepCopy .Values.settings }}
{{- $filesystem := $settings.filesystem | default dict }}
{{- if and .Values.filesystem.volumes (not (hasKey $filesystem "roots")) }}
{{- $roots := list }}
{{- range .Values.filesystem.volumes }}
{{- $roots = append $roots .mountPath }}
{{- end }}
{{- $_ := set $settings "filesystem" (merge (dict "roots" $roots) $filesystem) }}
{{- end }}
{{- toYaml $settings }}
{{- end }}

{{- /* Rules of a NetworkPolicy for what operator and receiver both need: DNS and the API server. */}}
{{- define "operator.commonEgress" -}}
{{- $policy := .Values.networkPolicy }}
{{- $blocked := .Files.Get "files/not-public.yaml" | fromYaml }}
- ports:
    {{- range $policy.dns.ports }}
    - {port: {{ . }}, protocol: UDP}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- with $policy.dns.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- if $policy.apiServer.cidrs }}
- ports:
    {{- range $policy.apiServer.ports }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  to:
    {{- range $policy.apiServer.cidrs }}
    - ipBlock:
        cidr: {{ . | quote }}
        {{- with get $blocked.metadata . }}
        except: {{ toJson . }}
        {{- end }}
    {{- end }}
{{- end }}
{{- end }}

{{- /* Rules of a NetworkPolicy for sources and stores, and those of networkPolicy.extraEgress. */}}
{{- define "operator.publicEgress" -}}
{{- $policy := .Values.networkPolicy }}
{{- $blocked := .Files.Get "files/not-public.yaml" | fromYaml }}
{{- if $policy.publicPorts }}
# The second wall before what sourcePolicy denies: no private, special or metadata address.
- ports:
    {{- range $policy.publicPorts }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except: {{ toJson $blocked.ipv4 }}
    {{- if $policy.ipv6 }}
    - ipBlock:
        cidr: 2000::/3
        except: {{ toJson $blocked.ipv6 }}
    - ipBlock:
        cidr: 64:ff9b::/96
        except: {{ toJson $blocked.nat64 }}
    {{- end }}
{{- end }}
{{- with $policy.extraEgress }}
{{- toYaml . | nindent 0 }}
{{- end }}
{{- end }}
