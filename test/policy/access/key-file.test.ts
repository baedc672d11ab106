/** `keys.yaml`: mistakes are reported with their place, and no text contains a key or a digest. */
import test from 'ava';
import { formatDiagnostic } from '../../../src/base/diagnostic.js';
import { TOO_DEEP } from '../../../src/base/yaml-depth.js';
import { parseExpiry, parseKeyFile, readKeyFile } from '../../../src/policy/access/key-file.js';

const A = 'a1'.repeat(32);
const B = 'b2'.repeat(32);
const KEY = `pg_${'Zk9'.repeat(14)}Q`;

function parse(text: string) {
  const { keys, diagnostics } = parseKeyFile(text, 'keys.yaml');
  return { keys, lines: diagnostics.map(formatDiagnostic) };
}

/** Returns one entry in flow form whose first field is at column 7. */
const entry = (fields: string) => `keys:\n  - { ${fields} }\n`;

const wrong: readonly (readonly [fact: string, text: string, lines: readonly (string | RegExp)[]])[] = [
  [
    'the key itself in the place of its digest',
    entry(`sha256: ${KEY}, consumer: acme`),
    [
      /^keys\.yaml:2:15: error: keys\.0\.sha256: expected the SHA-256 of a key, got what looks like the key itself; .*keygen.* \[keys-value\]$/,
    ],
  ],
  [
    "somebody else's key in the place of its digest",
    entry(`sha256: ${KEY.slice(3)}, consumer: acme`),
    [/^keys\.yaml:2:15: error: keys\.0\.sha256: expected the SHA-256 of a key, got what looks like the key itself/],
  ],
  [
    'the key as a name',
    entry(`${KEY}: acme`),
    [
      'keys.yaml:2:7: error: keys.0: unknown key: expected sha256, consumer, plan, scopes, expires [unknown-key]',
      'keys.yaml:2:5: error: keys.0: expected sha256, found none [keys-value]',
      'keys.yaml:2:5: error: keys.0: expected consumer, found none [keys-value]',
    ],
  ],
  [
    'the key as an entry',
    `keys:\n  - ${KEY}\n`,
    ['keys.yaml:2:5: error: keys.0: expected a mapping, got a string [keys-value]'],
  ],
  [
    'the key where YAML breaks',
    `keys:\n  - "${KEY}" ${KEY}\n`,
    ['keys.yaml:2:54: error: expected no more text behind this value, got some [yaml]'],
  ],
  [
    'the key as an unknown alias',
    `keys: *${KEY}\n`,
    ['keys.yaml:1:7: error: keys: expected a list, got an alias [keys-value]'],
  ],
  [
    'a digest that is too short',
    entry(`sha256: "${A.slice(1)}", consumer: acme`),
    [
      'keys.yaml:2:15: error: keys.0.sha256: expected the SHA-256 of the key, 64 hexadecimal digits, got 63 digits [keys-value]',
    ],
  ],
  [
    'a digest in base64',
    entry(`sha256: "${Buffer.from(A, 'hex').toString('base64')}", consumer: acme`),
    ['keys.yaml:2:15: error: keys.0.sha256: expected the SHA-256 of the key: 64 hexadecimal digits [keys-value]'],
  ],
  [
    'a digest twice, whatever its case',
    `keys:\n  - { sha256: ${A}, consumer: a }\n  - { sha256: ${A.toUpperCase()}, consumer: b }\n`,
    [
      'keys.yaml:3:15: error: keys.1.sha256: expected a digest of its own, but keys.0 has the same digest; remove one of them [keys-duplicate]',
    ],
  ],
  [
    'an unknown key of an entry, with the one that was meant',
    entry(`sha265: ${A}, consumer: acme`),
    [
      "keys.yaml:2:7: error: keys.0: unknown key 'sha265', did you mean 'sha256'? [unknown-key]",
      'keys.yaml:2:5: error: keys.0: expected sha256, found none [keys-value]',
    ],
  ],
  [
    'an unknown key of the file',
    'keys: []\nkey: []\n',
    ["keys.yaml:2:1: error: keys.yaml: unknown key 'key', did you mean 'keys'? [unknown-key]"],
  ],
  [
    'a name that every object has',
    entry(`sha256: ${A}, consumer: acme, __proto__: { plan: gold }`),
    [/^keys\.yaml:2:\d+: error: keys\.0: unknown key: /],
  ],
  ...['""', '" acme"', '"a\\nb"', 'ä', 'x'.repeat(129)].map(
    (consumer) =>
      [
        `the consumer ${consumer.slice(0, 10)}`,
        `keys:\n  - consumer: ${consumer}\n    sha256: ${A}\n`,
        [/^keys\.yaml:2:15: error: keys\.0\.consumer: expected 1 to 128 printable ASCII characters/],
      ] as const,
  ),
  [
    'a number for a consumer',
    entry(`sha256: ${A}, consumer: 12`),
    [/^keys\.yaml:2:91: error: keys\.0\.consumer: expected a string, got a number \[keys-value\]$/],
  ],
  [
    'a key without a value',
    `keys:\n  - sha256: ${A}\n    consumer: a\n    plan:\n`,
    [/keys\.0\.plan: expected a string, got nothing/],
  ],
  [
    'a plan without a colon',
    entry(`sha256: ${A}, consumer: a, plan`),
    [/keys\.0\.plan: expected a string, got nothing/],
  ],
  [
    'one scope that is no list',
    entry(`sha256: ${A}, consumer: a, scopes: orders.read`),
    [/keys\.0\.scopes: expected a list, got a string/],
  ],
  [
    'scopes in one string, and alternatives',
    entry(`sha256: ${A}, consumer: a, scopes: ["a b", "a|b", ok]`),
    [/keys\.0\.scopes\.0: expected one scope/, /keys\.0\.scopes\.1: expected one scope/],
  ],
  [
    'a date that is none',
    entry(`sha256: ${A}, consumer: a, expires: 2027-02-30`),
    [/keys\.0\.expires: expected a date such as 2027-01-01 \(from the start of that day, UTC\)/],
  ],
  [
    'a tagged date',
    entry(`sha256: ${A}, consumer: a, expires: !!timestamp 2027-02-03`),
    [/expected a string, got a tagged date/],
  ],
  ['no file', '', [/^keys\.yaml: error: keys\.yaml: expected a mapping, got nothing \[keys-value\]$/]],
  ['a mapping without keys', '{}', [/^keys\.yaml:1:1: error: keys\.yaml: expected keys, found none/]],
  [
    'a list without its head, as keygen appends it to nothing',
    `  - { sha256: ${A}, consumer: a }\n`,
    ["keys.yaml:1:3: error: expected the key 'keys:' before the list, got the list alone [keys-file]"],
  ],
  ['keys by name', `keys: { acme: ${A} }\n`, [/^keys\.yaml:1:7: error: keys: expected a list, got a mapping/]],
  ['two documents', 'keys: []\n---\nkeys: []\n', [/: expected one document, got a second one \[yaml\]$/]],
  ['a name twice', 'keys: []\nkeys: []\n', ['keys.yaml:2:1: error: expected each key once, got this key again [yaml]']],
  ['an unknown tag', 'keys: !!js/function []\n', [/^keys\.yaml:1:7: error: expected no such tag; .* \[yaml\]$/]],
  ['brackets without end', `keys: ${'['.repeat(100_000)}`, [`keys.yaml:1:107: error: ${TOO_DEEP} [yaml]`]],
  ['more than 4 MiB', `# ${'ä'.repeat(2 * 1024 * 1024)}`, ['keys.yaml: error: expected at most 4 MiB [keys-file]']],
];
for (const [fact, text, lines] of wrong) {
  test(`${fact} is refused, named with its place`, (t) => {
    const { keys, lines: got } = parse(text);
    t.deepEqual(keys, []);
    t.is(got.length, lines.length, got.join('\n'));
    for (const [i, line] of lines.entries()) typeof line === 'string' ? t.is(got[i], line) : t.regex(got[i]!, line);
    for (const secret of [KEY, KEY.slice(3, 20), A.slice(1, 20)]) {
      t.false(got.join('\n').toLowerCase().includes(secret.toLowerCase()));
    }
  });
}

