/**
 * This module finds the problems of a message and of all messages that it needs: unknown names, and repeated numbers
 * and JSON names. The parser does not check these. This module reads only declarations, so that it links nothing that
 * no request needs.
 */
import { type Diagnostic, errorAt, type Position } from '../base/diagnostic.js';
import { bundledFileOf } from './bundled.js';
import type { EnumDeclaration, FieldDeclaration, MessageDeclaration, TypeReference } from './declaration.js';
import { jsonNameOf } from './declaration.js';
import { missingImport } from './missing-imports.js';

/** Returns the declaration that a reference in `user` means. Undefined when nothing has that name. */
export type FindType = (
  reference: TypeReference,
  user: MessageDeclaration,
) => MessageDeclaration | EnumDeclaration | undefined;

/** The problems of one message, without those of the messages that it needs. */
interface Findings {
  readonly problems: readonly Diagnostic[];
  /** The types of its fields that are messages. */
  readonly needs: readonly MessageDeclaration[];
}

/**
 * Finds the problems of messages, and remembers those of each message, so that a message that many methods share is checked
 * once.
 */
export class MessageProblems {
  private readonly found = new Map<MessageDeclaration, Findings>();
  /** The messages without a problem in anything that they need. */
  private readonly clean = new Set<MessageDeclaration>();

  constructor(private readonly find: FindType) {}

  /** Returns all problems of a message and of the messages that it needs, in the order of the fields. */
  of(message: MessageDeclaration): readonly Diagnostic[] {
    if (this.clean.has(message)) return NONE;
    const problems: Diagnostic[] = [];
    const seen = new Set([message]);
    // The loop also visits elements that are added to the Set while it runs, so deep nesting needs no recursion.
    for (const one of seen) {
      if (this.clean.has(one)) continue;
      let found = this.found.get(one);
      if (found === undefined) {
        found = findingsOf(one, this.find);
        this.found.set(one, found);
      }
      problems.push(...found.problems);
      for (const needed of found.needs) seen.add(needed);
    }
    if (problems.length === 0) for (const one of seen) this.clean.add(one);
    return problems;
  }
}

const NONE: readonly Diagnostic[] = [];

/** Returns the problem of a field whose type no file declares. */
export function unknownType(position: Position, fullName: string, type: TypeReference): Diagnostic {
  const bundled = bundledFileOf(type.name);
  if (bundled !== undefined) return missingImport(position, bundled);
  return errorAt(
    position,
    'unknown-type',
    `${fullName}: expected a declared type, but no loaded file declares ${type.name}`,
  );
}

function findingsOf(message: MessageDeclaration, find: FindType): Findings {
  const problems: Diagnostic[] = [];
  const needs: MessageDeclaration[] = [];
  const nameOf = (field: FieldDeclaration) => `${message.fullName}.${field.name}`;
  const positionOf = (field: FieldDeclaration) => message.places.position(nameOf(field));
  for (const field of message.fields) {
    const { number, type } = field;
    if (typeof type !== 'string') {
      const found = find(type, message);
      if (found === undefined) problems.push(unknownType(positionOf(field), nameOf(field), type));
      else if ('fields' in found) needs.push(found);
      else if (!found.closed && found.values[0]?.number !== 0) {
        const position = found.places.position(found.fullName);
        problems.push(
          errorAt(
            position,
            'enum-zero',
            `${found.fullName}: expected the number 0 for the first value of an open enum, got ${found.values[0]?.number ?? 'no value'}`,
          ),
        );
      }
    }
    if (number < 1 || number > 536_870_911 || (number >= 19_000 && number <= 19_999)) {
      const text = `${nameOf(field)}: expected a field number from 1 to 536870911 outside of 19000 to 19999, got ${number}`;
      problems.push(errorAt(positionOf(field), 'field-number', text));
    }
  }
  for (const [field, other] of repeatsOf(message.fields, ({ number }) => number)) {
    const text = `${nameOf(field)}: expected an unused field number, but ${other.name} has the number ${field.number} too`;
    problems.push(errorAt(positionOf(field), 'field-number', text));
  }
  for (const [field, other] of repeatsOf(message.fields, jsonName)) {
    const text = `${nameOf(field)}: expected an unused JSON name, but ${other.name} has the JSON name '${jsonName(field)}' too`;
    problems.push(errorAt(positionOf(field), 'json-name', text));
  }
  return { problems, needs };
}

function jsonName(field: FieldDeclaration): string {
  return field.jsonName ?? jsonNameOf(field.name);
}

/** A set that all calls share. It is never used across an `await`. */
const SEEN = new Set<unknown>();

/** Returns each field whose key an earlier field already has, with that field. */
function repeatsOf<K>(fields: readonly FieldDeclaration[], keyOf: (field: FieldDeclaration) => K) {
  const repeats: [field: FieldDeclaration, other: FieldDeclaration][] = [];
  // The size of the set is enough to accept nearly all messages.
  SEEN.clear();
  for (const field of fields) SEEN.add(keyOf(field));
  if (SEEN.size === fields.length) return repeats;
  const first = new Map<K, FieldDeclaration>();
  for (const field of fields) {
    const other = first.get(keyOf(field));
    if (other === undefined) first.set(keyOf(field), field);
    else repeats.push([field, other]);
  }
  return repeats;
}
