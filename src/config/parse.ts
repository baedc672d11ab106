/** This module turns values into a config, or returns all problems. */
import { type Diagnostic, errorAt } from '../base/diagnostic.js';
import type { Config } from './config.js';
import { issueTexts, readConfig } from './issues.js';

export interface ParsedConfig {
  /** The config. Absent if there are errors. */
  readonly config?: Config;
  /** The block `schema` of a config file with errors, if that block itself is right. */
  readonly schema?: Config['schema'];
  readonly diagnostics: readonly Diagnostic[];
}

/** Parses a config that code passes as an object. The position of a problem is its key path. */
export function parseConfig(input: unknown): ParsedConfig {
  const result = readConfig(input);
  if (result.success) return { config: result.data, diagnostics: [] };
  const texts = issueTexts(result.error.issues, input);
  return { diagnostics: texts.map(({ rule, text }) => errorAt({ file: 'options' }, rule, text)) };
}
