/** This module has hints that apply to all errors of some rules. Each hint is printed once, after all errors. */
import type { Diagnostic } from '../base/diagnostic.js';

interface Hint {
  /** The ids of the rules to which the hint belongs. */
  readonly rules: ReadonlySet<string>;
  readonly text: string;
  /** Errors with such a text say what to do already, so that they need no hint. Undefined if all errors need it. */
  readonly unless?: RegExp;
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
    text: 'for protos that you cannot change: schema.exclude removes rpcs and files, and schema.httpRules gives rpcs other rules (docs/schema.md)',
  },
  {
    rules: new Set(['unknown-import']),
    unless: /; give that folder instead of /,
    text: '--import DIR (schema.imports) adds a folder that is searched for imports and not routed; buf build -o FILE writes a descriptor set with all imports',
  },
];

/** Returns one line for each kind of error that occurs and has a hint. */
export function hintsFor(diagnostics: readonly Diagnostic[]): readonly string[] {
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  return HINTS.flatMap(({ rules, text, unless }) =>
    errors.some((error) => rules.has(error.rule) && unless?.test(error.text) !== true) ? [`hint: ${text}`] : [],
  );
}
