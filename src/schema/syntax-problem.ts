/**
 * What protobufjs says of a file that it cannot read → where that is, in our words. It knows a line at best:
 *
 *     illegal token '}', ';' expected (line 3)    x.proto:3:30: expected ';', got '}'
 *     illegal token 'null', ';' expected (line 9) x.proto:9:2: expected ';', got the end of the file
 *     duplicate id 1 in Type A                    x.proto:5:10: duplicate id 1 in message A
 *
 * Only broken files come here, so places are found by scanning and parsing once more.
 */
import { type Diagnostic, errorAt } from '../base/diagnostic.js';
import { type SourcePositions, scanPositions } from './source-positions.js';

/** Throws what the parser throws. */
type Parse = (text: string) => unknown;

/** `error`: what `parse` threw for the text. */
export function syntaxProblem(error: unknown, text: string, file: string, parse: Parse): Diagnostic {
  const message = firstLine(error);
  const positions = scanPositions(text, file);
  const { offset, description } = illegal(message, text, parse) ?? clash(message, text, positions) ?? {};
  const position = offset === undefined ? { file } : positions.at(offset);
  return errorAt(position, 'proto-syntax', description ?? message);
}

interface Found {
  readonly offset: number | undefined;
  readonly description: string;
}

/** `illegal SUBJECT (line N)`; undefined: it is something else. */
function illegal(message: string, text: string, parse: Parse): Found | undefined {
  const { subject, line } = illegalSubject(message) ?? {};
  if (subject === undefined || line === undefined) return undefined;
  if (subject === 'comment') return { offset: openComment(text), description: "expected a comment's end, found none" };
  if (subject === 'string')
    return { offset: openQuote(text, line), description: 'expected a closing quote, found none' };
  const missing = /^(token) '(.*)', '(.*)' expected$/.exec(subject);
  const [, kind = '', token = ''] = missing ?? /^(.+?) '(.*)'$/.exec(subject) ?? [];
  const offset = tokenOffset(token, subject, line, text, parse);
  // A word of the file may be called so, too.
  const isEnd = token === 'null' && offset === undefined;
  const got = isEnd ? 'the end of the file' : `'${token}'`;
  const expected = missing !== null ? `'${missing[3]}'` : isEnd ? 'more' : EXPECTED.get(kind);
  return {
    offset: isEnd ? text.trimEnd().length : (offset ?? lineStart(text, line)),
    description: expected === undefined ? `illegal ${subject}` : `expected ${expected}, got ${got}`,
  };
}

/** Where the library says what it looked for. */
const EXPECTED = new Map([
  ['id', 'a legal number'],
  ['integer', 'a whole number'],
  ['number', 'a number'],
  ['value', 'a value'],
  ['name', 'a name'],
  ['type', 'a legal type'],
  ['type name', 'a name'],
  ['service name', 'a name'],
  ['reference', 'a type'],
  ['edition', 'a known edition'],
]);

function illegalSubject(message: string): { readonly subject: string; readonly line: number } | undefined {
  const [, subject, line] = /^illegal (.+) \((?:.*, )?line (\d+)\)$/.exec(message) ?? [];
  return subject === undefined ? undefined : { subject, line: Number(line) };
}

/** How far a token may be behind the line that is told: the parser has looked at the one after it. */
const LINES_BEHIND = 10;
/** Each is a parse: a line of a generated file may have thousands. */
const MAX_TRIES = 30;

/** Which of the line's equal tokens it is: the first one up to which the text is refused in the same way. */
function tokenOffset(token: string, subject: string, line: number, text: string, parse: Parse): number | undefined {
  const end = lineStart(text, line + 1);
  for (const from of [line, line - LINES_BEHIND]) {
    const found = tokensBetween(token, text, lineStart(text, from), end);
    const tried = found.slice(0, MAX_TRIES);
    const offset = tried.find((at) => isRefused(text.slice(0, at + token.length), subject, parse));
    if (offset !== undefined || found.length > 0) return offset ?? found[0];
  }
  return undefined;
}

/** What ends a token (protobufjs' tokenizer). */
const DELIMITER = /[\s{}=;:[\],'"()<>]/;

function tokensBetween(token: string, text: string, from: number, to: number): readonly number[] {
  const found: number[] = [];
  const isWord = !DELIMITER.test(token);
  const isFree = (at: number) => at < 0 || at >= text.length || DELIMITER.test(text[at]!);
  for (let at = text.indexOf(token, from); at >= 0 && at < to; at = text.indexOf(token, at + 1)) {
    if (!isWord || (isFree(at - 1) && isFree(at + token.length))) found.push(at);
  }
  return found;
}

function isRefused(text: string, subject: string, parse: Parse): boolean {
  try {
    parse(text);
    return false;
  } catch (error) {
    return illegalSubject(firstLine(error))?.subject === subject;
  }
}

function openComment(text: string): number {
  const block = text.lastIndexOf('/*');
  return block > text.lastIndexOf('*/') ? block : text.lastIndexOf('/');
}

/** Of a string that its line does not close. */
function openQuote(text: string, line: number): number {
  const start = lineStart(text, line);
  const closed = /^(?:[^"'\n]+|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')*/.exec(text.slice(start));
  return start + (closed?.[0].length ?? 0);
}

/** Lines count from 1; behind the last one: the end. */
function lineStart(text: string, line: number): number {
  let start = 0;
  for (let i = 1; i < line; i++) {
    const end = text.indexOf('\n', start);
    if (end < 0) return text.length;
    start = end + 1;
  }
  return start;
}

const KINDS = new Map([
  ['Type', 'message '],
  ['Enum', 'enum '],
  ['Service', 'service '],
  ['Namespace', 'package '],
]);

/** `duplicate id 1 in Type A`, `name 'x' is reserved in Enum E`: of whole declarations, without a line. */
function clash(message: string, text: string, positions: SourcePositions): Found | undefined {
  const match = /^((duplicate )?(id|name) '?(.+?)'?(?: is reserved)?) in (\w+)(?: \.?(\S+))?$/.exec(message);
  if (match === null) return undefined;
  const [, what, duplicate, key, value = '', kind = '', owner = ''] = match;
  const name = owner === '' ? value : `${owner}.${value}`;
  const offset =
    key === 'id'
      ? numbered(owner, Number(value), duplicate === undefined ? 0 : 1, text, positions)
      : ((duplicate === undefined ? undefined : positions.repeatOf(name)) ?? positions.offsetsOf(name)[0]);
  const description = `${what} in ${owner === '' ? 'the file' : (KINDS.get(kind) ?? '') + owner}`;
  return { offset: offset ?? positions.offsetsOf(owner)[0], description };
}

/** The first (0) or second (1) field or enum value of a number, in a declaration that is called so. */
function numbered(owner: string, number: number, nth: number, text: string, positions: SourcePositions) {
  const found = new Map<string, Set<number>>();
  for (const [fullName, offset] of positions.membersOf(owner)) {
    const [, written] = /^\w+\s*=\s*(-?\w+)/.exec(text.slice(offset, offset + 1000)) ?? [];
    if (Number(written) !== number) continue;
    const parent = fullName.slice(0, fullName.lastIndexOf('.'));
    const offsets = found.get(parent) ?? new Set();
    found.set(parent, offsets.add(offset));
  }
  return [...found.values()].map((offsets) => [...offsets][nth]).find((offset) => offset !== undefined);
}

function firstLine(error: unknown): string {
  return error instanceof Error ? error.message.split('\n', 1)[0]! : String(error);
}
