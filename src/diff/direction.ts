/** This module describes where clients send or get a message: in a query, a body, or an answer. */
import type { Config } from '../config/config.js';
import type { FieldDescriptor } from '../schema/descriptor.js';
import { breaking, type Effect, risky } from './finding.js';
import type { Renames } from './side.js';

/** The place of a message: a query has its fields as parameters, a body and an answer have its JSON. */
export type Direction = 'query' | 'body' | 'answer';

/** The settings that decide how messages are read and written. */
export type Settings = Pick<Config, 'json' | 'query'>;

export interface Versions {
  readonly old: Settings;
  readonly new: Settings;
  readonly renames: Renames;
}

export interface Where {
  readonly direction: Direction;
  /** True inside of a body that is an update: it has the fields that change, and may leave out all others. */
  readonly isUpdate?: boolean;
}

/** The place in which two versions of a message are compared, with the settings of both versions. */
export interface Meeting extends Versions, Where {}

/** Returns the effect on requests without a field that is REQUIRED now. */
export function missedIn({ isUpdate }: Where): Effect {
  return isUpdate === true ? risky('an update without it may be refused') : breaking('a request without it is refused');
}

/**
 * Returns the proto name of a field if both versions write proto names in answers, and otherwise its JSON name. If
 * `json.protoNames` itself has changed, that is a finding of its own.
 */
export function writtenName({ name, jsonName }: FieldDescriptor, versions: Versions): string {
  return versions.old.json.protoNames && versions.new.json.protoNames ? name : jsonName;
}

/** Returns the effect on requests that have something which no longer exists. `what` names it in the text. */
export function refusedIn({ direction, new: now }: Meeting, what: string): Effect {
  if (direction === 'query') {
    return now.query.unknown === 'reject'
      ? breaking(`a query with ${what} gets 400`)
      : risky(`a query with ${what} is read without it`);
  }
  return now.json.unknownFields === 'reject'
    ? breaking(`a body with ${what} gets 400`)
    : risky(`a body with ${what} is read without it`);
}
