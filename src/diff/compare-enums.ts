/** This module compares the values of two enums. Clients see names, and answers write the name that is declared first. */
import type { EnumDescriptor, EnumValueDescriptor } from '../schema/descriptor.js';
import type { Meeting } from './direction.js';
import { breaking, type Cause, type Effect, type Found, risky, safe } from './finding.js';

export function enumChanges(old: EnumDescriptor, now: EnumDescriptor, meeting: Meeting): readonly Cause[] {
  if (old === now) return [];
  const causes: Cause[] = [];
  const values = new Map(now.values.map((value) => [value.name, value]));
  for (const value of old.values) {
    const found = causeOf(old, now, value, meeting);
    if (found === undefined) continue;
    const place = values.get(value.name) ?? values.get(now.nameOf(value.number) ?? '') ?? now;
    const subject = `${old.fullName}.${value.name}`;
    causes.push({ ...found, subject, old: value.position, new: place.position });
  }
  for (const value of now.values) {
    if (old.numberOf(value.name) !== undefined || old.nameOf(value.number) !== undefined) continue;
    const subject = `${now.fullName}.${value.name}`;
    causes.push({ ...added(meeting), subject, old: old.position, new: value.position });
  }
  return causes;
}

function causeOf(
  old: EnumDescriptor,
  now: EnumDescriptor,
  { name, number }: EnumValueDescriptor,
  meeting: Meeting,
): Found | undefined {
  const nowNumber = now.numberOf(name);
  const nowName = now.nameOf(number);
  const { direction, old: before, new: after } = meeting;
  const asInts = before.json.enumsAsInts && after.json.enumsAsInts;
  if (nowNumber !== undefined && nowNumber !== number) {
    const what = `the number is now ${nowNumber} instead of ${number}`;
    const effects = direction !== 'answer' ? [OTHER_MEANING] : asInts ? [OTHER_NUMBER] : [];
    return effects.length === 0 ? undefined : { change: 'enum-value-number', what, effects };
  }
  if (direction === 'answer') {
    // If a number has several names, answers have the first one.
    if (asInts ? nowName !== undefined : old.nameOf(number) !== name || nowName === name) return undefined;
    if (nowName === undefined) return { change: 'enum-value-gone', what: 'the value is gone', effects: [NEVER_COMES] };
    const effects = [breaking(`clients get ${nowName} instead`)];
    return { change: 'enum-value-renamed', what: renamedTo(nowName), effects };
  }
  if (nowNumber !== undefined) return undefined;
  const effects = [refused(meeting)];
  if (nowName === undefined) return { change: 'enum-value-gone', what: 'the value is gone', effects };
  return { change: 'enum-value-renamed', what: renamedTo(nowName), effects };
}

function renamedTo(name: string): string {
  return `the name is now ${name}`;
}

/**
 * Returns the effect on requests with a value that no longer exists. With `unknownFields: ignore` unknown names in bodies are
 * dropped. Those in queries are always refused.
 */
function refused({ direction, new: now }: Meeting): Effect {
  if (direction === 'body' && now.json.unknownFields === 'ignore') {
    return risky('a body with it is read without it');
  }
  return breaking(`a ${direction} with it gets 400`);
}

const NEVER_COMES = risky('clients never get it');
const OTHER_NUMBER = breaking('clients get the other number');
const OTHER_MEANING = risky('a request with the old number means something else');

function added({ direction }: Meeting): Found {
  const effect =
    direction === 'answer' ? risky('clients may get a value that they do not know') : safe('requests may have it');
  return { change: 'enum-value-added', what: 'the value is new', effects: [effect] };
}
