/**
 * Measures the CPU time (user and system) that the codec needs per message, from JSON to wire and from wire to JSON,
 * for messages of several shapes. With `--against DIR` it runs the build of another checkout in turns with this one. With
 * `--peers` it runs @bufbuild/protobuf and protobufjs with `ext/protojson` in turns with it. `--only TEXT` selects shapes.
 *
 *     npm run bench -- codec --against ../protogate-before --rounds 20
 *     npm run bench -- codec --peers
 */
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { JSON_OPTIONS } from '../test/support/json.js';
import { schemaOf } from '../test/support/schema.js';
import { type PeerCodec, peerCodecs } from './codec-peers.js';
import { PROTO, SHAPES } from './codec-shapes.js';

const ROUND_MS = 40;

/** The codecs of one build or library, by the name of the message type. */
interface Candidate {
  readonly name: string;
  codecOf(type: string): PeerCodec;
}

const { values: flags } = parseArgs({
  options: {
    against: { type: 'string' },
    peers: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
  },
});

async function main(): Promise<void> {
  const here = fileURLToPath(new URL('../../', import.meta.url));
  const { registry } = schemaOf(PROTO);
  const candidates = [await buildAt(here, 'protogate', registry)];
  if (flags.against !== undefined) candidates.push(await buildAt(resolve(flags.against), 'before', registry));
  if (flags.peers) candidates.push(...(await peerCodecs(PROTO)));
  for (const [name, type, value] of SHAPES) {
    if (!name.includes(flags.only)) continue;
    const json = Buffer.from(JSON.stringify(value));
    const codecs = candidates.map(({ codecOf }) => codecOf(`bench.v1.${type}`));
    const wire = codecs[0]!.read(json);
    compare(`${name}: read`, candidates, codecs, (codec) => codec.read(json));
    compare(`${name}: write`, candidates, codecs, (codec) => codec.write(wire));
  }
}

async function buildAt(root: string, name: string, registry: ReturnType<typeof schemaOf>['registry']) {
  const from = (file: string) => import(pathToFileURL(join(root, 'dist/src/codec', file)).href);
  const { createCodecs } = (await from('codec.js')) as typeof import('../src/codec/codec.js');
  const { JsonWriter } = (await from('json-writer.js')) as typeof import('../src/codec/json-writer.js');
  const codecs = createCodecs(registry, JSON_OPTIONS);
  const out = new JsonWriter();
  const codecOf = (type: string): PeerCodec => {
    const codec = codecs.of(registry.message(type)!);
    return { read: (json) => codec.read(json), write: (wire) => out.collect((inside) => codec.write(wire, inside)) };
  };
  return { name, codecOf };
}

function compare(
  title: string,
  candidates: readonly Candidate[],
  codecs: readonly PeerCodec[],
  task: (codec: PeerCodec) => void,
): void {
  const costs = codecs.map((): number[] => []);
  for (let round = -1; round < Number(flags.rounds); round++) {
    for (let i = 0; i < codecs.length; i++) {
      // The order changes with each round. The first round only warms up and is not counted.
      const index = (i + Math.max(0, round)) % codecs.length;
      const cost = costOf(() => task(codecs[index]!));
      if (round >= 0) costs[index]!.push(cost);
    }
  }
  // The smallest cost is the one that other processes disturbed least.
  const [own = 0, ...others] = costs.map((all) => Math.min(...all));
  const ratios = others.map((cost, i) => `  ${(cost / own).toFixed(2).padStart(6)} × in ${candidates[i + 1]!.name}`);
  process.stdout.write(`${title.padEnd(34)} ${(own * 1e6).toFixed(0).padStart(9)} ns CPU${ratios.join('')}\n`);
}

/** Returns the CPU time per run, in milliseconds. */
function costOf(task: () => void): number {
  const before = process.cpuUsage();
  const end = performance.now() + ROUND_MS;
  let runs = 0;
  do for (let i = 0; i < 5; i++, runs++) task();
  while (performance.now() < end);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / runs;
}

await main();
