"""Refusals of the registry, in the words of Amazon ECR, which shows the same sentence on both faces."""

from entrepot.errors import Fault


class RepositoryNotFound(Fault, aws="RepositoryNotFoundException", oci="NAME_UNKNOWN"):
    """Members: name, account."""

    message = "The repository with name '{name}' does not exist in the registry with id '{account}'"


class RepositoryAlreadyExists(Fault, aws="RepositoryAlreadyExistsException", oci="DENIED"):
    """Members: name, account."""

    message = "The repository with name '{name}' already exists in the registry with id '{account}'"


class RepositoryNotEmpty(Fault, aws="RepositoryNotEmptyException", oci="DENIED"):
    """Members: name, account."""

    message = (
        "The repository with name '{name}' in registry with id '{account}' "
        "cannot be deleted because it still contains images"
    )


class InvalidTagParameter(Fault, aws="InvalidTagParameterException", oci="UNSUPPORTED"):
    """A resource tag breaks a rule. Members: reason."""

    message = "Invalid parameter at 'tags' failed to satisfy constraint: '{reason}'"


class TooManyTags(Fault, aws="TooManyTagsException", oci="DENIED"):
    """Members: limit."""

    message = "A resource can have at most {limit} tags"


class ImageNotFound(Fault, aws="ImageNotFoundException", oci="MANIFEST_UNKNOWN"):
    """Members: digest, tag (the word null where absent), name, account."""

    message = (
        "The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist "
        "within the repository with name '{name}' in the registry with id '{account}'"
    )


class ManifestUnknown(Fault, aws="ImageNotFoundException", oci="MANIFEST_UNKNOWN"):
    """What the OCI face says of an image that is not there."""

    message = "Requested image not found"


class LayersMissing(Fault, aws="LayersNotFoundException", oci="BLOB_UPLOAD_UNKNOWN"):
    """A manifest names blobs that the repository lacks. Members: digests (joined), name, account."""

    message = (
        "Layers with digests '[{digests}]' required for pushing image into repository with name '{name}' "
        "in the registry with id '{account}' do not exist"
    )


class ReferencedImagesNotFound(Fault, aws="ReferencedImagesNotFoundException", oci="MANIFEST_BLOB_UNKNOWN"):
    """An index names manifests that the repository lacks. Members: digests (joined), name, account."""

    message = (
        "Images with digests '[{digests}]' required for pushing image into repository with name '{name}' "
        "in the registry with id '{account}' do not exist"
    )


class LayerNotFound(Fault, aws="LayersNotFoundException", oci="BLOB_UNKNOWN"):
    """Members: digest, name, account."""

    message = (
        "The layer with digest '{digest}' does not exist within the repository with name '{name}' "
        "in the registry with id '{account}'"
    )


class LayerInaccessible(Fault, aws="LayerInaccessibleException", oci="BLOB_UNKNOWN"):
    """A layer is there, but no image names it. Members: digest, name, account."""

    message = (
        "The layer with digest '{digest}' in the repository with name '{name}' in the registry with id '{account}' "
        "is not associated with any image"
    )


class ImageAlreadyExists(Fault, aws="ImageAlreadyExistsException", oci="DENIED"):
    """Members: digest, tag (the word null where absent), name, account."""

    message = (
        "Image with digest '{digest}' and tag '{tag}' already exists in the repository with name '{name}' "
        "in registry with id '{account}'"
    )


class ImageTagAlreadyExists(Fault, aws="ImageTagAlreadyExistsException", oci="TAG_INVALID"):
    """A fixed tag was to move. Members: tag, name, what (``repository`` or ``tag``)."""

    message = (
        "The image tag '{tag}' already exists in the '{name}' repository "
        "and cannot be overwritten because the {what} is immutable."
    )


class ImageDigestDoesNotMatch(Fault, aws="ImageDigestDoesNotMatchException", oci="DIGEST_INVALID"):
    """Members: given, computed."""

    message = "The image digest '{given}' does not match the digest '{computed}' of the image manifest"


class ImageReferenced(Fault, aws="ImageReferencedByManifestListException", oci="UNSUPPORTED"):
    """An image that an index lists was to be deleted. Members: parents (digests, joined)."""

    message = "Requested image referenced by manifest list: [{parents}]"


