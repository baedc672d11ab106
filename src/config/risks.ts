/** What a config allows that was probably not meant: warnings that no single value is wrong enough for. */
import { type Diagnostic, warningAt } from '../base/diagnostic.js';
import { Code } from '../status/code.js';
import type { Config } from './config.js';

export function configRisks(config: Config): readonly Diagnostic[] {
  return exposedInternal(config);
}

/** Servers put into INTERNAL what nobody was meant to read: exceptions, queries, addresses. */
function exposedInternal({ errors: { expose, position } }: Config): readonly Diagnostic[] {
  if (!expose.includes(Code.INTERNAL)) return [];
  const text = 'errors.expose: INTERNAL shows clients what servers say of their own failures: exceptions, addresses';
  return [warningAt(position, 'exposed-internal', text)];
}
