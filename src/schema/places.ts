/** This module finds the positions and the comments of the declarations in a `.proto` file. */
import { readFileSync } from 'node:fs';
import type { Places } from './declaration.js';
import { nameIn } from './declaration.js';
import { parseProto } from './proto-parser.js';
import { commentOf } from './source-comments.js';
import { SourceText } from './source-text.js';
import type { Block, FieldNode } from './syntax-tree.js';
import { Words } from './words.js';

interface Found {
  readonly start: number;
  readonly at: number;
}

/** Returns the places of a file. The file is read again when the first place is needed, and the result is kept. */
export function placesOf(path: string): Places {
  let found: ReadonlyMap<string, Found> | undefined;
  let source = new SourceText(path, '');
  function find(fullName: string): Found | undefined {
    if (found === undefined) {
      source = new SourceText(path, readAgain(path));
      found = declarationsIn(source);
    }
    return found.get(fullName);
  }
  return {
    position: (fullName) => {
      const place = find(fullName);
      return place === undefined ? { file: path } : source.at(place.at);
    },
    comment: (fullName) => {
      const place = find(fullName);
      return place === undefined ? undefined : commentOf(source.text, place.start);
    },
  };
}

/** Returns the text of the file. It is empty if the file no longer exists. */
function readAgain(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Returns the declarations by full name. The map is empty if the file has an error by now. */
function declarationsIn(source: SourceText): ReadonlyMap<string, Found> {
  const found = new Map<string, Found>();
  const note = (scope: string, { name, start, at }: Found & { readonly name: string }): string => {
    const fullName = nameIn(scope, name);
    found.set(fullName, { start, at });
    return fullName;
  };
  const noteBlock = ({ messages, enums, extensions }: Block, fields: readonly FieldNode[], scope: string): void => {
    for (const field of [...fields, ...extensions]) note(scope, field);
    for (const message of messages) noteBlock(message, message.fields, note(scope, message));
    for (const one of enums) {
      const fullName = note(scope, one);
      for (const value of one.values) note(fullName, { ...value, start: value.at });
    }
  };
  try {
    const file = parseProto(source, new Words());
    noteBlock(file, [], file.package);
    for (const service of file.services) {
      const fullName = note(file.package, service);
      for (const rpc of service.rpcs) note(fullName, rpc);
    }
  } catch {}
  return found;
}
