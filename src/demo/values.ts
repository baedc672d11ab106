/** Functions that make and read common messages of Google as plain objects: Money, Timestamp, Date, Duration, Struct. */

export interface Money {
  readonly currencyCode: string;
  readonly units: string;
  readonly nanos: number;
}

export interface Timestamp {
  readonly seconds: string;
  readonly nanos: number;
}

export interface CalendarDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

export interface Duration {
  readonly seconds: string;
  readonly nanos: number;
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Returns an amount of euros as Money: 1995 cents become 19 euros and 95 cents. */
export function euros(cents: number): Money {
  return { currencyCode: 'EUR', units: String(Math.trunc(cents / 100)), nanos: (cents % 100) * 10_000_000 };
}

export function centsOf(money: Money): number {
  return Number(money.units) * 100 + Math.round(money.nanos / 10_000_000);
}

export function timestamp(millis: number): Timestamp {
  const seconds = Math.floor(millis / 1000);
  return { seconds: String(seconds), nanos: (millis - seconds * 1000) * 1_000_000 };
}

export function millisOf(time: Timestamp | Duration): number {
  return Number(time.seconds) * 1000 + time.nanos / 1_000_000;
}

export function days(count: number): Duration {
  return { seconds: String(count * 86_400), nanos: 0 };
}

/** Returns the first millisecond of a day in UTC, in milliseconds since the epoch. */
export function startOfDay(date: CalendarDate): number {
  return Date.UTC(date.year, date.month - 1, date.day);
}

/** Returns a JSON object as a google.protobuf.Struct. */
export function struct(fields: { readonly [key: string]: Json }): object {
  return { fields: Object.fromEntries(Object.entries(fields).map(([key, json]) => [key, value(json)])) };
}

/** Returns a JSON value as a google.protobuf.Value. */
export function value(json: Json): object {
  if (json === null) return { nullValue: 'NULL_VALUE' };
  if (typeof json === 'boolean') return { boolValue: json };
  if (typeof json === 'number') return { numberValue: json };
  if (typeof json === 'string') return { stringValue: json };
  if (Array.isArray(json)) return { listValue: { values: json.map(value) } };
  return { structValue: struct(json as { readonly [key: string]: Json }) };
}
