/**
 * Compares the codec with the reference writer and the reference reader, on `messages` drawn messages of each of `schemas`
 * drawn protos. `readBack` reads the written texts again, as they are and changed.
 */
import { createCodecs, type MessageCodec } from '../../src/codec/codec.js';
import type { FieldMask } from '../../src/codec/field-mask.js';
import type { JsonOptions } from '../../src/codec/json-options.js';
import type { MessageDescriptor } from '../../src/schema/descriptor.js';
import { StatusError } from '../../src/status/status-error.js';
import { fieldJsonOf, JSON_OPTIONS, jsonOf } from '../support/json.js';
import { pause } from '../support/pause.js';
import { type DrawnSchema, drawSchemas } from './random/draw-schema.js';
import { drawWire } from './random/draw-wire.js';
import { createJsonReader as createOldReader } from './reference/reading/json-to-proto.js';
import { createReference } from './reference/reference.js';

export interface Comparison {
  /** The number of equal results, and the number of messages or texts that both sides refused. */
  same: number;
  refused: number;
  readonly differences: string[];
}

type Draw = (n: number) => number;

function* schemasOf(seed: number, count: number): Generator<DrawnSchema> {
  for (const batch of drawSchemas(seed, count)) yield* batch;
}

export async function compareWriters(seed: number, schemas: number, messages: number): Promise<Comparison> {
  const comparison: Comparison = { same: 0, refused: 0, differences: [] };
  for (const { seed: own, draw, proto, registry, message } of schemasOf(seed, schemas)) {
    const options = drawOptions(draw);
    const shared = createCodecs(registry, options).of(message);
    const reference = createReference(registry, options);
    for (let n = 0; n < messages; n++) {
      await pause();
      const wire = drawWire(draw, message, { tidy: n % 3 === 0, broken: n % 7 === 6 });
      // A codec remembers that a type came out of order, so some messages get a new one.
      const codec = n % 2 === 0 ? createCodecs(registry, options).of(message) : shared;
      const mask = draw(3) === 0 ? drawMask(draw, message) : undefined;
      const field = draw(5) === 0 ? message.fields[draw(message.fields.length)] : undefined;
      const ours = outcome(() => (field === undefined ? jsonOf(codec, wire, mask) : fieldJsonOf(codec, field, wire)));
      const theirs = outcome(() => reference(message, wire, field === undefined ? mask : undefined, field));
      if (ours === theirs) comparison[ours === REFUSED ? 'refused' : 'same']++;
      else {
        const what = field === undefined ? `mask ${mask?.size}` : `field ${field.name}`;
        comparison.differences.push(
          `seed ${own} message ${n} ${what}: ${Buffer.from(wire).toString('hex')}\n${ours}\n${theirs}\n${proto}`,
        );
      }
    }
  }
  return comparison;
}

const REFUSED = 'refused';

function outcome(write: () => string): string {
  try {
    return write();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw error;
    return REFUSED;
  }
}

function drawOptions(draw: Draw): JsonOptions {
  const flag = () => draw(3) === 0;
  return { ...JSON_OPTIONS, emitDefaults: flag(), enumsAsInts: flag(), protoNames: flag() };
}

function drawMask(draw: Draw, message: MessageDescriptor): FieldMask {
  return new Map(
    message.fields
      .filter(() => draw(2) === 0)
      .map((field) => {
        const isMessage = field.type.kind === 'message' && field.type.message.fields.length > 0;
        const inner =
          isMessage && draw(2) === 0 && field.type.kind === 'message' ? field.type.message.fields[0] : undefined;
        return [field, inner === undefined ? undefined : new Map([[inner, undefined]])] as const;
      }),
  );
}

export interface ReadBack {
  /** The number of texts that came back as they were. */
  same: number;
  /** The number of changed texts that were refused with 400. */
  refused: number;
  readonly problems: string[];
}

/**
 * Writes drawn messages as JSON, reads the text, and writes it again: the text must be the same. Then it reads the text with
 * one byte changed, cut or doubled: it must be read, or refused with 400.
 */
