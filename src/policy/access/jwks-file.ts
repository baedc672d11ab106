/**
 * This module computes the warnings that `check` gives for a `jwksFile`. The file has keys that can be used, but also keys for
 * signatures that cannot.
 */
import { readFileSync } from 'node:fs';
import { type Diagnostic, warningAt } from '../../base/diagnostic.js';
import { parseJwks } from './jwk-set.js';

/**
 * Returns a warning for each key that is left out. The list is empty for a file that cannot be read or has no usable
 * key, because that is already reported as an error of the config.
 */
export function jwksFileWarnings(file: string): readonly Diagnostic[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return [];
  }
  const { keys = [], problems } = parseJwks(text);
  if (keys.length === 0) return [];
  return problems
    .filter(({ isFault }) => isFault)
    .map((problem) => warningAt({ file }, 'jwks-key', `${problem.text}; the key is left out`));
}