test('every problem is named, and one bad entry refuses the whole file', (t) => {
  const { keys, lines } = parse(
    `keys:\n  - { sha256: ${A}, consumer: a }\n  - { sha256: x, consumer: "" }\n  - { sha256: ${B}, consumer: b, expires: soon }\n`,
  );
  t.deepEqual(keys, []);
  t.deepEqual(
    lines.map((line) => line.split(' ', 3).join(' ')),
    [
      'keys.yaml:3:15: error: keys.1.sha256:',
      'keys.yaml:3:28: error: keys.1.consumer:',
      'keys.yaml:4:103: error: keys.2.expires:',
    ],
  );
});

test('what is not a regular file is refused', (t) => {
  t.deepEqual(readKeyFile('/dev/zero').diagnostics.map(formatDiagnostic), [
    '/dev/zero: error: expected a regular file [keys-file]',
  ]);
});

test('a consumer may have several keys; two plans of one consumer are a warning', (t) => {
  const file = (plan: string) =>
    parse(`keys:\n- { sha256: ${A}, consumer: a, plan: free }\n- { sha256: ${B}, consumer: a${plan} }\n`);
  t.deepEqual(file(', plan: free').lines, []);
  t.is(file(', plan: free').keys.length, 2);
  t.is(file(', plan: gold').keys.length, 2);
  t.deepEqual(file(', plan: gold').lines, [
    'keys.yaml:3:98: warning: keys.1.plan: expected the same plan for all keys of a consumer, but keys.0 has the same consumer and another plan [keys-plan]',
  ]);
  t.regex(file('').lines[0]!, /^keys\.yaml:3:\d+: warning: keys\.1\.plan: /);
});

