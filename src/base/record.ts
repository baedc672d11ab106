/** A JSON object from outside: its own properties count, and nothing that it inherits. */
export type OutsideRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is OutsideRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The property, if it is the record's own. */
export function own(record: OutsideRecord, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
