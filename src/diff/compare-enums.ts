/** This module compares the values of two enums. Clients see names, and answers write the name that is declared first. */
import type { EnumDescriptor, EnumValueDescriptor } from '../schema/descriptor.js';
import type { Meeting } from './direction.js';
import type { Cause, Effect } from './finding.js';

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

type Found = Pick<Cause, 'change' | 'what' | 'effects'>;

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
    // Of several names for one number, answers have the first.
    if (asInts ? nowName !== undefined : old.nameOf(number) !== name || nowName === name) return undefined;
    if (nowName === undefined) return { change: 'enum-value-gone', what: 'the value is gone', effects: [NEVER_COMES] };
    const effects: readonly Effect[] = [{ severity: 'breaking', text: `clients get ${nowName} instead` }];
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

/** With `unknownFields: ignore` unknown names in bodies are dropped. Those in queries are always refused. */
function refused({ direction, new: now }: Meeting): Effect {
  if (direction === 'body' && now.json.unknownFields === 'ignore') {
    return { severity: 'risky', text: 'a body with it is read without it' };
  }
  return { severity: 'breaking', text: `a ${direction} with it gets 400` };
}

const NEVER_COMES: Effect = { severity: 'risky', text: 'clients never get it' };
const OTHER_NUMBER: Effect = { severity: 'breaking', text: 'clients get the other number' };
const OTHER_MEANING: Effect = { severity: 'risky', text: 'a request with the old number means something else' };

function added({ direction }: Meeting): Found {
  const effects: readonly Effect[] =
    direction === 'answer'
      ? [{ severity: 'risky', text: 'clients may get a value that they do not know' }]
      : [{ severity: 'safe', text: 'requests may have it' }];
  return { change: 'enum-value-added', what: 'the value is new', effects };
}
