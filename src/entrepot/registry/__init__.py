"""What a container registry knows: repositories, manifests, tags, blobs. It knows no wire."""
