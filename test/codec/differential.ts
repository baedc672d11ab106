/**
 * Compares the codec with the reference writer on drawn schemas and messages: `compareWriters` draws `schemas` protos and
 * `messages` messages of each.
 */
import { createCodecs } from '../../src/codec/codec.js';
import type { FieldMask } from '../../src/codec/field-mask.js';
import type { JsonOptions } from '../../src/codec/json-options.js';
import type { MessageDescriptor } from '../../src/schema/descriptor.js';
import { draws } from '../support/draws.js';
import { fieldJsonOf, JSON_OPTIONS, jsonOf } from '../support/json.js';
import { schemaOf } from '../support/schema.js';
import { drawProto } from './random/draw-schema.js';
import { drawWire } from './random/draw-wire.js';
import { createReference } from './reference/reference.js';

export interface Comparison {
  /** How many texts were compared, and how many messages both writers refused. */
  same: number;
  refused: number;
  readonly differences: string[];
}

type Draw = (n: number) => number;

export async function compareWriters(seed: number, schemas: number, messages: number): Promise<Comparison> {
  const comparison: Comparison = { same: 0, refused: 0, differences: [] };
  for (let i = 0; i < schemas; i++) {
    const draw = draws(seed + i);
    const proto = drawProto(draw);
    const { registry } = schemaOf(proto);
    const options = drawOptions(draw);
    const shared = createCodecs(registry, options).of(registry.message('t.M0')!);
    const reference = createReference(registry, options);
    const message = registry.message('t.M0')!;
    for (let n = 0; n < messages; n++) {
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
          `seed ${seed + i} message ${n} ${what}: ${Buffer.from(wire).toString('hex')}\n${ours}\n${theirs}\n${proto}`,
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
