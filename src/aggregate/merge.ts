/** This module encodes the answer of an aggregate: the merged results of the steps, and the list of missing parts. */
import { WireWriter } from '../codec/wire-writer.js';
import type { StatusError } from '../status/status-error.js';
import type { Draft } from './answer-draft.js';
import type { AggregatePlan } from './plan-aggregate.js';

/** A part of the answer that is missing because an optional step failed. */
export interface PartFailure {
  /** The path of the part: `city`, `lines[3].product`. */
  readonly path: string;
  readonly error: StatusError;
}

/** The writer for all answers. The function below returns a copy of its bytes, and does not `await` while it uses it. */
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

/** Writes a message protogate.v1.PartFailure. */
function writePartFailure(writer: WireWriter, { path, error }: PartFailure, text: string): void {
  writer.tag(1, 2);
  writer.string(path);
  writer.tag(2, 0);
  writer.uint32(error.code);
  writer.tag(3, 2);
  writer.string(text);
}
