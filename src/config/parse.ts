/** Values → Config, or every problem with them. */
import { type Diagnostic, errorAt } from '../base/diagnostic.js';
import { type Config, configSchema } from './config.js';
import { issueTexts } from './issues.js';

export interface ParsedConfig {
  /** Absent if there are errors. */
  readonly config?: Config;
  readonly diagnostics: readonly Diagnostic[];
}

/** A config that comes as an object, from code. Problems are placed by their key path. */
export function parseConfig(input: unknown): ParsedConfig {
  const result = configSchema.safeParse(input);
  if (result.success) return { config: result.data, diagnostics: [] };
  const diagnostics = result.error.issues
    .flatMap(issueTexts)
    .map(({ rule, text }) => errorAt({ file: 'options' }, rule, text));
  return { diagnostics };
}
