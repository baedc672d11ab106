/** docs/configuration.md: each of its YAML samples is read without a problem, by the reader that `serve` uses. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { formatDiagnostic } from '../../src/base/diagnostic.js';
import { configJsonSchema } from '../../src/config/json-schema.js';
import { loadConfig } from '../../src/config/load.js';
import { certificates } from '../support/certificates.js';
import { ROOT } from '../support/run.js';
import { CONFIG_SAMPLES } from './config-samples.js';

const page = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8');

const ENVIRONMENT = {
  OTLP_TOKEN: 'Bearer sesame',
  JWT_SECRET: 'a secret of thirty-two characters',
  REDIS_PASSWORD: 'secret',
};

/** The key of RFC 7517, appendix A.1. */
const JWKS = {
  keys: [
    {
      kty: 'EC',
      crv: 'P-256',
      x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
      y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
      kid: '1',
    },
  ],
};

test('each YAML sample of docs/configuration.md is read without a problem', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'protogate-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const { ca, server } = certificates();
  const files = {
    'ca.pem': String(ca),
    'cert.pem': String(server.cert),
    'key.pem': String(server.key),
    'keys.yaml': 'keys: []',
    'jwks.json': JSON.stringify(JWKS),
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  const samples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) => text);
  t.true(samples.length > Object.keys(CONFIG_SAMPLES).length);
  for (const sample of samples) {
    await writeFile(join(folder, 'g.yaml'), /^version:/m.test(sample) ? sample : `version: 1\n${sample}`);
    const { config, diagnostics } = await loadConfig('g.yaml', ENVIRONMENT, folder);
    t.deepEqual(diagnostics.map(formatDiagnostic), [], sample);
    t.truthy(config);
  }
});

test('each block of the config has a sample, and each sample a block', (t) => {
  t.deepEqual(Object.keys(CONFIG_SAMPLES), Object.keys(configJsonSchema().properties ?? {}));
});
