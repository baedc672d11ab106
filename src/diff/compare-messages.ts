/**
 * This module compares two messages field by field. Fields belong together if they have the same name in JSON, or else the
 * same proto name, or else the same number. So a field with another number is the same field to REST clients, and a field
 * with another name is a renamed field.
 */
import type { FieldDescriptor, MessageDescriptor, OneofDescriptor } from '../schema/descriptor.js';
import { fieldChanges, typeText } from './compare-fields.js';
import { type Meeting, missedIn, refusedIn } from './direction.js';
import { breaking, type Cause, risky, safe } from './finding.js';
import { type Renames, renamed } from './side.js';

/** Fields that the path of a route sets, so that clients do not send them otherwise. */
export interface PathFields {
  readonly old: ReadonlySet<FieldDescriptor>;
  readonly new: ReadonlySet<FieldDescriptor>;
}

export interface ComparedMessages {
  readonly causes: readonly Cause[];
  /** The fields that belong together, old and new. */
  readonly pairs: readonly (readonly [old: FieldDescriptor, now: FieldDescriptor])[];
}

/** Compares the fields of two messages, but not the fields of their types. */
export function messageChanges(
  old: MessageDescriptor,
  now: MessageDescriptor,
  meeting: Meeting,
  path: PathFields | undefined,
): ComparedMessages {
  const causes: Cause[] = [];
  const pairs: (readonly [FieldDescriptor, FieldDescriptor])[] = [];
  const taken = new Set<FieldDescriptor>();
  const isSent = meeting.direction !== 'answer';
  const before = old.fields.filter((field) => path?.old.has(field) !== true);
  for (const field of before) {
    const found = partnerOf(field, old, now, meeting.renames);
    if (found === undefined || (isSent && path?.new.has(found) === true)) {
      const gone = goneField(field, found, now, meeting);
      if (gone !== undefined) causes.push(gone);
      continue;
    }
    taken.add(found);
    // Services ignore such a field in requests, so a change matters only to clients that read it.
    if (isSent && isOutput(field) && isOutput(found)) continue;
    pairs.push([field, found]);
    causes.push(...fieldChanges(field, found, meeting));
  }
  causes.push(...joinedOneofs(pairs, meeting));
  const added = now.fields.filter(
    (field) =>
      !taken.has(field) && path?.new.has(field) !== true && partnerOf(field, now, old, meeting.renames) === undefined,
  );
  causes.push(...addedFields(added, old, now, meeting));
  return { causes, pairs };
}

function isOutput({ behavior }: FieldDescriptor): boolean {
  return behavior.includes('OUTPUT_ONLY');
}

/**
 * Returns how many fields of the old message the new message has, by their names. Undefined if the messages are versions of one
 * another: they have the same name, or at least half of the fields.
 */
export function otherMessage(old: MessageDescriptor, now: MessageDescriptor, renames: Renames): number | undefined {
  if (old === now || old.fields.length === 0 || renamed(old.fullName, renames) === now.fullName) return undefined;
  const shared = old.fields.filter(({ jsonName }) => now.fieldNamed(jsonName) !== undefined).length;
  return shared * 2 < old.fields.length ? shared : undefined;
}

/** Returns the change that another message, which has few of its fields, is in the place of a message. */
export function replacedMessage(
  old: MessageDescriptor,
  now: MessageDescriptor,
  shared: number,
  { direction }: Meeting,
): Cause {
  const what = `the message is now ${now.fullName}, which has ${shared} of its ${old.fields.length} fields`;
  const text = direction === 'answer' ? 'clients get other fields' : `a ${direction} with the others gets 400`;
  const effects = [breaking(text)];
  return { change: 'message-type', subject: old.fullName, what, effects, old: old.position, new: now.position };
}

/** Returns the field of `other` that takes the place of a field. Undefined if there is none. */
function partnerOf(
  field: FieldDescriptor,
  own: MessageDescriptor,
  other: MessageDescriptor,
  renames: Renames,
): FieldDescriptor | undefined {
  const named = other.fieldNamed(field.jsonName) ?? other.fieldNamed(field.name);
  if (named !== undefined) return named;
  const numbered = other.field(field.number);
  if (numbered === undefined || numbered.extension) return undefined;
  // The field with this number is another field if the own message also has a field of its name.
  const isOther = own.fieldNamed(numbered.jsonName) !== undefined || own.fieldNamed(numbered.name) !== undefined;
  return isOther || !isAlike(field, numbered, renames) ? undefined : numbered;
}

