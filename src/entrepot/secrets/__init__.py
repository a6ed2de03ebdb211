"""Secrets as AWS Secrets Manager has them: values in versions, each sealed under a key of KMS; labels; deletion."""
