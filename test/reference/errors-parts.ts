/** The tables of docs/errors.md. */
import { Code } from '../../src/status/code.js';
import { codeToHttpStatus } from '../../src/status/http.js';
import { REASONS, type ReasonEntry } from '../../src/status/reasons.js';
import { table } from './table.js';

export function codeTable(): string {
  const codes = Object.values(Code).filter((code) => typeof code === 'number');
  return table(
    ['gRPC code', 'number', 'HTTP status'],
    codes.map((code) => [`\`${Code[code]}\``, String(code), String(codeToHttpStatus(code))]),
  );
}

export function reasonTable(): string {
  const rows = Object.entries<ReasonEntry>(REASONS).map(([reason, { code, httpStatus, when, whatToDo }]) => [
    `\`${reason}\``,
    String(httpStatus),
    `\`${Code[code]}\``,
    when,
    whatToDo,
  ]);
  return table(['reason', 'HTTP', 'gRPC code', 'when', 'what to do'], rows);
}
