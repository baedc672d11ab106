/** Settings that are read once: a reload that would change one of them is refused, and no other setting is. */
import test from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import { parseConfig } from '../../src/config/parse.js';
import { restartProblems } from '../../src/config/restart.js';

function configOf(input: Partial<ConfigInput>) {
  const { config, diagnostics } = parseConfig({ version: 1, ...input });
  if (config === undefined) throw new Error(JSON.stringify(diagnostics));
  return config;
}

/** Returns the keys that need a restart for a change from `before` to `after`. */
function restarts(before: Partial<ConfigInput>, after: Partial<ConfigInput>): readonly string[] {
  const problems = restartProblems(configOf(before), configOf(after), (path) => ({ file: path.join('.') }));
  return problems.map(({ rule, severity, text, position }) => {
    if (rule !== 'needs-restart' || severity !== 'error' || !text.startsWith(`${position.file}: `)) return text;
    return position.file;
  });
}

const TLS = { cert: 'a.pem', key: 'a.key' };

const READ_ONCE: readonly [keys: readonly string[], before: Partial<ConfigInput>, after: Partial<ConfigInput>][] = [
  [['listen.host'], {}, { listen: { host: '0.0.0.0' } }],
  [['listen.port'], {}, { listen: { port: 9090 } }],
  [['listen.tls'], {}, { listen: { tls: TLS } }],
  [['listen.tls'], { listen: { tls: { ...TLS, clientCa: 'ca.pem' } } }, {}],
  [['listen.tls.clientCa'], { listen: { tls: TLS } }, { listen: { tls: { ...TLS, clientCa: 'ca.pem' } } }],
  [['admin'], {}, { admin: false }],
  [['admin'], { admin: false }, { admin: { port: 1 } }],
  [['admin.host'], {}, { admin: { host: '::1' } }],
  [['admin.port'], {}, { admin: { port: 1 } }],
  [['workers'], {}, { workers: 2 }],
  [['workers'], { workers: 2 }, { workers: 'auto' }],
  [['limits.headerBytes'], {}, { limits: { headerBytes: '32KiB' } }],
  [['log.format'], { log: { format: 'json' } }, { log: { format: 'text' } }],
  [['listen.port', 'workers'], {}, { listen: { port: 1 }, workers: 2 }],
];

for (const [keys, before, after] of READ_ONCE) {
  test(`${JSON.stringify(before)} → ${JSON.stringify(after)} needs a restart for ${keys.join(' and ')}`, (t) => {
    t.deepEqual(restarts(before, after), keys);
  });
}

test('all other settings change without a restart', (t) => {
  const before = { listen: { tls: TLS } };
  const after: Partial<ConfigInput> = {
    listen: {
      tls: { cert: 'b.pem', key: 'b.key' },
      h2c: true,
      keepAliveTimeout: '1s',
      headersTimeout: '1s',
      maxConnections: 7,
      maxConnectionsPerAddress: 3,
    },
    admin: { hosts: ['a.example.com'] },
    trustedProxies: ['10.0.0.0/8'],
    upstreams: { a: { target: '127.0.0.1:1' } },
    auth: { apiKeys: { file: 'keys.yaml' } },
    limits: { bodyBytes: '1KiB', requestTimeout: '1s' },
    drain: { grace: '1s' },
    log: { sample: 0.5 },
    errors: { format: 'problem' },
    stores: { redis: { url: 'redis://127.0.0.1' } },
    cache: { maxBytes: '1MiB' },
  };
  t.deepEqual(restarts(before, after), []);
});
