"""AWS Secrets Manager: every operation that is written so far."""

from entrepot.aws.service import Service
from entrepot.services.secretsmanager import arns, conditions, secrets, tagging, values

service = Service("secretsmanager", secrets, values, tagging, resources=arns.of, conditions=conditions.of)
