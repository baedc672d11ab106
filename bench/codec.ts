/**
 * Measures the CPU time (user and system) that the codec needs per message, from JSON to wire and from wire to JSON,
 * for messages of several shapes. With `--against DIR` it runs the build of another checkout in turns with this one:
 *
 *     npm run bench -- codec --against ../protogate-before --rounds 20
 */
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { JSON_OPTIONS } from '../test/support/json.js';
import { schemaOf } from '../test/support/schema.js';

const PROTO = `syntax = "proto3";
package bench.v1;
import "google/protobuf/timestamp.proto";
import "google/protobuf/struct.proto";
enum State { STATE_UNSPECIFIED = 0; OPEN = 1; CLOSED = 2; }
message Shelf { string name = 1; string theme = 2; int64 books = 3; repeated string tags = 4; }
message Item { string product = 1; int32 quantity = 2; double price = 3; bool gift = 4; State state = 5; }
message Order {
  string name = 1; google.protobuf.Timestamp at = 2; repeated Item items = 3; map<string, string> labels = 4;
  bytes token = 5; optional string note = 6; Shelf shelf = 7;
}
message Orders { repeated Order orders = 1; string next_page_token = 2; }
message Numbers { repeated int32 small = 1; repeated sint64 wide = 2; repeated double real = 3; }
message Text { string text = 1; }
message Free { google.protobuf.Struct fields = 1; }
`;

const item = (n: number) => ({
  product: `products/${n}`,
  quantity: n,
  price: n + 0.25,
  gift: n % 2 === 0,
  state: 'OPEN',
});
const shelf = {
  name: 'shelves/7',
  theme: 'Poetry',
  books: '340',
  tags: Array.from({ length: 20 }, (_, i) => `tag-${i}`),
};
const order = (n: number) => ({
  name: `orders/${n}`,
  at: '2026-11-30T12:00:00.123Z',
  items: [item(1), item(2), item(3)],
  labels: { team: 'search', region: 'eu' },
  token: 'AAECAwQFBgc=',
  shelf,
});

const SHAPES: readonly (readonly [name: string, type: string, value: object])[] = [
  ['a small message', 'Item', item(7)],
  ['a shelf with 20 tags', 'Shelf', shelf],
  ['50 orders', 'Orders', { orders: Array.from({ length: 50 }, (_, n) => order(n)), nextPageToken: 'x' }],
  [
    '3,000 numbers',
    'Numbers',
    {
      small: Array.from({ length: 1000 }, (_, n) => n),
      wide: Array.from({ length: 1000 }, (_, n) => String(n * 7_000_000_000)),
      real: Array.from({ length: 1000 }, (_, n) => n + 0.5),
    },
  ],
  ['100 KB of text', 'Text', { text: 'Grüße, "world"\n'.repeat(6500) }],
  ['a struct', 'Free', { fields: { a: [1, 'b', null, { c: true }], d: { e: { f: [1, 2, 3] } } } }],
];

/** The codec of one message type, from the build of one checkout. */
interface Codec {
  read(json: Uint8Array): Uint8Array;
  write(wire: Uint8Array): Uint8Array;
}

const ROUND_MS = 40;

async function main(): Promise<void> {
  const against = process.argv.indexOf('--against');
  const roundsFlag = process.argv.indexOf('--rounds');
  const rounds = roundsFlag < 0 ? 5 : Number(process.argv[roundsFlag + 1]);
  const here = fileURLToPath(new URL('../../', import.meta.url));
  const roots = against < 0 ? [here] : [resolve(process.argv[against + 1] ?? ''), here];
  const { registry } = schemaOf(PROTO);
  const builds = await Promise.all(roots.map((root) => codecsOf(root, registry)));
  for (const [name, type, value] of SHAPES) {
    const json = Buffer.from(JSON.stringify(value));
    const codecs = builds.map((codecOf) => codecOf(`bench.v1.${type}`));
    const wire = codecs[0]!.read(json);
    compare(
      `${name}: read`,
      rounds,
      codecs.map((codec) => () => codec.read(json)),
    );
    compare(
      `${name}: write`,
      rounds,
      codecs.map((codec) => () => codec.write(wire)),
    );
  }
}

async function codecsOf(root: string, registry: Awaited<ReturnType<typeof schemaOf>>['registry']) {
  const from = (file: string) => import(pathToFileURL(join(root, 'dist/src/codec', file)).href);
  const { createCodecs } = (await from('codec.js')) as typeof import('../src/codec/codec.js');
  const { JsonWriter } = (await from('json-writer.js')) as typeof import('../src/codec/json-writer.js');
  const codecs = createCodecs(registry, JSON_OPTIONS);
  const out = new JsonWriter();
  return (type: string): Codec => {
    const codec = codecs.of(registry.message(type)!);
    return { read: (json) => codec.read(json), write: (wire) => out.collect((inside) => codec.write(wire, inside)) };
  };
}

function compare(title: string, rounds: number, tasks: readonly (() => void)[]): void {
  const costs = tasks.map((): number[] => []);
  for (let round = -1; round < rounds; round++) {
    for (let i = 0; i < tasks.length; i++) {
      // The order changes with each round. The first round only warms up and is not counted.
      const index = (i + Math.max(0, round)) % tasks.length;
      const cost = costOf(tasks[index]!);
      if (round >= 0) costs[index]!.push(cost);
    }
  }
  // The smallest cost is the one that other processes disturbed least.
  const [first = 0, last = first] = costs.map((all) => Math.min(...all));
  const compared = tasks.length > 1 ? `  ${(last / first).toFixed(3)} × before` : '';
  process.stdout.write(`${title.padEnd(34)} ${(last * 1e6).toFixed(0).padStart(9)} ns CPU${compared}\n`);
}

/** Returns the CPU time per run, in milliseconds. */
function costOf(task: () => void): number {
  const before = process.cpuUsage();
  const end = performance.now() + ROUND_MS;
  let runs = 0;
  do for (let i = 0; i < 20; i++, runs++) task();
  while (performance.now() < end);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / runs;
}

await main();