test('an entry as it is written, and the least one', (t) => {
  const { keys, lines } = parse(
    `\uFEFFkeys:\r\n  - { sha256: "${A.toUpperCase()}", consumer: acme, plan: free, scopes: [orders.read, a:b], expires: 2027-01-01 }\r\n  - sha256: ${B}\r\n    consumer: "O'Neil & Sons"\r\n`,
  );
  t.deepEqual(lines, []);
  t.deepEqual(keys, [
    {
      sha256: A,
      consumer: 'acme',
      plan: 'free',
      scopes: ['orders.read', 'a:b'],
      expiresAtMs: Date.UTC(2027, 0, 1),
    },
    { sha256: B, consumer: "O'Neil & Sons", scopes: [], expiresAtMs: undefined },
  ]);
});

test('no keys yet is a good file', (t) => {
  for (const text of ['keys:\n', 'keys: []\n', '# to come\nkeys: ~\n'])
    t.deepEqual(parse(text), { keys: [], lines: [] });
});

test('a date is the start of its day in UTC, a timestamp is exact, anything else is none', (t) => {
  const rows: readonly (readonly [text: string, iso: string | undefined])[] = [
    ['2027-01-01', '2027-01-01T00:00:00.000Z'],
    ['2028-02-29', '2028-02-29T00:00:00.000Z'],
    ['2027-01-01T12:30:00Z', '2027-01-01T12:30:00.000Z'],
    ['2027-01-01t12:30:00.25z', '2027-01-01T12:30:00.250Z'],
    ['2027-01-01T00:30:00+01:00', '2026-12-31T23:30:00.000Z'],
    ['2027-02-29', undefined],
    ['2027-02-30T00:00:00Z', undefined],
    ['2027-13-01', undefined],
    ['2027-1-1', undefined],
    ['2027-01-01T24:00:00Z', undefined],
    ['2027-01-01T12:30:00', undefined],
    ['2027-01-01T12:30:00+24:00', undefined],
    ['2027-01-01 ', undefined],
    ['+12027-01-01', undefined],
    ['1798761600', undefined],
    ['', undefined],
  ];
  for (const [text, iso] of rows) {
    const ms = parseExpiry(text);
    t.is(ms === undefined ? undefined : new Date(ms).toISOString(), iso, text);
  }
});
