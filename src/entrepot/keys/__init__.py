"""Customer keys as AWS KMS has them: material under the root key, key policies, grants, aliases, rotation, deletion."""
