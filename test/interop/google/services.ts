/**
 * A gRPC server with those parts of two Google APIs that their generated REST clients call: Cloud KMS, and the generative
 * language API, whose answers may stream. The protos are those of google-proto-files.
 */
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { googleProtos } from '../../../bench/google-protos.js';
import { type Handlers, type RecordedCall, startUpstream, type TestUpstream } from '../../support/upstream.js';

/** The import paths of the two folders. The gateway itself has the files that they import. */
const FOLDERS = ['google/cloud/kms/v1', 'google/ai/generativelanguage/v1beta'];

// biome-ignore lint/suspicious/noExplicitAny: requests of a dozen types
const asked = (call: RecordedCall) => call.request as any;
const NOT_FOUND = { status: { code: 5, message: 'no such key' } };

const KMS: Handlers = {
  GetCryptoKey: (call) => {
    const { name } = asked(call);
    if (name.endsWith('/none')) return NOT_FOUND;
    const primary = { name: `${name}/cryptoKeyVersions/1`, state: 'ENABLED', protection_level: 'HSM' };
    return { message: { name, purpose: 'ENCRYPT_DECRYPT', primary, labels: { a: 'b' } } };
  },
  ListKeyRings: (call) => {
    const { parent, page_size, page_token } = asked(call);
    const first = page_token === 'second' ? page_size : 0;
    const key_rings = Array.from({ length: page_size }, (_, i) => ({ name: `${parent}/keyRings/${first + i}` }));
    return {
      message: { key_rings, next_page_token: page_token === 'second' ? '' : 'second', total_size: 2 * page_size },
    };
  },
  ListCryptoKeys: (call) => ({
    message: { crypto_keys: [{ name: `${asked(call).version_view} ${asked(call).filter}` }] },
  }),
  CreateCryptoKey: (call) => {
    const { parent, crypto_key_id, crypto_key, skip_initial_version_creation } = asked(call);
    const labels = { skipped: String(skip_initial_version_creation) };
    return { message: { ...crypto_key, labels, name: `${parent}/cryptoKeys/${crypto_key_id}` } };
  },
  UpdateCryptoKey: (call) => {
    const { crypto_key, update_mask } = asked(call);
    return { message: { ...crypto_key, labels: { mask: update_mask.paths.join(' ') } } };
  },
  DestroyCryptoKeyVersion: (call) => ({
    message: {
      name: asked(call).name,
      state: 'DESTROY_SCHEDULED',
      destroy_time: { seconds: 1_700_000_000, nanos: 5_000_000 },
    },
  }),
  Encrypt: (call) => {
    const { name, plaintext, plaintext_crc32c } = asked(call);
    const message = { name, ciphertext: Buffer.from(plaintext).reverse(), ciphertext_crc32c: plaintext_crc32c };
    return { message: { ...message, protection_level: 'SOFTWARE' } };
  },
  GetPublicKey: (call) => ({
    message: { name: asked(call).name, pem: asked(call).public_key_format, algorithm: 'EC_SIGN_P256_SHA256' },
  }),
};

const said = (text: string, more = {}) => ({
  candidates: [{ content: { role: 'model', parts: [{ text }] }, ...more }],
});

const GENERATIVE: Handlers = {
  GenerateContent: (call) => {
    const { contents, generation_config } = asked(call);
    const text = contents[0].parts[0].text;
    return { message: said(`${text} ${generation_config.max_output_tokens}`, { finish_reason: 'STOP' }) };
  },
  StreamGenerateContent: (call) => {
    if (asked(call).model === 'models/none') return { status: { code: 8, message: 'slow down' } };
    return { messages: ['one', 'two, "three"', '] }'].map((text) => said(text, { finish_reason: 'MAX_TOKENS' })) };
  },
  CountTokens: (call) => ({ message: { total_tokens: asked(call).contents.length } }),
  ListModels: (call) => {
    const { page_size, page_token } = asked(call);
    const names = page_token === 'second' ? ['models/c'] : ['models/a', 'models/b'];
    const models = names.map((name) => ({ name, temperature: 0.5, output_token_limit: page_size }));
    return { message: { models, next_page_token: page_token === 'second' ? '' : 'second' } };
  },
  UpdateTunedModel: (call) => ({
    message: { ...asked(call).tuned_model, description: asked(call).update_mask.paths.join(' '), state: 'ACTIVE' },
  }),
  DeleteTunedModel: {},
};

/** Copies the protos of both APIs to `folder`, an import root, and serves them. */
export async function serveGoogle(folder: string): Promise<TestUpstream> {
  const protos: Record<string, string> = {};
  for (const path of FOLDERS) {
    const source = join(googleProtos(), path);
    cpSync(source, join(folder, path), {
      recursive: true,
      filter: (file) => file === source || file.endsWith('.proto'),
    });
    for (const file of readdirSync(source)) {
      if (file.endsWith('.proto')) protos[join(path, file)] = readFileSync(join(source, file), 'utf8');
    }
  }
  return startUpstream(protos, { ...KMS, ...GENERATIVE });
}
