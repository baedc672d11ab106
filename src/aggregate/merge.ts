/** The answer of an aggregate: what the steps brought, and what is missing of it. */
import { WireWriter } from '../codec/wire-writer.js';
import type { StatusError } from '../status/status-error.js';
import type { Draft } from './answer-draft.js';
import type { AggregatePlan } from './plan-aggregate.js';

/** What an optional step could not bring. */
export interface PartFailure {
  /** `city`, `lines[3].product`. */
  readonly path: string;
  readonly error: StatusError;
}

/** Nothing in between yields. */
const OUT = new WireWriter();

export function mergedAnswer(
  { failures: field }: AggregatePlan,
  response: Draft,
  failures: readonly PartFailure[],
  textOf: (error: StatusError) => string,
): Uint8Array {
  OUT.reset();
  response.write(OUT);
  if (field !== undefined) {
    for (const failure of failures) {
      OUT.tag(field.number, 2);
      const start = OUT.fork();
      writePartFailure(OUT, failure, textOf(failure.error));
      OUT.join(start);
    }
  }
  return OUT.slice();
}

/** protogate.v1.PartFailure. */
function writePartFailure(writer: WireWriter, { path, error }: PartFailure, text: string): void {
  writer.tag(1, 2);
  writer.string(path);
  writer.tag(2, 0);
  writer.uint32(error.code);
  writer.tag(3, 2);
  writer.string(text);
}
