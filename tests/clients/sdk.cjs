// What the JavaScript SDK sees of a repository: pushed by the API alone, read by pages, refused by class of error.
// Prints one JSON document; the test compares.
const { createHash } = require('node:crypto');
const sdk = require('@aws-sdk/client-ecr');

const repositoryName = process.argv[2];
const ecr = new sdk.ECRClient({});
const digest = (bytes) => 'sha256:' + createHash('sha256').update(bytes).digest('hex');
const call = (name, input) => ecr.send(new sdk[name + 'Command']({ repositoryName, ...input }));

async function pushLayer(bytes) {
  const { uploadId } = await call('InitiateLayerUpload', {});
  await call('UploadLayerPart', { uploadId, partFirstByte: 0, partLastByte: bytes.length - 1, layerPartBlob: bytes });
  return (await call('CompleteLayerUpload', { uploadId, layerDigests: [digest(bytes)] })).layerDigest;
}

async function pushImage(number) {
  const bytes = { config: Buffer.from(`{"number":${number}}`), layer: Buffer.from(`layer ${number}`) };
  const describe = (kind, mediaType) => ({ mediaType, digest: digest(bytes[kind]), size: bytes[kind].length });
  const layerDigests = Object.values(bytes).map(digest);
  const { layers } = await call('BatchCheckLayerAvailability', { layerDigests });
  for (const [index, each] of Object.values(bytes).entries())
    if (layers[index].layerAvailability === 'UNAVAILABLE') await pushLayer(each);
  const imageManifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: describe('config', 'application/vnd.oci.image.config.v1+json'),
    layers: [describe('layer', 'application/vnd.oci.image.layer.v1.tar')],
  });
  return call('PutImage', { imageManifest, imageTag: `v${number}` });
}

async function errorOf(promise) {
  try {
    await promise;
    return null;
  } catch (error) {
    return { name: error.name, message: error.message, fault: error.$fault, typed: error instanceof sdk[error.name] };
  }
}

async function main() {
  const created = (await call('CreateRepository', { imageTagMutability: 'IMMUTABLE' })).repository;
  for (const number of [1, 2, 3]) await pushImage(number);
  const again = await errorOf(pushImage(1));
  const tags = [];
  for await (const page of sdk.paginateListImages({ client: ecr, pageSize: 1 }, { repositoryName }))
    tags.push(...page.imageIds.map((id) => id.imageTag));
  const { downloadUrl } = await call('GetDownloadUrlForLayer', { layerDigest: digest(Buffer.from('layer 2')) });
  const layer = await (await fetch(downloadUrl)).text();
  const described = await call('DescribeImages', { imageIds: [{ imageTag: 'v3' }] });
  const deleted = await call('BatchDeleteImage', { imageIds: [{ imageTag: 'v1' }, { imageTag: 'v9' }] });
  const full = await errorOf(call('DeleteRepository', {}));
  await call('DeleteRepository', { force: true });
  const missing = await errorOf(call('ListImages', {}));
  const token = (await ecr.send(new sdk.GetAuthorizationTokenCommand({}))).authorizationData[0];
  return {
    tags: tags.sort(),
    layer,
    again,
    full,
    missing,
    deleted: deleted.imageIds.map((id) => id.imageTag),
    failures: deleted.failures.map((failure) => failure.failureCode),
    isDate: created.createdAt instanceof Date && described.imageDetails[0].imagePushedAt >= created.createdAt,
    hours: (token.expiresAt - Date.now()) / 3600e3,
    proxyEndpoint: token.proxyEndpoint,
  };
}

main().then((seen) => console.log(JSON.stringify(seen)));
