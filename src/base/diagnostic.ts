/**
 * A diagnostic is a problem that is found when config and schema are loaded: the text, the place, and the rule that
 * found it. Diagnostics are collected, not thrown one by one, so that `check` can report all of them and `serve` can go
 * on with the parts that load.
 */

import { isAbsolute, sep } from 'node:path';
import type { RuleId } from './rules.js';

/** A place in a file. `line` and `column` start at 1. They are absent when they are not known. */
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

/** Builds an error. */
export function errorAt(position: Position, rule: RuleId, text: string): Diagnostic {
  return { severity: 'error', rule, text, position };
}

/** Builds a warning. */
export function warningAt(position: Position, rule: RuleId, text: string): Diagnostic {
  return { severity: 'warning', rule, text, position };
}

/** Returns the same diagnostic as a warning, which stops nothing. */
export function asWarning(diagnostic: Diagnostic): Diagnostic {
  return { ...diagnostic, severity: 'warning' };
}

/** Returns the diagnostics without those that repeat the line of an earlier one, as two checks may find one problem. */
export function withoutRepeats(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return [...new Map(diagnostics.toReversed().map((one) => [formatDiagnostic(one), one])).values()].toReversed();
}

/** Returns `FILE:LINE:COL`, without the parts that are not known, and without the current folder. */
export function formatPosition({ file, line, column }: Position): string {
  const shown = fromHere(file);
  if (line === undefined) return shown;
  return column === undefined ? `${shown}:${line}` : `${shown}:${line}:${column}`;
}

/** Returns a path below the current folder without that folder, as people see their files. */
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
