/**
 * Measures how long the codec needs for bodies and answers of the worst shapes: 4 MiB of JSON that are read, and answers that
 * become about 4 MiB of JSON. It prints the time of one message (the best of three), how long the event loop was held at a
 * time (the longest part, in the best of three), and per answer how many MiB of JSON were written.
 *
 *     npm run bench -- worst
 */
import { createCodecs } from '../src/codec/codec.js';
import { JsonWriter } from '../src/codec/json-writer.js';
import { JSON_OPTIONS } from '../test/support/json.js';
import { schemaOf } from '../test/support/schema.js';
import { BODIES, MiB, PROTO } from './worst-shapes.js';

const { registry } = schemaOf(PROTO);
const codecs = createCodecs(registry, JSON_OPTIONS);
const emitting = createCodecs(registry, { ...JSON_OPTIONS, emitDefaults: true });
const codec = codecs.of(registry.message('worst.v1.Shapes')!);
const emitter = emitting.of(registry.message('worst.v1.Shapes')!);
const out = new JsonWriter();

/** The time of one message and of its longest part, in milliseconds. */
interface Cost {
  readonly whole: number;
  readonly longest: number;
}

/** Runs a task in parts, three times. `begin` and `more` return true when all is done. */
function best(begin: () => boolean, more: () => boolean): Cost {
  let whole = Number.POSITIVE_INFINITY;
  let longest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    let sum = 0;
    let most = 0;
    let isDone = false;
    for (let part = 0; !isDone; part++) {
      const start = process.cpuUsage();
      const from = performance.now();
      isDone = part === 0 ? begin() : more();
      const wall = performance.now() - from;
      const { user, system } = process.cpuUsage(start);
      const ms = Math.min(wall, (user + system) / 1000);
      sum += ms;
      most = Math.max(most, ms);
    }
    whole = Math.min(whole, sum);
    longest = Math.min(longest, most);
  }
  return { whole, longest };
}

function row(name: string, mebibytes: number, { whole, longest }: Cost): void {
  const per4 = (whole * 4) / mebibytes;
  process.stdout.write(
    `${name.padEnd(36)} ${mebibytes.toFixed(2).padStart(7)} MiB ${whole.toFixed(1).padStart(8)} ms ${per4.toFixed(0).padStart(7)} ms per 4 MiB ${longest.toFixed(1).padStart(8)} ms at a time\n`,
  );
}

function readingCost(bytes: Uint8Array): Cost {
  let rest: ReturnType<typeof codec.beginRead> = bytes;
  return best(
    () => {
      rest = codec.beginRead(bytes);
      return rest instanceof Uint8Array;
    },
    () => !(rest instanceof Uint8Array) && rest.more() !== undefined,
  );
}

function writingCost(wire: Uint8Array, which: typeof codec): { size: number; cost: Cost } {
  let size = 0;
  let rest: ReturnType<typeof codec.begin>;
  const cost = best(
    () => {
      const text = out.collect((to) => {
        rest = which.begin(wire, to);
      });
      size = text.length;
      return rest === undefined;
    },
    () => {
      const isDone = rest!.more();
      size = rest!.out.length;
      return isDone;
    },
  );
  return { size, cost };
}

const only = process.argv[2];
process.stdout.write('Reading (JSON to wire)\n');
for (const [name, json] of BODIES) {
  if (only !== undefined && !name.includes(only)) continue;
  const bytes = Buffer.from(json);
  try {
    row(name, bytes.length / MiB, readingCost(bytes));
  } catch (error) {
    const why = JSON.stringify((error as { details?: unknown }).details ?? (error as Error).message);
    process.stdout.write(`${name} (refused: ${why.slice(0, 160)})\n`);
  }
}

process.stdout.write('Writing (wire to JSON)\n');
for (const [name, json] of BODIES) {
  if (only !== undefined && !name.includes(only)) continue;
  let wire: Uint8Array;
  try {
    wire = codec.read(Buffer.from(json));
  } catch {
    continue;
  }
  for (const [kind, which] of [
    ['', codec],
    [', defaults written', emitter],
  ] as const) {
    const { size, cost } = writingCost(wire, which);
    row(name + kind, Math.max(size, 1) / MiB, cost);
  }
}
