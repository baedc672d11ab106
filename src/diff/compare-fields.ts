/** This module compares a field with the field that takes its place in the new version. */
import type { FieldDescriptor, FieldType } from '../schema/descriptor.js';
import type { Severity } from './changes.js';
import { type Meeting, missedIn, refusedIn, writtenName } from './direction.js';
import { breaking, type Cause, type Effect, type Found, risky } from './finding.js';
import { type JsonKind, kindOf, readingChanged, sendingChanged, shownInAnswer } from './json-kind.js';

/** Returns the changes between two fields, without those inside of their messages and enums. */
export function fieldChanges(old: FieldDescriptor, now: FieldDescriptor, meeting: Meeting): readonly Cause[] {
  const found = [
    nameChange(old, now, meeting),
    typeChange(old, now, meeting),
    presenceChange(old, now, meeting),
    ...behaviorChanges(old, now, meeting),
  ];
  const causes = found.filter((one) => one !== undefined && one.effects.length > 0) as readonly Found[];
  // The places are looked up only for changes that are reported, because that reads the file again.
  return causes.map((one) => ({ ...one, subject: old.fullName, old: old.position, new: now.position }));
}

function nameChange(old: FieldDescriptor, now: FieldDescriptor, meeting: Meeting): Found | undefined {
  if (old.name === now.name && old.jsonName === now.jsonName) return undefined;
  const written = writtenName(now, meeting);
  const what = old.jsonName === now.jsonName ? `the proto name is now ${now.name}` : `the name is now ${written}`;
  if (meeting.direction === 'answer') {
    if (writtenName(old, meeting) === written) return undefined;
    return { change: 'field-renamed', what, effects: [breaking(`clients get it as '${written}'`)] };
  }
  const accepted = new Set([now.name, now.jsonName]);
  const lost = [...new Set([old.jsonName, old.name])].filter((name) => !accepted.has(name));
  const [first] = lost;
  if (first === undefined) return undefined;
  const effect = refusedIn(meeting, `'${first}'`);
  const isMain = first === old.jsonName;
  return { change: 'field-renamed', what, effects: [isMain ? effect : { ...effect, severity: 'risky' }] };
}

/** Returns the change if a field has another type or cardinality. Undefined if clients do not notice it. */
function typeChange(old: FieldDescriptor, now: FieldDescriptor, meeting: Meeting): Found | undefined {
  const severity = changeOfValue(old, now, meeting);
  if (severity === undefined) return undefined;
  const what = `the type is now ${typeText(now)} instead of ${typeText(old)}`;
  return { change: 'field-type', what, effects: [{ severity, text: valueText(old, now, meeting, severity) }] };
}

function changeOfValue(old: FieldDescriptor, now: FieldDescriptor, meeting: Meeting): Severity | undefined {
  const { direction } = meeting;
  const [before, after] = [shapeOf(old), shapeOf(now)];
  if (before !== after) {
    // A query with the parameter once is a list of one element.
    const isOneOfMany = before === 'singular' && after === 'list' && direction === 'query';
    if (!isOneOfMany) return before === 'any' ? anyChanged(direction) : 'breaking';
  }
  const inside = valueChange(old.type, now.type, meeting);
  if (old.mapKey === undefined || now.mapKey === undefined) return inside;
  const keys = direction === 'answer' ? undefined : sendingChanged(keyKind(old), keyKind(now), true);
  return inside === 'breaking' || keys === undefined ? inside : keys;
}

/**
 * Returns how severe it is that a `Value` has become something else. It may be any JSON, so clients that read it must accept
 * every JSON value already.
 */
function anyChanged(direction: Meeting['direction']): Severity {
  return direction === 'answer' ? 'safe' : 'breaking';
}

function keyKind({ mapKey }: FieldDescriptor): JsonKind {
  return kindOf({ kind: 'scalar', scalar: mapKey! });
}

function shapeOf({ cardinality, type }: FieldDescriptor): 'singular' | 'list' | 'map' | 'any' {
  if (cardinality === 'map') return 'map';
  if (cardinality === 'repeated') return 'list';
  const kind = kindOf(type);
  return kind === 'list' ? 'list' : kind === 'value' ? 'any' : 'singular';
}

