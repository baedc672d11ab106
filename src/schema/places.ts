/** This module finds the positions, comments and document options of the declarations in a `.proto` file. */
import { readFileSync } from 'node:fs';
import { LRUCache } from 'lru-cache';
import type { Places } from './declaration.js';
import { nameIn } from './declaration.js';
import { documentOptionsOf, NO_OPTIONS } from './document-options.js';
import { parseProto } from './proto-parser.js';
import { commentOf } from './source-comments.js';
import { SourceText } from './source-text.js';
import type { Block, FieldNode, OptionNode } from './syntax-tree.js';
import { Words } from './words.js';

interface Found {
  readonly start: number;
  readonly at: number;
  readonly options: readonly OptionNode[];
}

interface ReadFile {
  readonly source: SourceText;
  readonly package: string;
  readonly declarations: ReadonlyMap<string, Found>;
}

/** The most characters of the files that are kept. */
const MOST_CHARACTERS = 8_000_000;

/**
 * The files that were read last. Their size has a bound, because the document of a large schema reads the comments of all
 * files, and their texts must not stay in memory.
 */
const LATEST = new LRUCache<symbol, ReadFile>({
  maxSize: MOST_CHARACTERS,
  sizeCalculation: ({ source }) => source.text.length + 1,
});

/** Returns the places of a file. The file is read again when a place is needed, unless it was read lately. */
export function placesOf(path: string): Places {
  const id = Symbol(path);
  function read(): ReadFile {
    const known = LATEST.get(id);
    if (known !== undefined) return known;
    const file = readAgain(path);
    LATEST.set(id, file);
    return file;
  }
  return {
    position: (fullName) => {
      const { source, declarations } = read();
      const place = declarations.get(fullName);
      return place === undefined ? { file: path } : source.at(place.at);
    },
    comment: (fullName) => {
      const { source, declarations } = read();
      const place = declarations.get(fullName);
      return place === undefined ? undefined : commentOf(source.text, place.start);
    },
    documentOptions: (fullName) => {
      const { package: packageName, declarations } = read();
      const place = declarations.get(fullName);
      return place === undefined ? NO_OPTIONS : documentOptionsOf(place.options, packageName);
    },
  };
}

/** Returns the declarations of a file. There are none if it no longer exists, or if it has an error by now. */
function readAgain(path: string): ReadFile {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch {}
  const source = new SourceText(path, text);
  const declarations = new Map<string, Found>();
  const note = (scope: string, { name, start, at, options }: Found & { readonly name: string }): string => {
    const fullName = nameIn(scope, name);
    declarations.set(fullName, { start, at, options });
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
    return { source, package: file.package, declarations };
  } catch {
    return { source, package: '', declarations: new Map() };
  }
}
