/**
 * Runs two generated clients with google-gax and its fallback transport, which is REST, against a gateway:
 * `clients.mjs FOLDER HOST PORT`. The clients are in the folder's node_modules.
 *
 * Prints a line for each case: `ok NAME`, or `failed NAME: WHY`.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [folder, host, port] = process.argv.slice(2);
const require = createRequire(join(folder, 'package.json'));
const { KeyManagementServiceClient } = require('@google-cloud/kms');
const { GenerativeServiceClient, ModelServiceClient } = require('@google-ai/generativelanguage').v1beta;
const { GoogleAuth, PassThroughClient } = require('google-auth-library');

const auth = new GoogleAuth({ authClient: new PassThroughClient() });
const place = { fallback: true, protocol: 'http', apiEndpoint: host, port: Number(port), auth };
const keys = new KeyManagementServiceClient(place);
const content = new GenerativeServiceClient(place);
const models = new ModelServiceClient(place);

const location = 'projects/p/locations/l';
const ring = `${location}/keyRings/r`;
const name = `${ring}/cryptoKeys/k`;
const once = { retry: null, timeout: 20_000 };

const cases = {
  async 'a GET brings enums, nested messages and maps'() {
    const [key] = await keys.getCryptoKey({ name }, once);
    assert.equal(key.name, name);
    assert.equal(key.purpose, 'ENCRYPT_DECRYPT');
    assert.equal(key.primary.protectionLevel, 'HSM');
    assert.deepEqual(key.labels, { a: 'b' });
  },
  async 'a list goes from page to page'() {
    const [rings] = await keys.listKeyRings({ parent: location, pageSize: 2 }, once);
    assert.deepEqual(
      rings.map((one) => one.name),
      [0, 1, 2, 3].map((i) => `${location}/keyRings/${i}`),
    );
  },
  async 'enums in the query'() {
    const [found] = await keys.listCryptoKeys({ parent: ring, versionView: 'FULL', filter: 'state="a b&c"' }, once);
    assert.deepEqual(
      found.map((one) => one.name),
      ['FULL state="a b&c"'],
    );
  },
  async 'a create with a body field and a query'() {
    const cryptoKey = { purpose: 'ASYMMETRIC_SIGN', rotationPeriod: { seconds: 86_400, nanos: 5_000_000 } };
    const request = { parent: ring, cryptoKeyId: 'new', cryptoKey, skipInitialVersionCreation: true };
    const [made] = await keys.createCryptoKey(request, once);
    assert.equal(made.name, `${ring}/cryptoKeys/new`);
    assert.equal(made.purpose, 'ASYMMETRIC_SIGN');
    assert.equal(String(made.rotationPeriod.seconds), '86400');
    assert.equal(made.rotationPeriod.nanos, 5_000_000);
    assert.deepEqual(made.labels, { skipped: 'true' });
  },
  async 'an update with a mask'() {
    const updateMask = { paths: ['labels', 'version_template.algorithm'] };
    const [key] = await keys.updateCryptoKey({ cryptoKey: { name }, updateMask }, once);
    assert.deepEqual(key.labels, { mask: 'labels version_template.algorithm' });
  },
  async 'bytes and wrappers in a body, and a verb'() {
    const request = { name, plaintext: Buffer.from([0, 255, 97]), plaintextCrc32c: { value: 2 ** 40 } };
    const [answer] = await keys.encrypt(request, once);
    assert.deepEqual([...answer.ciphertext], [97, 255, 0]);
    assert.equal(String(answer.ciphertextCrc32c.value), String(2 ** 40));
    const [gone] = await keys.destroyCryptoKeyVersion({ name: `${name}/cryptoKeyVersions/1` }, once);
    assert.equal(gone.state, 'DESTROY_SCHEDULED');
    assert.equal(String(gone.destroyTime.seconds), '1700000000');
  },
  async 'an error with its text'() {
    // The client's HTTP library throws before the client can read the error as a Status.
    await assert.rejects(keys.getCryptoKey({ name: `${ring}/cryptoKeys/none` }, once), {
      code: 404,
      message: /no such key/,
    });
  },
  async 'a message of messages'() {
    const contents = [{ role: 'user', parts: [{ text: 'hello é' }] }];
    const request = { model: 'models/m', contents, generationConfig: { maxOutputTokens: 7 } };
    const [answer] = await content.generateContent(request, once);
    assert.equal(answer.candidates[0].content.parts[0].text, 'hello é 7');
    assert.equal(answer.candidates[0].finishReason, 'STOP');
  },
  async 'a server stream'() {
    const contents = [{ parts: [{ text: 'x' }] }];
    const texts = [];
    for await (const answer of content.streamGenerateContent({ model: 'models/m', contents }, once)) {
      texts.push(answer.candidates[0].content.parts[0].text);
    }
    assert.deepEqual(texts, ['one', 'two, "three"', '] }']);
  },
  async 'compact JSON, which it asks for by $prettyPrint=0'() {
    const compact = new ModelServiceClient({ ...place, minifyJson: true });
    const [found] = await compact.listModels({ pageSize: 50 }, once);
    assert.deepEqual(
      found.map((one) => one.name),
      ['models/a', 'models/b', 'models/c'],
    );
  },
  async 'an update and a delete'() {
    const tunedModel = { name: 'tunedModels/t', displayName: 'T' };
    const updateMask = { paths: ['display_name', 'tuning_task.hyperparameters'] };
    const [changed] = await models.updateTunedModel({ tunedModel, updateMask }, once);
    assert.equal(changed.displayName, 'T');
    assert.equal(changed.description, 'display_name tuning_task.hyperparameters');
    assert.equal(changed.state, 'ACTIVE');
    await models.deleteTunedModel({ name: 'tunedModels/t' }, once);
  },
};

for (const [fact, check] of Object.entries(cases)) {
  try {
    await check();
    console.log(`ok ${fact}`);
  } catch (error) {
    console.error(error);
    console.log(`failed ${fact}: ${JSON.stringify(String(error?.message ?? error).slice(0, 300))}`);
  }
}
process.exit();
