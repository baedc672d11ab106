/**
 * Compares the codec with two independent implementations, @bufbuild/protobuf and protobufjs with its `ext/protojson`, on drawn
 * messages of drawn schemas, whose records come in order, out of order, repeated and split. The JSON of the codec must mean
 * the same as that of the oracle, and the oracle must read it as the same message as the codec does.
 */
import { isDeepStrictEqual } from 'node:util';
import { createCodecs, type MessageCodec } from '../../src/codec/codec.js';
import { JSON_OPTIONS, jsonOf } from '../support/json.js';
import { type OtherCodec, otherCodecs } from '../support/other-codecs.js';
import { drawSchemas, filesOf } from './random/draw-schema.js';
import { drawWire } from './random/draw-wire.js';

export interface OracleCounts {
  /** The number of equal results. */
  same: number;
  /** The number of messages and texts that both sides refused, and of those that only the oracle refused. */
  refused: number;
  oracleRefused: number;
  /**
   * The number of differences from the second oracle where the first one has the result of the codec. The second one drops -0, and
   * reads map entries with several keys or values in its own way.
   */
  disputed: number;
  readonly differences: string[];
}

/** Draws `messages` messages for each of `schemas` schemas. */
export function compareWithOracles(seed: number, schemas: number, messages: number): Record<string, OracleCounts> {
  const counts: Record<string, OracleCounts> = {};
  for (const batch of drawSchemas(seed, schemas, withoutListsOfClosedEnums)) {
    const oracles = otherCodecs(filesOf(batch));
    const codecs = createCodecs(batch[0]!.registry, JSON_OPTIONS);
    for (const { seed: own, draw, proto, message } of batch) {
      const codec = codecs.of(message);
      const both = oracles.map((oracleOf) => oracleOf(message.fullName));
      for (let n = 0; n < messages; n++) {
        const wire = drawWire(draw, message, { tidy: n % 3 === 0, broken: false });
        const found = both.map((oracle) => {
          counts[oracle.name] ??= { same: 0, refused: 0, oracleRefused: 0, disputed: 0, differences: [] };
          return compare(codec, oracle, wire, counts[oracle.name]!);
        });
        for (const [which, difference] of found.entries()) {
          // An Any with a value and without a type is refused by the codec, and written as empty by the oracles.
          if (difference === undefined || (/Any[ >]/.test(proto) && difference.startsWith(REFUSED))) continue;
          const { differences } = counts[both[which]!.name]!;
          if (which > 0 && found[0] === undefined) counts[both[which]!.name]!.disputed++;
          else
            differences.push(`seed ${own} message ${n}: ${Buffer.from(wire).toString('hex')}\n${difference}\n${proto}`);
        }
      }
    }
  }
  return counts;
}

const REFUSED = 'writing: the codec refuses';

/**
 * Neither oracle treats the numbers that a closed enum does not know, nor its default, as protobuf does: in lists and maps one writes
 * them as numbers, and the other writes them as other values.
 */
function withoutListsOfClosedEnums(proto: string): string {
  return proto.includes('proto2') ? proto.replace(/(repeated |map<\w+, )Open\b/g, '$1int32') : proto;
}

function compare(codec: MessageCodec, oracle: OtherCodec, wire: Uint8Array, counts: OracleCounts): string | undefined {
  const ours = tried(() => jsonOf(codec, wire));
  const theirs = tried(() => oracle.write(wire));
  if (ours instanceof Error || theirs instanceof Error) {
    if (!(theirs instanceof Error)) return `${REFUSED} (${ours}), the oracle writes ${theirs}`;
    counts[ours instanceof Error ? 'refused' : 'oracleRefused']++;
    return undefined;
  }
  if (!isSame(ours, theirs)) return `writing:\n${ours}\n${theirs}`;
  counts.same++;
  const read = tried(() => codec.read(Buffer.from(ours)));
  const readByOracle = tried(() => oracle.read(ours));
  if (read instanceof Error || readByOracle instanceof Error) {
    // Upstreams may send a FieldMask with paths that no client may send.
    if (read instanceof Error && read.message.includes('expected a FieldMask')) return undefined;
    if (!(readByOracle instanceof Error)) return `reading: the codec refuses (${read}) what the oracle reads: ${ours}`;
    counts[read instanceof Error ? 'refused' : 'oracleRefused']++;
    return undefined;
  }
  // Fields may be encoded in several ways, so the messages are compared as JSON.
  const [a, b] = [oracle.write(read), oracle.write(readByOracle)];
  if (!isSame(a, b)) return `reading ${ours}:\n${a}\n${b}`;
  counts.same++;
  return undefined;
}

function tried<T>(run: () => T): T | Error {
  try {
    return run();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** True if two texts are the same but for the order of keys, the digits of numbers that are the same float, and the sign of 0. */
function isSame(a: string, b: string): boolean {
  if (a === b) return true;
  const parsed = (text: string) =>
    JSON.parse(text, (_, value: unknown) => (typeof value === 'number' ? Math.fround(value) + 0 : value)) as unknown;
  return isDeepStrictEqual(parsed(a), parsed(b));
}
