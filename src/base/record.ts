/** A JSON object from outside. Only its own properties may be read, never inherited ones. */
export type OutsideRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is OutsideRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns the property if it is the record's own, otherwise undefined. */
export function own(record: OutsideRecord, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