/** True if both fields have the same type. A field with the same number but another name and another type is not a renamed field. */
function isAlike(a: FieldDescriptor, b: FieldDescriptor, renames: Renames): boolean {
  return renamed(typeText(a), renames) === renamed(typeText(b), renames);
}

function goneField(
  field: FieldDescriptor,
  inPath: FieldDescriptor | undefined,
  now: MessageDescriptor,
  meeting: Meeting,
): Cause | undefined {
  const isAnswer = meeting.direction === 'answer';
  if (isAnswer && field.behavior.includes('INPUT_ONLY')) return undefined;
  const effect = isAnswer ? breaking('clients no longer get it') : refusedIn(meeting, 'it');
  const what = inPath === undefined ? 'the field is gone' : 'the path sets the field now';
  return {
    change: 'field-gone',
    subject: field.fullName,
    what,
    effects: [effect],
    old: field.position,
    new: inPath?.position ?? now.position,
  };
}

function addedFields(
  added: readonly FieldDescriptor[],
  old: MessageDescriptor,
  now: MessageDescriptor,
  meeting: Meeting,
): readonly Cause[] {
  const { direction } = meeting;
  const causes: Cause[] = [];
  const harmless: FieldDescriptor[] = [];
  for (const field of added) {
    const place = { subject: field.fullName, old: old.position, new: field.position };
    const isRequired = field.behavior.includes('REQUIRED') || field.presence === 'required';
    if (direction !== 'answer' && isRequired) {
      const effects = [missedIn(meeting)];
      causes.push({ ...place, change: 'field-required', what: 'the field is new and REQUIRED', effects });
    } else if (direction === 'answer' && isMemberOfKnown(field.oneof, old)) {
      const effects = [risky('clients may find none of the members they know')];
      const what = `the field is a new member of the oneof ${field.oneof!.name}`;
      causes.push({ ...place, change: 'field-added', what, effects });
    } else harmless.push(field);
  }
  if (harmless.length > 0) causes.push(newFields(harmless, old, now));
  return causes;
}

function newFields(fields: readonly FieldDescriptor[], old: MessageDescriptor, now: MessageDescriptor): Cause {
  const names = fields.map(({ jsonName }) => jsonName).join(', ');
  const what = fields.length === 1 ? `the field ${names} is new` : `${fields.length} fields are new: ${names}`;
  const place = { subject: now.fullName, old: old.position, new: fields[0]!.position };
  const text = `clients may ignore ${fields.length === 1 ? 'it' : 'them'}`;
  return { ...place, change: 'field-added', what, effects: [safe(text)] };
}

function isMemberOfKnown(oneof: OneofDescriptor | undefined, old: MessageDescriptor): boolean {
  if (oneof === undefined) return false;
  return oneof.fields.some((field) => old.fieldNamed(field.jsonName)?.oneof !== undefined);
}

/** Returns a change for each oneof whose members did not all exclude each other before. */
function joinedOneofs(pairs: ComparedMessages['pairs'], { direction }: Meeting): readonly Cause[] {
  const oneofs = new Map<OneofDescriptor, (readonly [FieldDescriptor, FieldDescriptor])[]>();
  for (const pair of pairs) {
    const { oneof } = pair[1];
    if (oneof !== undefined) oneofs.set(oneof, [...(oneofs.get(oneof) ?? []), pair]);
  }
  return [...oneofs].flatMap(([oneof, members]) => {
    const before = members.map(([field]) => field.oneof).find((one) => one !== undefined);
    const joined = members.filter(([field]) => before === undefined || field.oneof !== before);
    const [first] = joined;
    if (first === undefined || members.length < 2) return [];
    const names = joined.map(([field]) => field.jsonName).join(', ');
    const effect =
      direction === 'answer'
        ? risky('clients get only one of its members')
        : breaking(`a ${direction} with two of its members gets 400`);
    const what = `the oneof ${oneof.name} has ${names} now`;
    const [field, found] = first;
    const place = { subject: field.fullName, old: field.position, new: found.position };
    return [{ ...place, change: 'oneof-joined', what, effects: [effect] }];
  });
}
