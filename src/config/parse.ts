/** This module turns values into a config, or returns all of their problems. */
import { type Diagnostic, errorAt } from '../base/diagnostic.js';
import type { Config } from './config.js';
import { issueTexts, readConfig } from './issues.js';
import type { PlaceOf } from './restart.js';
import { surfaceIssues } from './surface-configs.js';

export interface ParsedConfig {
  /** The config. Absent if there are errors. */
  readonly config?: Config;
  /** The block `schema` of a config file with errors, if this block itself has none. */
  readonly schema?: Config['schema'];
  readonly diagnostics: readonly Diagnostic[];
  /** Returns the position of a key in the config file. Absent if there is no file, or if it is not valid YAML. */
  readonly placeOf?: PlaceOf;
  /** The paths of the files that were read: the config file, and those in `${file:PATH}`. */
  readonly files?: readonly string[];
  /** The first 12 characters of the SHA-256 digest of the config file, in the form that `sha256sum` prints. */
  readonly hash?: string;
}

/** Parses a config that is passed as an object. A diagnostic names the path of the key, because there is no line. */
export function parseConfig(input: unknown): ParsedConfig {
  const result = readConfig(input);
  const texts = result.success ? surfaceIssues(result.data) : issueTexts(result.error.issues, input);
  if (result.success && texts.length === 0) return { config: result.data, diagnostics: [] };
  return { diagnostics: texts.map(({ rule, text }) => errorAt({ file: 'options' }, rule, text)) };
}
