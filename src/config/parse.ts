/** This module turns values into a config, or returns all problems. */
import { type Diagnostic, errorAt } from '../base/diagnostic.js';
import type { Config } from './config.js';
import { issueTexts, readConfig } from './issues.js';
import type { PlaceOf } from './restart.js';
import { surfaceIssues } from './surface-configs.js';

export interface ParsedConfig {
  /** The config. Absent if there are errors. */
  readonly config?: Config;
  /** The block `schema` of a config file with errors, if that block itself is right. */
  readonly schema?: Config['schema'];
  readonly diagnostics: readonly Diagnostic[];
  /** Finds the keys of the config file. Absent if there is no file, or if it is no YAML. */
  readonly placeOf?: PlaceOf;
  /** The files that were read: the config file, and those of `${file:PATH}`. */
  readonly files?: readonly string[];
  /** The first 12 characters of the SHA-256 digest of the config file, as `sha256sum` prints it. */
  readonly hash?: string;
}

/** Parses a config that code passes as an object. The position of a problem is its key path. */
export function parseConfig(input: unknown): ParsedConfig {
  const result = readConfig(input);
  const texts = result.success ? surfaceIssues(result.data) : issueTexts(result.error.issues, input);
  if (result.success && texts.length === 0) return { config: result.data, diagnostics: [] };
  return { diagnostics: texts.map(({ rule, text }) => errorAt({ file: 'options' }, rule, text)) };
}
