/**
 * This module skips a JSON value that is not needed. It still checks the syntax, Unicode, the depth and duplicate keys.
 * During the search for an Any's `@type` it also records the `@type` of inner objects, so that nested Anys are not
 * searched again.
 */
import { type ReadFrame, Step, type TypeOffsets } from './read-frame.js';
import { hasNext } from './read-lists.js';
import type { ReadMachine } from './read-machine.js';
import { Char } from './read-problem.js';

/**
 * Skips a value. An object or a list is only begun: the machine skips its contents later. `depth` is the number of
 * objects and lists around it.
 */
export function skipValue(machine: ReadMachine, depth: number, types?: TypeOffsets): void {
  const { scanner } = machine;
  switch (scanner.peek()) {
    case Char.QUOTE:
      scanner.skipString();
      return;
    case Char.OPEN_OBJECT: {
      scanner.open(Char.OPEN_OBJECT, depth);
      const start = scanner.pos - 1;
      if (scanner.isEmpty(Char.CLOSE_OBJECT)) return;
      const frame = machine.push(Step.SKIP_OBJECT, depth);
      frame.start = start;
      frame.types = types;
      frame.keys = scanner.keys.push();
      return;
    }
    case Char.OPEN_LIST:
      scanner.open(Char.OPEN_LIST, depth);
      if (!scanner.isEmpty(Char.CLOSE_LIST)) machine.push(Step.SKIP_LIST, depth).types = types;
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

export function skipMembers(machine: ReadMachine, frame: ReadFrame): void {
  const { scanner } = machine;
  const { types } = frame;
  while (hasNext(machine, frame, Char.CLOSE_OBJECT)) {
    scanner.addKey(frame.keys!);
    const isType = types !== undefined && scanner.isKey('@type');
    scanner.colon();
    if (isType) {
      scanner.peek();
      types.set(frame.start, scanner.pos);
    }
    skipValue(machine, frame.depth + 1, types);
    if (machine.frame !== frame || scanner.pos >= machine.stop) return;
  }
  scanner.keys.pop();
  machine.pop();
}

export function skipElements(machine: ReadMachine, frame: ReadFrame): void {
  const { scanner } = machine;
  while (hasNext(machine, frame, Char.CLOSE_LIST)) {
    skipValue(machine, frame.depth + 1, frame.types);
    if (machine.frame !== frame || scanner.pos >= machine.stop) return;
  }
  machine.pop();
}
