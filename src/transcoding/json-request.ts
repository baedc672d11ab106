/**
 * This module reads the JSON of a request. A text of up to 256 KiB is read at once. A larger one is read in parts,
 * and other requests run between them.
 */
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
