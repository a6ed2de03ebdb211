{{- define "entrepot.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{ include "entrepot.selector" . }}
{{- end -}}

{{- define "entrepot.selector" -}}
app.kubernetes.io/name: entrepot
app.kubernetes.io/instance: {{ .Release.Name }}
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
{{- if .Values.tls.secret }}
- name: ENTREPOT_TLS_CERT
  value: /run/tls/tls.crt
- name: ENTREPOT_TLS_KEY
  value: /run/tls/tls.key
{{- end }}
{{- range $name, $value := .Values.settings }}
- name: ENTREPOT_{{ upper $name }}
  value: {{ include "entrepot.text" $value | quote }}
{{- end }}
{{- end -}}