export async function readBack(seed: number, schemas: number, messages: number): Promise<ReadBack> {
  const result: ReadBack = { same: 0, refused: 0, problems: [] };
  for (const { seed: own, draw, proto, registry, message } of schemasOf(seed, schemas)) {
    const codec = createCodecs(registry, drawOptions(draw)).of(message);
    for (let n = 0; n < messages; n++) {
      await pause();
      const text = outcome(() => jsonOf(codec, drawWire(draw, message, { tidy: n % 2 === 0, broken: false })));
      // A type that the schema does not know can be shown, but not read.
      if (text === REFUSED || text.includes('un.known')) continue;
      const again = secondText(codec, text);
      // Upstreams may send a FieldMask with paths that no client may send.
      if (again.includes('expected a FieldMask')) continue;
      if (again === text) result.same++;
      else if (isOneWay(proto, text)) continue;
      else result.problems.push(`seed ${own} message ${n}:\n${text}\n${again}\n${proto}`);
      try {
        codec.read(changed(draw, Buffer.from(text)));
      } catch (error) {
        if (error instanceof StatusError && error.httpStatus === 400) result.refused++;
        else result.problems.push(`seed ${own} message ${n}: ${error}\n${text}\n${proto}`);
      }
    }
  }
  return result;
}

/**
 * True if a text may come back as another: a map whose entries all have unknown numbers of a closed enum is shown as empty,
 * and any number of NullValue as null, but neither an empty map nor the number 0 is sent.
 */
function isOneWay(proto: string, text: string): boolean {
  return (proto.includes('proto2') && text.includes(':{}')) || (proto.includes('NullValue') && text.includes('null'));
}

/** Returns the JSON of what the text is read as, or the error's text. */
function secondText(codec: MessageCodec, text: string): string {
  try {
    return jsonOf(codec, codec.read(Buffer.from(text)));
  } catch (error) {
    return String(error);
  }
}

const BYTES = Buffer.from('{}[]",:0123456789.eE+-\\untrfalsxyz\u0000\n\u00e9');

export function changed(draw: Draw, text: Buffer): Buffer {
  const at = draw(text.length);
  const kind = draw(3);
  if (kind === 0) return Buffer.concat([text.subarray(0, at), text.subarray(at + 1 + draw(4))]);
  if (kind === 1) return Buffer.concat([text.subarray(0, at), text.subarray(at - draw(Math.min(at + 1, 8)))]);
  text[at] = BYTES[draw(BYTES.length)]!;
  return text;
}

/**
 * Reads drawn texts, as they are and changed, with the codec and with the reader that it had before. The bytes or the errors
 * must be the same.
 */
export async function compareReaders(seed: number, schemas: number, messages: number): Promise<Comparison> {
  const comparison: Comparison = { same: 0, refused: 0, differences: [] };
  for (const { seed: own, draw, proto, registry, message } of schemasOf(seed, schemas)) {
    const unknownFields = draw(2) === 0 ? 'ignore' : 'reject';
    const options: JsonOptions = { ...drawOptions(draw), unknownFields, maxDepth: draw(4) === 0 ? 4 : 100 };
    const codec = createCodecs(registry, options).of(message);
    const before = createOldReader(registry, options);
    for (let n = 0; n < messages; n++) {
      await pause();
      const text = outcome(() => jsonOf(codec, drawWire(draw, message, { tidy: n % 2 === 0, broken: false })));
      if (text === REFUSED) continue;
      const whole = Buffer.from(text);
      for (const json of [whole, changed(draw, Buffer.from(text)), reordered(draw, text)]) {
        const field = draw(4) === 0 ? message.fields[draw(message.fields.length)] : undefined;
        const ours = reading(() => (field === undefined ? codec.read(json) : codec.readField(field, json)));
        const theirs = reading(() =>
          field === undefined ? before.read(message, json) : before.readField(message, field, json),
        );
        if (ours === theirs) comparison[ours.startsWith('[') ? 'refused' : 'same']++;
        else comparison.differences.push(`seed ${own} message ${n}: ${json}\n${ours}\n${theirs}\n${proto}`);
      }
    }
  }
  return comparison;
}

/** Exchanges two parts between commas. */
function reordered(draw: Draw, text: string): Buffer {
  const parts = text.split(',');
  const [a, b] = [draw(parts.length), draw(parts.length)];
  [parts[a], parts[b]] = [parts[b]!, parts[a]!];
  return Buffer.from(parts.join(','));
}

/** Returns the bytes as hex, or the message and details of a refusal as a list. */
function reading(read: () => Uint8Array): string {
  try {
    return Buffer.from(read()).toString('hex');
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return JSON.stringify([error.message, error.details]);
  }
}