/** Returns how severe it is for clients that a single value has another type. Undefined if they do not notice it. */
export function valueChange(old: FieldType, now: FieldType, meeting: Meeting): Severity | undefined {
  const [before, after] = [kindOf(old), kindOf(now)];
  if (meeting.direction === 'answer') return readingChanged(before, after, asInts(meeting));
  return sendingChanged(before, after, meeting.direction === 'query');
}

function asInts({ old, new: now }: Meeting): boolean {
  return old.json.enumsAsInts && now.json.enumsAsInts;
}

function valueText(old: FieldDescriptor, now: FieldDescriptor, meeting: Meeting, severity: Severity): string {
  const { direction } = meeting;
  if (direction !== 'answer') {
    const how = severity === 'breaking' ? 'gets 400' : 'may get 400';
    return severity === 'safe' ? `a ${direction} may have the old values` : `a ${direction} with the old type ${how}`;
  }
  const [before, after] = [answerText(old, meeting), answerText(now, meeting)];
  return before === after ? `clients get ${after} with other values` : `clients get ${after} instead of ${before}`;
}

function answerText(field: FieldDescriptor, meeting: Meeting): string {
  if (field.cardinality === 'repeated') return 'a list';
  return field.cardinality === 'map' ? 'an object with keys' : shownInAnswer(kindOf(field.type), asInts(meeting));
}

/** Returns a type as protos write it. */
export function typeText({ cardinality, type, mapKey }: FieldDescriptor): string {
  const name = type.kind === 'scalar' ? type.scalar : type.kind === 'enum' ? type.enum.fullName : type.message.fullName;
  if (cardinality === 'map') return `map<${mapKey}, ${name}>`;
  return cardinality === 'repeated' ? `repeated ${name}` : name;
}

/**
 * Returns the change if a field has become `optional`, or is no longer. Members of a oneof are compared elsewhere: joining a
 * oneof changes the presence too.
 */
function presenceChange(old: FieldDescriptor, now: FieldDescriptor, meeting: Meeting): Found | undefined {
  if (old.cardinality !== 'singular' || now.cardinality !== 'singular') return undefined;
  // Another type is worse than another presence, and explains it.
  if (kindOf(old.type) !== kindOf(now.type)) return undefined;
  if ((old.oneof === undefined) !== (now.oneof === undefined)) return undefined;
  const [before, after] = [old.presence !== 'implicit', now.presence !== 'implicit'];
  if (before === after) return undefined;
  const effects = after ? presenceGained(meeting) : presenceLost(meeting);
  const what = after ? 'the field is optional now' : 'the field is no longer optional';
  return { change: 'field-presence', what, effects };
}

function presenceGained({ direction, new: now }: Meeting): readonly Effect[] {
  if (direction !== 'answer' || !now.json.emitDefaults) return [];
  return [risky('answers that always had it leave it out when it is not set')];
}

function presenceLost({ direction, new: now }: Meeting): readonly Effect[] {
  if (direction !== 'answer') return [risky('a request that sends the default value looks like one without the field')];
  return now.json.emitDefaults
    ? [risky('answers have it always, also when nothing was set')]
    : [risky('answers leave out a value that is the default')];
}

function behaviorChanges(old: FieldDescriptor, now: FieldDescriptor, meeting: Meeting): readonly Found[] {
  const gained = (name: string) => now.behavior.includes(name) && !old.behavior.includes(name);
  const found: Found[] = [];
  if (meeting.direction === 'answer') {
    if (gained('INPUT_ONLY')) {
      const effects = [breaking('clients no longer get it')];
      found.push({ change: 'field-behavior', what: 'the field is INPUT_ONLY now', effects });
    }
    return found;
  }
  const isRequired = gained('REQUIRED') || (now.presence === 'required' && old.presence !== 'required');
  if (isRequired) {
    found.push({ change: 'field-required', what: 'the field is REQUIRED now', effects: [missedIn(meeting)] });
  }
  for (const name of ['OUTPUT_ONLY', 'IMMUTABLE'].filter(gained)) {
    const effects = [risky('services may ignore or refuse it in requests')];
    found.push({ change: 'field-behavior', what: `the field is ${name} now`, effects });
  }
  return found;
}
