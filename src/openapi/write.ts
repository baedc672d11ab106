/** This module writes the parts of a document as JSON or YAML, one after the other. */
import { stringify } from 'yaml';
import type { Part } from './api.js';

/** Yields the text of a document in pieces. For each part that is undefined, it yields an empty piece. */
export type WriteDocument = (parts: Iterable<Part | undefined>) => Generator<string>;

const INDENT = '  ';

/** Writes JSON with an indentation of two spaces. */
export function* writeJson(parts: Iterable<Part | undefined>): Generator<string> {
  let open: readonly string[] = [];
  let isFirst = true;
  yield '{';
  for (const part of parts) {
    if (part === undefined) {
      yield '';
      continue;
    }
    const { keys, value } = part;
    const around = keys.slice(0, -1);
    const shared = sharedLength(open, around);
    for (let depth = open.length; depth > shared; depth--) {
      yield `\n${INDENT.repeat(depth)}}`;
      isFirst = false;
    }
    for (let depth = shared; depth < around.length; depth++) {
      yield `${isFirst ? '' : ','}\n${INDENT.repeat(depth + 1)}${JSON.stringify(around[depth])}: {`;
      isFirst = true;
    }
    open = around;
    const pad = INDENT.repeat(keys.length);
    const text = JSON.stringify(value, null, 2).replaceAll('\n', `\n${pad}`);
    yield `${isFirst ? '' : ','}\n${pad}${JSON.stringify(keys.at(-1))}: ${text}`;
    isFirst = false;
  }
  for (let depth = open.length; depth > 0; depth--) yield `\n${INDENT.repeat(depth)}}`;
  yield '\n}\n';
}

export function* writeYaml(parts: Iterable<Part | undefined>): Generator<string> {
  let open: readonly string[] = [];
  for (const part of parts) {
    if (part === undefined) {
      yield '';
      continue;
    }
    const { keys, value } = part;
    const around = keys.slice(0, -1);
    const shared = sharedLength(open, around);
    for (let depth = shared; depth < around.length; depth++)
      yield `${INDENT.repeat(depth)}${stringify(around[depth]).trimEnd()}:\n`;
    open = around;
    const pad = INDENT.repeat(keys.length - 1);
    const text = stringify({ [keys.at(-1)!]: value }, { lineWidth: 0, aliasDuplicateObjects: false });
    yield text.replace(/^(?=.)/gm, pad);
  }
}

function sharedLength(a: readonly string[], b: readonly string[]): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}
