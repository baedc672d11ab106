/**
 * A diagnostic is a problem that is found when config and schema are loaded: the text, the place, and the id of the rule.
 * Diagnostics are collected and not thrown one by one, so that `check` can report all of them, and `serve` can continue with
 * the parts that have none.
 */

import { isAbsolute, sep } from 'node:path';
import type { RuleId } from './rules.js';

/** A place in a file. `line` and `column` start at 1, and are absent when they are not known. */
export interface Position {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

/** A problem of config or schema, with its place. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  /** The id of the rule, which docs/diagnostics.md explains. */
  readonly rule: RuleId;
  /** One line of text: the place inside of the file if there is one, what was expected, and what was found. */
  readonly text: string;
  readonly position: Position;
}

/** Returns a diagnostic with the severity `error`. */
export function errorAt(position: Position, rule: RuleId, text: string): Diagnostic {
  return { severity: 'error', rule, text, position };
}

/** Returns a diagnostic with the severity `warning`. */
export function warningAt(position: Position, rule: RuleId, text: string): Diagnostic {
  return { severity: 'warning', rule, text, position };
}

/** Returns the same diagnostic with the severity `warning`, so that it does not prevent the start. */
export function asWarning(diagnostic: Diagnostic): Diagnostic {
  return { ...diagnostic, severity: 'warning' };
}

/**
 * Returns the diagnostics without those whose output line is equal to an earlier one, because two checks may find the same
 * problem.
 */
export function withoutRepeats(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return [...new Map(diagnostics.toReversed().map((one) => [formatDiagnostic(one), one])).values()].toReversed();
}

/** Returns `FILE:LINE:COL`, without the parts that are not known. A file in the current folder is shown as a relative path. */
export function formatPosition({ file, line, column }: Position): string {
  const shown = fromHere(file);
  if (line === undefined) return shown;
  return column === undefined ? `${shown}:${line}` : `${shown}:${line}:${column}`;
}

/** Returns a path in the current folder as a relative path, and any other path unchanged. */
export function fromHere(file: string): string {
  if (!isAbsolute(file)) return file;
  const here = `${process.cwd()}${sep}`;
  return file.startsWith(here) ? file.slice(here.length) : file;
}

/** Returns `FILE:LINE:COL: error|warning: TEXT [rule-id]`, the line that `check` prints. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { position, severity, text, rule } = diagnostic;
  return `${formatPosition(position)}: ${severity}: ${text} [${rule}]`;
}
