"""Amazon ECR Public: so far, a password for its registries."""

from entrepot.aws.service import Service
from entrepot.services.ecr_public import registry, rights

service = Service("ecr-public", registry, resources=rights.of, conditions=rights.conditions_of)
