/**
 * This module skips a JSON value that is not needed. It still checks the syntax, Unicode, the depth and duplicate keys.
 * During the search for an Any's `@type` it also records the `@type` of inner objects, so that nested Anys are not
 * searched again.
 */

import type { JsonScanner } from '../../../../src/codec/json-scanner.js';
import type { TypeOffsets } from '../../../../src/codec/read-frame.js';
import { Char } from '../../../../src/codec/read-problem.js';

/** Skips a value. `depth` is the number of objects and lists around it. */
export function skipValue(scanner: JsonScanner, depth: number, types?: TypeOffsets): void {
  switch (scanner.peek()) {
    case Char.QUOTE:
      scanner.skipString();
      return;
    case Char.OPEN_OBJECT:
      skipObject(scanner, depth, types);
      return;
    case Char.OPEN_LIST:
      scanner.open(Char.OPEN_LIST, depth);
      if (scanner.isEmpty(Char.CLOSE_LIST)) return;
      do skipValue(scanner, depth + 1, types);
      while (scanner.hasMore(Char.CLOSE_LIST));
      return;
    case Char.T:
      scanner.literal('true');
      return;
    case Char.F:
      scanner.literal('false');
      return;
    case Char.N:
      scanner.literal('null');
      return;
    default:
      scanner.passNumber();
  }
}

function skipObject(scanner: JsonScanner, depth: number, types: TypeOffsets | undefined): void {
  scanner.open(Char.OPEN_OBJECT, depth);
  const start = scanner.pos - 1;
  if (scanner.isEmpty(Char.CLOSE_OBJECT)) return;
  const keys = scanner.keys.push();
  do {
    scanner.addKey(keys);
    const isType = types !== undefined && scanner.isKey('@type');
    scanner.colon();
    if (isType) {
      scanner.peek();
      types.set(start, scanner.pos);
    }
    skipValue(scanner, depth + 1, types);
  } while (scanner.hasMore(Char.CLOSE_OBJECT));
  scanner.keys.pop();
}
