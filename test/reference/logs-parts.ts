/** The tables of docs/logs.md. */
import { LOG_ENTRIES, LOG_FIELDS, type LogEntry } from '../../src/telemetry/log-entries.js';
import { table } from './table.js';

export function logEntryTable(): string {
  const rows = Object.entries(LOG_ENTRIES).map(([text, entry]) => {
    const { level, when, audit }: LogEntry = entry;
    return [`\`${text}\``, level, audit === true ? 'yes' : '', when];
  });
  return table(['`msg`', 'level', 'audit', 'when'], rows);
}

export function logFieldTable(): string {
  const rows = Object.entries(LOG_FIELDS).map(([field, meaning]) => [`\`${field}\``, meaning]);
  return table(['field', 'meaning'], rows);
}
