/** Values → Config, or every problem with them. */
import { type Diagnostic, errorAt } from '../base/diagnostic.js';
import type { Config } from './config.js';
import { issueTexts, readConfig } from './issues.js';

export interface ParsedConfig {
  /** Absent if there are errors. */
  readonly config?: Config;
  /** Of a config file with errors: where its protos are, if that part of it is right. */
  readonly schema?: Config['schema'];
  readonly diagnostics: readonly Diagnostic[];
}

/** A config that comes as an object, from code. Problems are placed by their key path. */
export function parseConfig(input: unknown): ParsedConfig {
  const result = readConfig(input);
  if (result.success) return { config: result.data, diagnostics: [] };
  const texts = issueTexts(result.error.issues, input);
  return { diagnostics: texts.map(({ rule, text }) => errorAt({ file: 'options' }, rule, text)) };
}
