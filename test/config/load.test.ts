/** The config file: mistakes are reported with their place, and substituted values are never shown. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import test from 'ava';
import { formatDiagnostic } from '../../src/base/diagnostic.js';
import { configJsonSchema } from '../../src/config/json-schema.js';
import { loadConfig } from '../../src/config/load.js';
import { applyOverrides } from '../../src/config/overrides.js';
import { parseConfig } from '../../src/config/parse.js';
import { certificates } from '../support/certificates.js';

async function load(
  t: { teardown(task: () => Promise<void>): void },
  text: string,
  env: Record<string, string> = {},
  files: Record<string, string> = {},
) {
  const folder = await mkdtemp(join(tmpdir(), 'protogate-'));
  t.teardown(() => rm(folder, { recursive: true }));
  for (const [name, content] of Object.entries({ 'g.yaml': text, ...files }))
    await writeFile(join(folder, name), content);
  const { config, diagnostics } = await loadConfig('g.yaml', env, folder);
  return { config, lines: diagnostics.map(formatDiagnostic), folder };
}

const wrong: readonly (readonly [fact: string, yaml: string, lines: readonly (string | RegExp)[]])[] = [
  [
    'an unknown key, with the one that was meant',
    'version: 1\nlisten:\n  prot: 80\n',
    ["g.yaml:3:3: error: listen.prot: unknown key, did you mean 'port'? [unknown-key]"],
  ],
  [
    'an unknown top-level key',
    'version: 1\nupstream: {}\n',
    ["g.yaml:2:1: error: upstream: unknown key, did you mean 'upstreams'? [unknown-key]"],
  ],
  [
    'an unknown key of a named upstream',
    'version: 1\nupstreams: { a: { target: "x:1", tiemout: 1s } }\n',
    ["g.yaml:2:34: error: upstreams.a.tiemout: unknown key, did you mean 'timeout'? [unknown-key]"],
  ],
  [
    'every problem, not the first',
    'version: 2\nlisten: { port: x }\nlog: { sample: 2 }\n',
    [
      /^g\.yaml:1:10: error: version: /,
      /^g\.yaml:2:17: error: listen\.port: expected a port from 0 to 65535, got "x" /,
      /^g\.yaml:3:16: error: log\.sample: /,
    ],
  ],
  [
    'a limit of an address that is beyond that of all',
    'version: 1\nlisten: { maxConnections: 10, maxConnectionsPerAddress: 11 }\n',
    [
      'g.yaml:2:57: error: listen.maxConnectionsPerAddress: expected at most as many as maxConnections, got 11 [config-value]',
    ],
  ],
  [
    'a connection that may hold nothing',
    'version: 1\nlimits: { connectionBytes: 0 }\n',
    ['g.yaml:2:28: error: limits.connectionBytes: expected a size greater than 0, such as 4MiB, got 0 [config-value]'],
  ],
  [
    'a target that is none',
    'version: 1\nupstreams: { a: { target: orders } }\n',
    [
      'g.yaml:2:27: error: upstreams.a.target: expected HOST:PORT, dns:///HOST:PORT, ipv4:IP:PORT,IP:PORT or unix:/PATH, got "orders" [config-value]',
    ],
  ],
  [
    'a selector that is none',
    "version: 1\nupstreams: { a: { target: 'a:1', services: [a.*.B] } }\n",
    [/^g\.yaml:2:\d+: error: upstreams\.a\.services\.0: expected a service/],
  ],
  ['a missing version', 'listen: { port: 1 }\n', [/^g\.yaml:1:1: error: version: /]],
  [
    'a duration that is none',
    'version: 1\ndrain: { grace: 5 sec }\n',
    ['g.yaml:2:17: error: drain.grace: expected a duration such as 300ms, 2s or 1m, got "5 sec" [config-value]'],
  ],
  [
    'a size that is none',
    'version: 1\nlimits: { bodyBytes: 4MB }\n',
    ['g.yaml:2:22: error: limits.bodyBytes: expected a size such as 16KiB or 4MiB, got "4MB" [config-value]'],
  ],
  [
    'a network that is none',
    'version: 1\ntrustedProxies: [10.0.0.0/33]\n',
    [
      'g.yaml:2:18: error: trustedProxies.0: expected an address or a network such as 10.0.0.0/8, got "10.0.0.0/33" [config-value]',
    ],
  ],
  [
    'a limit of none',
    'version: 1\npolicies: [{ selector: "*", rateLimits: [{ limit: 0, period: 1m }] }]\n',
    [/^g\.yaml:2:51: error: policies\.0\.rateLimits\.0\.limit: /],
  ],
  [
    'a limit per what nobody counts',
    'version: 1\nplans: { free: { rateLimits: [{ limit: 1, period: 1m, per: [user] }] } }\n',
    [/^g\.yaml:2:61: error: plans\.free\.rateLimits\.0\.per\.0: /],
  ],
  [
    'a cache without a time',
    'version: 1\npolicies: [{ selector: "*", cache: { scope: public } }]\n',
    [/^g\.yaml:2:\d+: error: policies\.0\.cache\.ttl: /],
  ],
  [
    'two kinds of Redis',
    'version: 1\nstores: { redis: { url: "redis://h:1", cluster: ["h:1"] } }\n',
    [/^g\.yaml:2:18: error: stores\.redis: expected exactly one of url, sentinels \(with name\) and cluster/],
  ],
  [
    'a Redis that is no URL, whose secret is not shown',
    'version: 1\nstores: { redis: { url: "hidden@h" } }\n',
    ['g.yaml:2:25: error: stores.redis.url: expected redis://HOST:PORT or rediss://HOST:PORT [config-value]'],
  ],
  [
    'a Redis URL without a host',
    'version: 1\nstores: { redis: { url: "redis:/h:6379" } }\n',
    ['g.yaml:2:25: error: stores.redis.url: expected redis://HOST:PORT or rediss://HOST:PORT [config-value]'],
  ],
  ['broken YAML', 'version: 1\nlisten: {\n', [/^g\.yaml:\d+:\d+: error: .* \[yaml\]$/]],
  [
    'a key twice',
    'version: 1\nlog: {}\nlog: {}\n',
    [/^g\.yaml:3:1: error: expected each key once, got this key again \[yaml\]$/],
  ],
  ['an unknown tag', 'version: !!js/function 1\n', [/\[yaml\]$/]],
  ['another version', 'version: 2\n', ['g.yaml:1:10: error: version: expected 1, got 2 [config-value]']],
  [
    'a duration without its unit',
    'version: 1\nlisten: { keepAliveTimeout: 5 }\n',
    ['g.yaml:2:29: error: listen.keepAliveTimeout: expected a duration such as 300ms, 2s or 1m, got 5 [config-value]'],
  ],
  [
    'a port out of range',
    'version: 1\nlisten: { port: 99999 }\n',
    ['g.yaml:2:17: error: listen.port: expected a port from 0 to 65535, got 99999 [config-value]'],
  ],
  [
    'a key that is missing',
    'version: 1\nupstreams: { a: {} }\n',
    ['g.yaml:2:17: error: upstreams.a: expected target or targets, got neither [config-value]'],
  ],
  [
    'a word that is none of those that there are',
    'version: 1\nlog: { format: xml }\n',
    ['g.yaml:2:16: error: log.format: expected one of json, text, got "xml" [config-value]'],
  ],
  [
    'a number beyond its bounds',
    'version: 1\nlimits: { jsonDepth: 5000 }\n',
    ['g.yaml:2:22: error: limits.jsonDepth: expected at most 1000, got 5000 [config-value]'],
  ],
  [
    'a size and a time of nothing',
    'version: 1\nlimits: { bodyBytes: 0MiB, requestTimeout: 0s }\n',
    [
      'g.yaml:2:22: error: limits.bodyBytes: expected a size greater than 0, such as 4MiB, got "0MiB" [config-value]',
      'g.yaml:2:44: error: limits.requestTimeout: expected a duration greater than 0, such as 2s, got "0s" [config-value]',
    ],
  ],
  [
    'a header that can be none',
    'version: 1\nmetadata: { request: [":path", "x y", "x-*", "*"] }\n',
    [
      'g.yaml:2:23: error: metadata.request.0: expected the name of a header, or a prefix of names that ends in *, got ":path" [config-value]',
      'g.yaml:2:32: error: metadata.request.1: expected the name of a header, or a prefix of names that ends in *, got "x y" [config-value]',
    ],
  ],
  [
    'an upstream whose name is none',
    'version: 1\nupstreams: { 1a: { target: "x:1" } }\n',
    ['g.yaml:2:18: error: upstreams.1a: expected a name of letters, digits, _ and -, a letter first [config-value]'],
  ],
  [
    'an alias without its anchor',
    'version: 1\nlisten: *nope\n',
    [
      'g.yaml:2:9: error: *nope: expected an anchor &nope before it, got none; a text that begins with * needs quotes [yaml]',
    ],
  ],
  [
    'an alias inside its own anchor',
    'version: 1\nlisten: &a [*a]\n',
    [
      'g.yaml:2:13: error: *a: expected an anchor &a before it, got one around it; a text that begins with * needs quotes [yaml]',
    ],
  ],
  [
    'an empty file',
    '',
    ["g.yaml:1:1: error: expected a config that begins with 'version: 1', got an empty file [config-value]"],
  ],
  [
    'a file of comments',
    '# version: 1\n\n',
    ["g.yaml:1:1: error: expected a config that begins with 'version: 1', got an empty file [config-value]"],
  ],
  ['a list', '- version: 1\n', ['g.yaml:1:1: error: config: expected an object, got a list [config-value]']],
  ['a word', 'hello\n', ['g.yaml:1:1: error: config: expected an object, got a string [config-value]']],
  [
    'a proto',
    'syntax = "proto3";\nservice A {\n  rpc Get(R) returns (R) { option (a) = { get: "/v1/a" }; }\n}\nmessage R { string a = 1; }\n',
    ["g.yaml:1:1: error: expected 'key: value' in one line, got no ': ' in this line [yaml]"],
  ],
  ['a program', '\x7fELF\x02\x01\0\0', ['g.yaml:1:7: error: expected text in UTF-8, got other bytes [yaml]']],
  [
    'a second document',
    'version: 1\n---\nversion: 1\n',
    ['g.yaml:2:1: error: expected one document, got a second one [yaml]'],
  ],
  [
    'a hundred thousand brackets',
    `version: 1\nlisten: ${'['.repeat(100_000)}\n`,
    ['g.yaml:2:109: error: expected at most 100 levels, got more [yaml]'],
  ],
  [
    'a hundred thousand lists in one line',
    `version: 1\nlisten:\n  ${'- '.repeat(100_000)}\n`,
    ['g.yaml:3:203: error: expected at most 100 levels, got more [yaml]'],
  ],
  [
    'a thousand levels of indentation',
    `${Array.from({ length: 1300 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')}\n`,
    [/^g\.yaml:\d+:\d+: error: expected at most 100 levels, got more \[yaml\]$/],
  ],
  [
    'a variable that is not closed',
    'version: 1\nlisten:\n  host: "${NOPE"\n',
    [
      "g.yaml:3:9: error: ${: expected ${NAME}, ${NAME:-default} or ${file:PATH}, got no closing '}' ($${ stands for ${ itself) [substitution]",
    ],
  ],
  [
    'what is no variable, without the default behind it,',
    'version: 1\nlisten: { host: "${NO PE:-hunter2}" }\n',
    ['g.yaml:2:17: error: ${NO PE}: expected ${NAME}, ${NAME:-default} or ${file:PATH} [substitution]'],
  ],
  [
    'a variable of a number that is none',
    'version: 1\nworkers: "${MANY:-many}"\nadmin: { port: "${PORT:-0x10}" }\n',
    [
      'g.yaml:3:16: error: admin.port: expected a port from 0 to 65535, got a substituted value [config-value]',
      'g.yaml:2:10: error: workers: expected 1 to 256, or auto, got a substituted value [config-value]',
    ],
  ],
  [
    'a code that gRPC does not have',
    'version: 1\nerrors: { expose: [UNKNOWN, UNKNWN] }\n',
    [/^g\.yaml:2:29: error: errors\.expose\.1: expected one of CANCELLED, UNKNOWN, .*, got "UNKNWN" \[config-value\]$/],
  ],
  [
    'a missing variable',
    'version: 1\nupstreams: { a: { target: "${NOWHERE}" } }\n',
    [
      'g.yaml:2:27: error: ${NOWHERE}: expected this environment variable, but it is not set; set it, or give a default as ${NOWHERE:-default} [substitution]',
    ],
  ],
  [
    'what is wrong beside a missing variable, and not what is wrong because of it,',
    `version: 1
upstreams: { a: { target: "\${NOWHERE}", timout: 1s }, b: "\${NOWHERE}" }
limits: { requestTimeout: "\${SOON}", jsonDepth: many }
listen: { port: 99999 }
`,
    [
      'g.yaml:2:27: error: ${NOWHERE}: expected this environment variable, but it is not set; set it, or give a default as ${NOWHERE:-default} [substitution]',
      'g.yaml:2:58: error: ${NOWHERE}: expected this environment variable, but it is not set; set it, or give a default as ${NOWHERE:-default} [substitution]',
      'g.yaml:3:27: error: ${SOON}: expected this environment variable, but it is not set; set it, or give a default as ${SOON:-default} [substitution]',
      'g.yaml:4:17: error: listen.port: expected a port from 0 to 65535, got 99999 [config-value]',
      "g.yaml:2:41: error: upstreams.a.timout: unknown key, did you mean 'timeout'? [unknown-key]",
      'g.yaml:3:49: error: limits.jsonDepth: expected a number, got "many" [config-value]',
    ],
  ],
  [
    'a missing file',
    'version: 1\nupstreams: { a: { target: "${file:nowhere}" } }\n',
    ['g.yaml:2:27: error: ${file:nowhere}: expected a file, found none [substitution]'],
  ],
  [
    'a certificate that is nowhere',
    'version: 1\nupstreams: { a: { target: "x:1", tls: { ca: nowhere.pem } } }\n',
    ['g.yaml:2:45: error: upstreams.a.tls.ca: expected a file, found none [config-value]'],
  ],
];
for (const [fact, yaml, lines] of wrong) {
  test(`${fact} is named with its place`, async (t) => {
    const { config, lines: got } = await load(t, yaml);
    t.is(config, undefined);
    t.is(got.length, lines.length, got.join('\n'));
    for (const [i, line] of lines.entries()) typeof line === 'string' ? t.is(got[i], line) : t.regex(got[i]!, line);
  });
}

test('a bomb of aliases is refused', async (t) => {
  const levels = Array.from({ length: 9 }, (_, i) => `k${i + 1}: &k${i + 1} [${Array(9).fill(`*k${i}`).join(',')}]`);
  const { lines } = await load(t, `k0: &k0 [x]\n${levels.join('\n')}\n`);
  t.regex(lines.join('\n'), /^g\.yaml:2:10: error: expected at most 50 uses of YAML aliases, got more /);
});

test('__proto__ is an unknown key and touches nothing', async (t) => {
  const { lines } = await load(t, 'version: 1\n__proto__: { polluted: true }\n');
  t.regex(lines.join('\n'), /__proto__: unknown key/);
  t.is(({} as { polluted?: boolean }).polluted, undefined);
});

test('variables and files are substituted inside strings, numbers become numbers, $${ escapes', async (t) => {
  const yaml =
    'version: 1\nlisten: { port: "${PORT}" }\nupstreams: { a: { target: "${HOST}:${file:port.txt}", services: [a.B], tls: { serverName: "$${X}" } } }\n';
  const { config, lines } = await load(t, yaml, { PORT: '81', HOST: 'h' }, { 'port.txt': '50051\n' });
  t.deepEqual(lines, []);
  t.is(config?.listen.port, 81);
  t.like(config?.upstreams.get('a'), {
    targets: [{ address: 'h:50051', weight: 1 }],
    services: ['a.B'],
    tls: { serverName: '${X}' },
  });
});

test('where one of several kinds of value is expected, a variable may be any of them', async (t) => {
  const yaml = 'version: "${V}"\nworkers: "${W}"\nadmin: { port: "${P}" }\nlimits: { bodyBytes: "${S}" }\n';
  const { config, lines } = await load(t, yaml, { V: '1', W: '3', P: '9999', S: '5000' });
  t.deepEqual(lines, []);
  t.is(config?.workers, 3);
  t.is(config?.admin?.port, 9999);
  t.is(config?.limits.bodyBytes, 5000);
  const other = await load(t, 'version: 1\nworkers: "${W}"\nadmin: "${A}"\n', { W: 'auto', A: 'false' });
  t.deepEqual(other.lines, []);
  t.is(other.config?.workers, 'auto');
  t.is(other.config?.admin, undefined);
});

test('a default stands for a variable that is not set or empty, as in shells', async (t) => {
  const yaml = `version: 1
listen: { host: "\${HOST:-127.0.0.2}", port: "\${PORT:-8081}" }
upstreams: { a: { target: "\${TARGET:-unix:/run/a:-b.sock}", tls: { serverName: "\${EMPTY:-}x\${EMPTY}" } } }
`;
  const { config, lines } = await load(t, yaml, { HOST: '', EMPTY: '' });
  t.deepEqual(lines, []);
  t.like(config?.listen, { host: '127.0.0.2', port: 8081 });
  t.like(config?.upstreams.get('a'), {
    targets: [{ address: 'unix:/run/a:-b.sock', weight: 1 }],
    tls: { serverName: 'x' },
  });
  const set = await load(t, yaml, { HOST: '127.0.0.3', PORT: '1', TARGET: 'h:1', EMPTY: 'y' });
  t.like(set.config?.listen, { host: '127.0.0.3', port: 1 });
  t.like(set.config?.upstreams.get('a'), { targets: [{ address: 'h:1', weight: 1 }], tls: { serverName: 'yxy' } });
});

test('a substituted value cannot change the shape and is never shown', async (t) => {
  const { lines } = await load(t, 'version: 1\nlisten: { host: a, port: "${SECRET}" }\n', {
    SECRET: 'hunter2, admin: false',
  });
  t.is(lines.length, 1);
  t.notRegex(lines.join(), /hunter2/);
});

test('brackets inside of texts do not count as levels', async (t) => {
  const { lines } = await load(
    t,
    `version: 1\nlog: {} # ${'['.repeat(200)}\nquery: { ignore: ["${'['.repeat(200)}"] }\n`,
  );
  t.deepEqual(lines, []);
});

test('no message shows what may be a secret', async (t) => {
  const yaml = `version: 1
auth: { jwt: [{ issuer: i, audiences: [a], secret: hidden }], apiKeys: hidden }
stores: { redis: { sentinels: [hidden], name: 5, password: { a: hidden } } }
upstreams: { a: { target: "\${SECRET}" }, b: { target: *s }, c: { target: "u:hidden@h" } }
log: { format: "hidden\${" }
`.replace('"${SECRET}"', '&s "${SECRET}"');
  for (const text of [yaml, yaml.replace(/^log.*\n/m, '')]) {
    const { lines } = await load(t, text, { SECRET: 'hidden by the environment' });
    t.true(lines.length > 0);
    t.notRegex(lines.join('\n'), /hidden/);
  }
});

test('paths are relative to the file', async (t) => {
  const { config, folder } = await load(t, 'version: 1\nschema: { protos: [protos], imports: [../x] }\n');
  t.deepEqual(config?.schema.protos, [join(folder, 'protos')]);
});

test('without a file there are the defaults', async (t) => {
  const { config } = await loadConfig(undefined, {}, '/');
  t.like(config, {
    listen: { host: '127.0.0.1', port: 8080, keepAliveTimeoutMs: 75_000 },
    admin: { port: 9901 },
    limits: { bodyBytes: 4 * 1024 * 1024, requestTimeoutMs: 30_000, jsonDepth: 100 },
    drain: { graceMs: 5000 },
  });
});

test('admin: false means no admin port', (t) => {
  const { config } = parseConfig({ version: 1, admin: false });
  t.truthy(config);
  t.is(config?.admin, undefined);
});

test('flags win over the file; a nameless upstream serves every service', (t) => {
  const { config } = parseConfig({
    version: 1,
    upstreams: { a: { target: 'old:1', services: ['x.*'] } },
    schema: { protos: ['p'] },
  });
  const flags = {
    protos: ['q'],
    imports: [],
    descriptorSets: [],
    upstreams: ['a=new:1', '127.0.0.1:2'],
    autoRoutes: true,
    port: 0,
    adminPort: 1,
  };
  const { config: merged, diagnostics } = applyOverrides(config!, flags);
  t.deepEqual(diagnostics, []);
  t.like(merged.upstreams.get('a'), { targets: [{ address: 'new:1', weight: 1 }], services: ['x.*'] });
  t.like(merged.upstreams.get('default'), { targets: [{ address: '127.0.0.1:2', weight: 1 }], services: ['*'] });
  t.like(merged, { schema: { protos: ['p', 'q'], autoRoutes: ['*'] }, listen: { port: 0 }, admin: { port: 1 } });
});

test('an upstream flag with a selector is a new upstream for what it selects; a configured name goes first', (t) => {
  const upstreams = { garden: { target: 'old:1', services: ['x.*'], timeout: '2s' } };
  const { config } = parseConfig({ version: 1, upstreams });
  const none = { protos: [], imports: [], descriptorSets: [] };
  const flags = ['garden=a:1', 'garden.v1.*=b:1', 'shop.v1.Orders=c:1', '*=d:1', 'e:1'];
  const { config: merged, diagnostics } = applyOverrides(config!, { ...none, upstreams: flags });
  t.deepEqual(diagnostics, []);
  t.deepEqual(
    [...merged.upstreams].map(([name, { targets, services }]) => [name, targets[0]?.address, ...services]),
    [
      ['garden', 'a:1', 'x.*'],
      ['garden.v1.*', 'b:1', 'garden.v1.*'],
      ['shop.v1.Orders', 'c:1', 'shop.v1.Orders'],
      ['*', 'd:1', '*'],
      ['default', 'e:1', '*'],
    ],
  );
  t.is(merged.upstreams.get('garden')?.timeoutMs, 2000);
});

for (const flags of [
  ['garden-1=a:1'],
  ['a..b=a:1'],
  ['label:x=a:1'],
  ['=a:1'],
  ['a=b=c'],
  ['a='],
  ['x y'],
  ['a=orders'],
  ['http://a:1'],
  ['a=b:1', 'a=c:1'],
]) {
  test(`--upstream ${flags.join(' --upstream ')} is refused`, (t) => {
    const { config } = parseConfig({ version: 1 });
    const { diagnostics } = applyOverrides(config!, { protos: [], imports: [], descriptorSets: [], upstreams: flags });
    t.is(diagnostics.length, 1);
    t.true(formatDiagnostic(diagnostics[0]!).startsWith('--upstream: error: expected'));
  });
}

const ISSUER = 'issuer: i, audiences: [a]';
const accessRows: readonly (readonly [fact: string, yaml: string, lines: readonly (string | RegExp)[]])[] = [
  [
    'an unknown key of an issuer',
    `auth: { jwt: [{ ${ISSUER}, jwksUrl: "https://a/k" }] }`,
    [
      "g.yaml:2:44: error: auth.jwt.0.jwksUrl: unknown key, did you mean 'jwksUri'? [unknown-key]",
      /: auth\.jwt\.0: expected one of jwksUri/,
    ],
  ],
  [
    'an issuer without keys',
    `auth: { jwt: [{ ${ISSUER} }] }`,
    ['g.yaml:2:15: error: auth.jwt.0: expected one of jwksUri, jwksFile and secret [config-value]'],
  ],
  [
    'an issuer with two kinds of keys',
    `auth: { jwt: [{ ${ISSUER}, jwksUri: "https://a/k", jwksFile: k }] }`,
    [/: auth\.jwt\.0: expected one of jwksUri, jwksFile and secret /],
  ],
  [
    'keys over plain http from elsewhere',
    `auth: { jwt: [{ ${ISSUER}, jwksUri: "http://example.com/k" }] }`,
    [/^g\.yaml:2:53: error: auth\.jwt\.0\.jwksUri: expected an https URL/],
  ],
  [
    'a secret that is too short, which is not shown',
    `auth: { jwt: [{ ${ISSUER}, secret: sesame }] }`,
    ['g.yaml:2:52: error: auth.jwt.0.secret: expected at least 32 bytes, got 6 [config-value]'],
  ],
  [
    'EdDSA',
    `auth: { jwt: [{ ${ISSUER}, jwksUri: "https://a/k", algorithms: [EdDSA] }] }`,
    [/: auth\.jwt\.0\.algorithms\.0: expected RS256, .*, got EdDSA, which is not supported /],
  ],
  [
    'alg none',
    `auth: { jwt: [{ ${ISSUER}, jwksUri: "https://a/k", algorithms: [none] }] }`,
    [/: auth\.jwt\.0\.algorithms\.0: expected RS256, .*, got none, which is not supported /],
  ],
  [
    'a symmetric algorithm with public keys',
    `auth: { jwt: [{ ${ISSUER}, jwksUri: "https://a/k", algorithms: [RS256, HS256] }] }`,
    [/: auth\.jwt\.0\.algorithms\.1: expected secret with HS256, got jwksUri or jwksFile /],
  ],
  [
    'no audience',
    'auth: { jwt: [{ issuer: i, audiences: [], jwksUri: "https://a/k" }] }',
    [/^g\.yaml:2:39: error: auth\.jwt\.0\.audiences: /],
  ],
  [
    'an issuer twice',
    `auth: { jwt: [{ ${ISSUER}, jwksUri: "https://a/k" }, { ${ISSUER}, jwksUri: "https://b/k" }] }`,
    [/: auth\.jwt\.1\.issuer: expected each issuer once, got one twice /],
  ],
  [
    'a token in two places at once',
    `auth: { jwt: [{ ${ISSUER}, jwksUri: "https://a/k", from: [{ query: access_token, cookie: session }] }] }`,
    [/: expected \{ header: NAME \}, \{ cookie: NAME \} or \{ query: NAME \} /],
  ],
  [
    'a metadata key that the gateway sets itself',
    `auth: { jwt: [{ ${ISSUER}, jwksUri: "https://a/k", claimsToMetadata: { sub: x-request-id } }] }`,
    [/: auth\.jwt\.0\.claimsToMetadata\.sub: expected a metadata key that the gateway does not set itself/],
  ],
  [
    'an issuer that is called like what stands for API keys',
    'auth: { jwt: [{ issuer: api-key, audiences: [a], jwksUri: "https://a/k" }] }',
    [
      'g.yaml:2:25: error: auth.jwt.0.issuer: expected a name other than api-key and certificate, which are reserved for API keys and client certificates, got "api-key" [config-value]',
    ],
  ],
  [
    'an issuer that is called like what stands for certificates',
    'auth: { jwt: [{ issuer: " Certificate", audiences: [a], jwksUri: "https://a/k" }] }',
    [/: auth\.jwt\.0\.issuer: expected a name other than api-key and certificate/],
  ],
  [
    'a claim that is no path',
    `auth: { jwt: [{ ${ISSUER}, jwksUri: "https://a/k", scopesClaim: realm_access..roles }] }`,
    ["g.yaml:2:81: error: auth.jwt.0.scopesClaim: column 14: expected a name, got '.' [config-value]"],
  ],
  [
    'a claim for metadata that is no path',
    `auth: { jwt: [{ ${ISSUER}, jwksUri: "https://a/k", claimsToMetadata: { a.: x-a } }] }`,
    [/: auth\.jwt\.0\.claimsToMetadata\.a\.: column 3: expected a name, got the end/],
  ],
  [
    'API keys where tokens stand',
    `auth: { jwt: [{ ${ISSUER}, jwksUri: "https://a/k" }], apiKeys: { file: k, from: [{ header: Authorization }] } }`,
    [/: auth\.apiKeys\.from\.0: expected a header other than that of the tokens /],
  ],
  [
    'client certificates without an authority',
    'auth: { mtls: {} }',
    ['g.yaml:2:15: error: auth.mtls: expected listen.tls.clientCa as well, got none [config-value]'],
  ],
  [
    'a selector that is none',
    'policies: [{ selector: shop.*.Get, timeout: 1s }]',
    [/^g\.yaml:2:24: error: policies\.0\.selector: expected a method \(shop\.v1\.Orders\/ListOrders\), a service/],
  ],
  [
    'an unknown key of a rule',
    'policies: [{ selector: "*", tiemout: 1s }]',
    ["g.yaml:2:29: error: policies.0.tiemout: unknown key, did you mean 'timeout'? [unknown-key]"],
  ],
  [
    'every origin with credentials',
    'cors: { origins: ["*"], credentials: true }',
    ['g.yaml:2:18: error: cors.origins: expected origins by name with credentials: true, got * [config-value]'],
  ],
  [
    'an origin with a path',
    'cors: { origins: ["https://a.example/app"] }',
    [
      'g.yaml:2:19: error: cors.origins.0: expected an origin such as https://app.example.com, or *, got "https://a.example/app" [config-value]',
    ],
  ],
  ['a certificate without its key', 'listen: { tls: { cert: a.pem } }', [/: listen\.tls\.key: expected a string/]],
];
for (const [fact, yaml, expected] of accessRows) {
  test(`access: ${fact} is refused at its place`, async (t) => {
    const { lines } = await load(t, `version: 1\n${yaml}\n`);
    t.is(lines.length, expected.length, lines.join('\n'));
    for (const [index, line] of expected.entries()) {
      if (typeof line === 'string') t.is(lines[index], line);
      else t.regex(lines[index]!, line);
    }
  });
}

test('access: a rule’s place and files are known after loading', async (t) => {
  const yaml = `version: 1
auth:
  jwt: [{ issuer: i, audiences: [a], jwksFile: jwks.json }]
  apiKeys: { file: keys.yaml }
policies:
  - selector: "*"
    timeout: 1s
`;
  const { config, lines } = await load(t, yaml, {}, { 'jwks.json': '{"keys": [{"kty": "oct", "k": "AAAA"}]}' });
  t.is(config, undefined);
  t.is(lines.length, 1);
  t.regex(
    lines[0]!,
    /:3:\d+: error: auth\.jwt\.0\.jwksFile: expected a key that can be used; keys\[0\]: kty: expected RSA or EC /,
  );
  const good = await load(t, yaml.replace(/ {2}jwt:.*\n/, ''));
  t.deepEqual(good.lines, []);
  t.is(good.config?.policies[0]?.declaration.position.line, 5);
  t.is(good.config?.auth?.position.line, 3);
  const exposing = await load(t, 'version: 1\nerrors:\n  format: status\n  expose: [INTERNAL]\n');
  t.like(exposing.config?.errors.position, { line: 4, column: 11 });
  t.true(good.config?.auth?.apiKeys?.file.endsWith('/keys.yaml'));
  t.true(isAbsolute(good.config?.auth?.apiKeys?.file ?? ''));
});

test('certificates that are none, or that do not belong together, are named with their place', async (t) => {
  const { server, client } = certificates();
  const yaml = (tls: string) => `version: 1\nupstreams: { a: { target: "x:1", tls: ${tls} } }\n`;
  const files = { 'none.pem': 'x', 'cert.pem': server.cert.toString(), 'key.pem': client.key.toString() };
  const rows: readonly (readonly [tls: string, text: RegExp])[] = [
    ['{ ca: none.pem }', /:45: error: upstreams\.a\.tls\.ca: expected a PEM file /],
    ['{ cert: cert.pem }', /: upstreams\.a\.tls: expected both cert and key, got only one of them /],
    [
      '{ cert: cert.pem, key: key.pem }',
      /: upstreams\.a\.tls: expected a certificate and its own private key, got a key of another certificate /,
    ],
  ];
  for (const [tls, text] of rows) {
    const { lines } = await load(t, yaml(tls), {}, files);
    t.is(lines.length, 1, tls);
    t.regex(lines[0]!, text);
  }
});

test('the JSON Schema closes every object and knows the durations', (t) => {
  const schema = configJsonSchema() as {
    additionalProperties: boolean;
    properties: Record<string, { properties: Record<string, object> }>;
  };
  t.false(schema.additionalProperties);
  t.like(schema.properties.listen?.properties.keepAliveTimeout, { type: 'string', default: '75s' });
});