class BlobReferenced(Fault, aws="InvalidParameterException", oci="UNSUPPORTED"):
    """A blob that a manifest names was to be deleted. Members: digest."""

    message = "The blob '{digest}' is part of an image in this repository: delete the image first"


class ManifestInvalid(Fault, aws="InvalidParameterException", oci="MANIFEST_INVALID"):
    """A manifest breaks a rule of its format. Members: reason."""

    message = "Invalid parameter at 'ImageManifest' failed to satisfy constraint: '{reason}'"


class ManifestUnacceptable(Fault, aws="InvalidParameterException", oci="UNSUPPORTED"):
    """What ECR answers 405 on the OCI face: no JSON, or no known media type. Members: reason."""

    message = "Invalid parameter at 'ImageManifest' failed to satisfy constraint: '{reason}'"


class ManifestTooLarge(Fault, aws="InvalidParameterException", oci="SIZE_INVALID"):
    """Members: limit (bytes)."""

    message = (
        "Invalid parameter at 'imageManifest' failed to satisfy constraint: "
        "'Member must have length less than or equal to {limit}'"
    )


class UploadNotFound(Fault, aws="UploadNotFoundException", oci="BLOB_UPLOAD_UNKNOWN"):
    """Members: upload, name, account."""

    message = (
        "The upload with id '{upload}' does not exist in the repository with name '{name}' "
        "in registry with id '{account}'"
    )


class UploadBusy(Fault, aws="InvalidParameterException", oci="BLOB_UPLOAD_INVALID"):
    """Another request is writing to the upload. Members: upload."""

    message = "Another request is writing to the upload with id '{upload}'"


class InvalidLayerPart(Fault, aws="InvalidLayerPartException", oci="BLOB_UPLOAD_INVALID"):
    """Members: first, expected; and the model's registry_id, repository_name, upload_id, last_valid_byte_received."""

    message = "First byte of the layer part is {first} instead of {expected}"


class LayerPartLength(Fault, aws="InvalidLayerPartException", oci="BLOB_UPLOAD_INVALID"):
    """A part is not as long as it says. Members: length, stated; and those of InvalidLayerPart."""

    message = "The layer part has {length} bytes instead of {stated}"


class LayerPartTooSmall(Fault, aws="LayerPartTooSmallException", oci="BLOB_UPLOAD_INVALID"):
    """A part that is not the last is under 5 MiB."""

    message = "All layer parts except the last part should be at least 5MB"


class EmptyUpload(Fault, aws="EmptyUploadException", oci="BLOB_UPLOAD_INVALID"):
    """Members: upload, name, account."""

    message = (
        "The upload with id '{upload}' in the repository with name '{name}' in registry with id '{account}' "
        "cannot be completed because it does not have any parts"
    )


class InvalidLayer(Fault, aws="InvalidLayerException", oci="DIGEST_INVALID"):
    """The bytes have another digest than the client said."""

    message = "None of the provided layer digests match the calculated layer digest"


class LayerAlreadyExists(Fault, aws="LayerAlreadyExistsException", oci="DENIED"):
    """Members: digest, name, account."""

    message = (
        "The layer with digest '{digest}' already exists in the repository with name '{name}' "
        "in registry with id '{account}'"
    )


class RepositoryPolicyNotFound(Fault, aws="RepositoryPolicyNotFoundException", oci="UNSUPPORTED"):
    """Members: name, account."""

    message = (
        "Repository policy does not exist for the repository with name '{name}' in the registry with id '{account}'"
    )


class RegistryPolicyNotFound(Fault, aws="RegistryPolicyNotFoundException", oci="UNSUPPORTED"):
    """Members: account."""

    message = "Registry policy does not exist in the registry with id '{account}'"


class PolicyRefused(Fault, aws="InvalidParameterException", oci="UNSUPPORTED"):
    """Something is wrong with a policy; ECR does not say what. Members: what (``repository``, ``registry``)."""

    message = "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid {what} policy provided'"


class PolicyLocksOut(Fault, aws="InvalidParameterException", oci="UNSUPPORTED"):
    """The caller could not set another policy after this one. Members: principal."""

    message = (
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'The policy would keep {principal} "
        "from setting the repository policy again; give force to set it all the same'"
    )
