/** What `check` says of a `jwksFile` that can be used: which of its keys are left out although they are for signatures. */
import { readFileSync } from 'node:fs';
import { type Diagnostic, warningAt } from '../../base/diagnostic.js';
import { parseJwks } from './jwk-set.js';

/** Nothing of a file that cannot be read or has no usable key: that is an error of the config, and told there. */
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
