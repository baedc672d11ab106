/**
 * This module reads the JSON of a request. A small text is read at once. Beyond 256 KiB it is read in parts, and the event loop
 * has a turn between them, so that a large body does not stop others.
 */
import { nextTurn } from '../base/turns.js';
import type { UnfinishedRead } from '../codec/json-to-wire.js';

/** The bytes of a message, or a promise of them if its JSON is read in parts. */
export type RequestBytes = Uint8Array | Promise<Uint8Array>;

/** Runs between two parts. The next part is read unless it throws. */
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
