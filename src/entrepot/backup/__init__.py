"""
Copies of a registry in a folder, taken while it is at work, and registries made of them again.

Rows come as a SQLite file whatever they lie in, objects as they lie in the store, each of them once however many
backups need it. No key is ever asked for: what is sealed stays so, and what opens it is kept elsewhere.
"""
