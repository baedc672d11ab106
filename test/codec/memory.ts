/**
 * Judges the memory that the codec needs for drawn inputs of up to 64 KiB: at most 1 MiB and 100 bytes for each byte of the input,
 * in both directions. All that is allocated counts, also what is garbage at once, so the figures are higher than the real need.
 */
import { createCodecs, type MessageCodec } from '../../src/codec/codec.js';
import { JsonWriter } from '../../src/codec/json-writer.js';
import { StatusError } from '../../src/status/status-error.js';
import { heldBytes, usedBytes } from '../support/memory.js';
import { changed } from './differential.js';
import { drawSchemas } from './random/draw-schema.js';
import { drawWire } from './random/draw-wire.js';

export interface MemoryReport {
  /** The number of inputs that were converted, and of those that were refused. */
  done: number;
  refused: number;
  /** The most bytes that were allocated for an input, without the first MiB, for each byte of the input. */
  mostPerByte: number;
  readonly findings: string[];
}

const FREE = 1 << 20;
const PER_BYTE = 100;
const LARGE = 1 << 16;

export function judgeMemory(seed: number, schemas: number, messages: number): MemoryReport {
  const report: MemoryReport = { done: 0, refused: 0, mostPerByte: 0, findings: [] };
  for (const batch of drawSchemas(seed, schemas)) {
    for (const { seed: own, draw, registry, message } of batch) {
      const emitDefaults = draw(2) === 0;
      const codec = createCodecs(registry, { ...OPTIONS, emitDefaults }).of(message);
      for (let n = 0; n < messages; n++) {
        const one = drawWire(draw, message, { tidy: n % 3 === 0, broken: n % 5 === 4 });
        // Messages behind each other are one message.
        const wire = Buffer.concat(Array(1 + draw(Math.floor(LARGE / (one.length + 16)))).fill(one));
        const what = `seed ${own} message ${n}`;
        judge(report, `${what} of ${wire.length} bytes`, wire.length, () => void write(codec, wire));
        const json = repeated(draw, textOf(codec, one));
        judge(report, `${what}: JSON of ${json.length} bytes`, json.length, () => void codec.read(json));
      }
    }
  }
  return report;
}

const OPTIONS = {
  enumsAsInts: false,
  protoNames: false,
  unknownFields: 'ignore',
  maxDepth: 100,
  omitFields: new Set<string>(),
} as const;

function write(codec: MessageCodec, wire: Uint8Array): Uint8Array {
  return new JsonWriter().collect((out) => codec.write(wire, out));
}

function textOf(codec: MessageCodec, wire: Uint8Array): Buffer {
  try {
    return Buffer.from(write(codec, wire));
  } catch {
    return Buffer.from('{}');
  }
}

/** Returns the JSON with a part of it many times, or with a changed byte. */
function repeated(draw: (n: number) => number, json: Buffer): Buffer {
  const start = draw(json.length);
  const part = json.subarray(start, start + 1 + draw(40));
  const times = draw(Math.floor(LARGE / part.length));
  const long = Buffer.concat([json.subarray(0, start), ...Array<Buffer>(times).fill(part), json.subarray(start)]);
  return draw(3) === 0 ? changed(draw, long) : long;
}

function judge(report: MemoryReport, what: string, bytes: number, run: () => void): void {
  const most = FREE + PER_BYTE * bytes;
  let allocated = allocatedBy(run, report, what);
  // Before the second time the garbage is collected, so that only this input counts.
  if (allocated > most) {
    heldBytes();
    allocated = allocatedBy(run, report, what);
  }
  if (allocated > most) report.findings.push(`${what}: ${allocated} bytes`);
  report.mostPerByte = Math.max(report.mostPerByte, (allocated - FREE) / bytes);
}

/** Returns the bytes that were allocated. They are less than zero if the garbage was collected meanwhile. */
function allocatedBy(run: () => void, report: MemoryReport, what: string): number {
  const before = usedBytes();
  try {
    run();
    report.done++;
  } catch (error) {
    if (error instanceof StatusError) report.refused++;
    else report.findings.push(`${what}: ${error}`);
  }
  return usedBytes() - before;
}
