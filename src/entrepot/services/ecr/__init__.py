"""Amazon ECR: every operation that is written so far."""

from entrepot.aws.service import Service
from entrepot.services.ecr import arns, images, layers, registry, repositories, settings, tagging

service = Service("ecr", registry, repositories, images, layers, settings, tagging, resources=arns.of)
