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

function ownProblems(message: MessageDescriptor): readonly Diagnostic[] {
  const problems: Diagnostic[] = [];
  const numbers = new Map<number, FieldDescriptor>();
  const jsonNames = new Map<string, FieldDescriptor>();
  for (const field of message.fields) {
    const { number, fullName, jsonName } = field;
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
        errorAt(field.position, 'field-number', `${fullName}: expected a legal field number, got ${number}`),
      );
    }
    const sameNumber = numbers.get(number);
    if (sameNumber !== undefined) {
      problems.push(
        errorAt(field.position, 'field-number', `${fullName}: ${sameNumber.name} has number ${number} too`),
      );
    }
    numbers.set(number, field);
    const sameName = jsonNames.get(jsonName);
    if (sameName !== undefined) {
      problems.push(
        errorAt(field.position, 'json-name', `${fullName}: ${sameName.name} has JSON name '${jsonName}' too`),
      );
    }
    jsonNames.set(jsonName, field);
  }
  return problems;
}

function typeOf(field: FieldDescriptor) {
  try {
    return field.type;
  } catch {
    return undefined;
  }
}
