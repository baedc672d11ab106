/** This module has hints for whole kinds of errors. Each hint is printed once, after all errors. */
import type { Diagnostic } from '../base/diagnostic.js';

interface Hint {
  /** The ids of the rules to which the hint belongs. */
  readonly rules: ReadonlySet<string>;
  readonly text: string;
}

const HINTS: readonly Hint[] = [
  {
    rules: new Set([
      'http-rule',
      'path-template',
      'path-variable',
      'body-field',
      'response-body',
      'custom-kind',
      'additional-bindings',
      'binding-conflict',
      'unknown-type',
    ]),
    text: 'where a proto is not yours to mend, schema.exclude leaves the rpc out and schema.httpRules gives it another rule (docs/schema.md)',
  },
  {
    rules: new Set(['unknown-import']),
    text: '--import DIR (schema.imports) finds imports and routes nothing of them; buf build -o FILE makes a set that has them all',
  },
];

/** Returns one line for each kind of error that occurs and has a hint. */
export function hintsFor(diagnostics: readonly Diagnostic[]): readonly string[] {
  const found = new Set(diagnostics.flatMap(({ severity, rule }) => (severity === 'error' ? [rule] : [])));
  return HINTS.flatMap(({ rules, text }) => ([...found].some((rule) => rules.has(rule)) ? [`hint: ${text}`] : []));
}
