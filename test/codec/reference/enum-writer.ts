/** This module writes enums as JSON: by name, or as numbers if there is no name or the options ask for numbers. */

import type { JsonOptions } from '../../../src/codec/json-options.js';
import type { WireReader } from '../../../src/codec/wire-reader.js';
import type { EnumDescriptor } from '../../../src/schema/descriptor.js';
import { type ScalarCodec, scalarCodec } from './scalar-writer.js';

/** Writes the values of a scalar type or of an enum. */
export interface EnumCodec extends ScalarCodec {
  /** Returns true if a closed enum does not know the number at the reader. It does not move the reader. */
  readonly isUnknown: ((reader: WireReader) => boolean) | undefined;
}

/** Creates the codec of an enum. `defaultText` is the name of the default that the field declares. */
export function enumCodec(
  descriptor: EnumDescriptor,
  { enumsAsInts }: Pick<JsonOptions, 'enumsAsInts'>,
  defaultText: string | undefined,
): EnumCodec {
  const isNull = descriptor.fullName === 'google.protobuf.NullValue';
  const jsonOf = (number: number) => {
    if (isNull) return 'null';
    const name = enumsAsInts ? undefined : descriptor.nameOf(number);
    return name === undefined ? String(number) : `"${name}"`;
  };
  const first = descriptor.closed ? (descriptor.values[0]?.number ?? 0) : 0;
  const defaultNumber = (defaultText === undefined ? undefined : descriptor.numberOf(defaultText)) ?? first;
  const known = new Map<number, Uint8Array>();
  for (const { number } of descriptor.values) known.set(number, Buffer.from(jsonOf(number)));
  return {
    ...scalarCodec('int32', true),
    defaultJson: jsonOf(defaultNumber),
    write(reader, out) {
      reader.varint();
      const number = reader.low | 0;
      const json = known.get(number);
      if (json !== undefined) out.raw(json);
      else if (isNull) out.ascii('null');
      else out.integer(number);
    },
    isUnknown: descriptor.closed
      ? (reader) => {
          const { at } = reader;
          reader.varint();
          reader.at = at;
          return !known.has(reader.low | 0);
        }
      : undefined,
  };
}
