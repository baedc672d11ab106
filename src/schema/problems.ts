/**
 * What is wrong with a message and all that it needs: names that are nowhere, numbers and JSON names that clash. The
 * parser lets these pass.
 */
import { type Diagnostic, errorAt } from '../base/diagnostic.js';
import { type FieldDescriptor, LinkError, type MessageDescriptor } from './descriptor.js';

/** What was found so far, so that messages which many methods share are looked at once. */
export class KnownProblems {
  /** Of a message alone. */
  readonly own = new Map<MessageDescriptor, readonly Diagnostic[]>();
  /** Messages without a problem in anything that they need. */
  readonly clean = new Set<MessageDescriptor>();
}

/** Transitive; in the order in which the fields lead there. */
export function messageProblems(message: MessageDescriptor, known: KnownProblems): readonly Diagnostic[] {
  if (known.clean.has(message)) return NONE;
  const problems: Diagnostic[] = [];
  const seen = new Set([message]);
  for (const one of seen) {
    if (known.clean.has(one)) continue;
    let own = known.own.get(one);
    if (own === undefined) {
      own = ownProblems(one);
      known.own.set(one, own);
    }
    problems.push(...own);
    // A Set iterates over what is added while it does: no recursion, whatever the nesting.
    for (const field of one.fields) {
      const type = typeOf(field);
      if (type?.kind === 'message') seen.add(type.message);
    }
  }
  if (problems.length === 0) for (const one of seen) known.clean.add(one);
  return problems;
}

const NONE: readonly Diagnostic[] = [];

function ownProblems(message: MessageDescriptor): readonly Diagnostic[] {
  const problems: Diagnostic[] = [];
  for (const field of message.fields) {
    const { number } = field;
    try {
      const { type } = field;
      if (type.kind === 'enum' && !type.enum.closed && type.enum.values[0]?.number !== 0) {
        problems.push(
          errorAt(type.enum.position, 'enum-zero', `${type.enum.fullName}: expected its first value to be 0`),
        );
      }
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      problems.push(error.diagnostic);
    }
    if (number < 1 || number > 536_870_911 || (number >= 19_000 && number <= 19_999)) {
      problems.push(
        errorAt(field.position, 'field-number', `${field.fullName}: expected a legal field number, got ${number}`),
      );
    }
  }
  for (const [field, other] of repeatsOf(message.fields, ({ number }) => number)) {
    const text = `${field.fullName}: ${other.name} has number ${field.number} too`;
    problems.push(errorAt(field.position, 'field-number', text));
  }
  for (const [field, other] of repeatsOf(message.fields, ({ jsonName }) => jsonName)) {
    const text = `${field.fullName}: ${other.name} has JSON name '${field.jsonName}' too`;
    problems.push(errorAt(field.position, 'json-name', text));
  }
  return problems;
}

/** One for all messages: nothing waits while it is used. */
const SEEN = new Set<unknown>();

/** Each field whose key an earlier one has, with that one. */
function repeatsOf<K>(fields: readonly FieldDescriptor[], keyOf: (field: FieldDescriptor) => K) {
  const repeats: [field: FieldDescriptor, other: FieldDescriptor][] = [];
  // Nearly all messages pass by the size alone.
  SEEN.clear();
  for (const field of fields) SEEN.add(keyOf(field));
  if (SEEN.size === fields.length) return repeats;
  const first = new Map<K, FieldDescriptor>();
  for (const field of fields) {
    const other = first.get(keyOf(field));
    if (other === undefined) first.set(keyOf(field), field);
    else repeats.push([field, other]);
  }
  return repeats;
}

function typeOf(field: FieldDescriptor) {
  try {
    return field.type;
  } catch {
    return undefined;
  }
}
