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

/** The CPU time of one task in a round, in milliseconds. */
const ROUND_MS = 40;
/** The CPU time, in milliseconds, for which each task runs before any is measured, so that V8 has compiled all code, for messages of all shapes. */
const WARM_UP_MS = 120;

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
  const tasks = SHAPES.filter(([name]) => name.includes(flags.only)).flatMap(([name, type, value]) => {
    const json = Buffer.from(JSON.stringify(value));
    const codecs = candidates.map(({ codecOf }) => codecOf(`bench.v1.${type}`));
    const wire = codecs[0]!.read(json);
    return [
      { title: `${name}: read`, runs: codecs.map((codec) => () => codec.read(json)) },
      { title: `${name}: write`, runs: codecs.map((codec) => () => codec.write(wire)) },
    ];
  });
  for (const { runs } of tasks) for (const run of runs) costOf(run, WARM_UP_MS);
  for (const { title, runs } of tasks) compare(title, candidates, runs);
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

function compare(title: string, candidates: readonly Candidate[], runs: readonly (() => void)[]): void {
  const costs = runs.map((): number[] => []);
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (let i = 0; i < runs.length; i++) {
      // The order changes with each round.
      const index = (i + round) % runs.length;
      costs[index]!.push(costOf(runs[index]!, ROUND_MS));
    }
  }
  // The smallest cost is the one that other processes disturbed least.
  const [own = 0, ...others] = costs.map((all) => Math.min(...all));
  const ratios = others.map((cost, i) => `  ${(cost / own).toFixed(2).padStart(6)} × in ${candidates[i + 1]!.name}`);
  process.stdout.write(`${title.padEnd(34)} ${(own * 1e6).toFixed(0).padStart(9)} ns CPU${ratios.join('')}\n`);
}

/** Runs the task until it has used `ms` milliseconds of CPU time. Returns the CPU time per run, in milliseconds. */
function costOf(task: () => void, ms: number): number {
  const before = process.cpuUsage();
  let runs = 0;
  for (let batch = 1; ; ) {
    for (let i = 0; i < batch; i++, runs++) task();
    const { user, system } = process.cpuUsage(before);
    const used = (user + system) / 1000;
    if (used >= ms) return used / runs;
    // Asking for the time must not count.
    if (used < ms / 10) batch *= 2;
  }
}

await main();
