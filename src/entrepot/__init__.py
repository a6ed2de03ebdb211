"""Entrepôt: a container registry that speaks Amazon ECR."""
