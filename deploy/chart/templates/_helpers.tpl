{{- define "entrepot.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/name: entrepot
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The pods of one command: the list of the root and "serve" or "worker". */}}
{{- define "entrepot.selector" -}}
app.kubernetes.io/name: entrepot
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "entrepot.name" -}}
{{- if contains "entrepot" .Release.Name -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}-entrepot
{{- end -}}
{{- end -}}

{{/* A setting as text: YAML's numbers are floating here, and lists have commas between. */}}
{{- define "entrepot.text" -}}
{{- if kindIs "slice" . -}}{{ join "," . }}{{- else if kindIs "float64" . -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- end -}}

{{- define "entrepot.env" -}}
- name: ENTREPOT_DATABASE
  valueFrom:
    secretKeyRef: {name: {{ .Values.database.secret }}, key: {{ .Values.database.key }}}
- name: ENTREPOT_ROOT_KEY_FILE
  value: /run/secrets/entrepot/root.key
- name: ENTREPOT_STORAGE
  value: {{ .Values.storage.url | quote }}
{{- with .Values.hostname }}
- name: ENTREPOT_HOSTNAME
  value: {{ . | quote }}
{{- end }}
{{- with .Values.trustedProxies }}
- name: ENTREPOT_TRUSTED_PROXIES
  value: {{ join "," . | quote }}
{{- end }}
{{- range $name, $value := .Values.settings }}
- name: ENTREPOT_{{ upper $name }}
  value: {{ include "entrepot.text" $value | quote }}
{{- end }}
{{- end -}}
