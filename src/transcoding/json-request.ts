/**
 * This module reads the JSON of a request. A text of up to 256 KiB is read at once. A larger one is read in parts,
 * and other requests run between them. Other long work on a request is done in the same way.
 */
import type { Steps } from '../base/slices.js';
import { nextTurn } from '../base/turns.js';
import type { UnfinishedRead } from '../codec/json-to-wire.js';

/** The bytes of a message, or a promise of them if its JSON is read in parts. */
export type RequestBytes = Uint8Array | Promise<Uint8Array>;

/** A function that is called between two parts. The next part is read unless it throws. */
export type BetweenParts = () => void;

/** Returns the message of a text whose first part has been read. The promise rejects as the codec or `between` throws. */
export function readRest(begun: Uint8Array | UnfinishedRead, between: BetweenParts | undefined): RequestBytes {
  return begun instanceof Uint8Array ? begun : finish(begun, between);
}

async function finish(rest: UnfinishedRead, between: BetweenParts | undefined): Promise<Uint8Array> {
  for (;;) {
    await nextTurn();
    between?.();
    const message = rest.more();
    if (message !== undefined) return message;
  }
}

/** The time that is worked on a request before other requests run, in milliseconds. */
const PART_MS = 10;

/**
 * Does all steps, in parts of 10 ms. Returns the result, or a promise of it if there is more than one part. The promise rejects
 * as the steps or `between` throw.
 */
export function inParts<T>(steps: Steps<T>, between: BetweenParts | undefined): T | Promise<T> {
  const first = onePart(steps);
  return first.done === true ? first.value : otherParts(steps, between);
}

async function otherParts<T>(steps: Steps<T>, between: BetweenParts | undefined): Promise<T> {
  for (;;) {
    await nextTurn();
    between?.();
    const part = onePart(steps);
    if (part.done === true) return part.value;
  }
}

function onePart<T>(steps: Steps<T>): IteratorResult<undefined, T> {
  let step = steps.next();
  for (const end = performance.now() + PART_MS; step.done !== true && performance.now() < end; ) step = steps.next();
  return step;
}
