/**
 * A load-time finding: what is wrong, where, and by which rule. Diagnostics are collected, never thrown one by one,
 * so that `check` can report every problem of a schema or config and `serve` can go on with what loads.
 */

/** A place in a file. `line` and `column` count from 1; they are absent where the source does not tell. */
export interface Position {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  /** Stable, kebab-case: `path-template`, `binding-conflict`, `unknown-import`. */
  readonly rule: string;
  /** One line: the place inside the file if there is one, what was expected, what was found. */
  readonly text: string;
  readonly position: Position;
}

/** Builds an error. */
export function errorAt(position: Position, rule: string, text: string): Diagnostic {
  return { severity: 'error', rule, text, position };
}

/** Builds a warning. */
export function warningAt(position: Position, rule: string, text: string): Diagnostic {
  return { severity: 'warning', rule, text, position };
}

/** Returns the same diagnostic as a warning, which stops nothing. */
export function asWarning(diagnostic: Diagnostic): Diagnostic {
  return { ...diagnostic, severity: 'warning' };
}

/** `FILE:LINE:COL`, leaving out what the position does not know. */
export function formatPosition({ file, line, column }: Position): string {
  if (line === undefined) return file;
  return column === undefined ? `${file}:${line}` : `${file}:${line}:${column}`;
}

/** `FILE:LINE:COL: error|warning: TEXT [rule-id]`, the line that `check` prints. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { position, severity, text, rule } = diagnostic;
  return `${formatPosition(position)}: ${severity}: ${text} [${rule}]`;
}
