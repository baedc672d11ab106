/** A JSON object that comes from outside. Only its own properties may be read, never inherited ones such as `constructor`. */
export type OutsideRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is OutsideRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns the value of an own property; undefined if the record does not have it itself. */
export function own(record: OutsideRecord, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
