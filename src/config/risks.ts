/** What a config allows that was probably not meant: warnings that no single value is wrong enough for. */
import { isIPv4 } from 'node:net';
import { type Diagnostic, warningAt } from '../base/diagnostic.js';
import { Code } from '../status/code.js';
import type { Config } from './config.js';

export function configRisks(config: Config): readonly Diagnostic[] {
  return [...exposedInternal(config), ...unnamedAdmin(config)];
}

/** Whoever asks an open admin port by a name is refused: what scrapes and probes by one would be. */
function unnamedAdmin({ admin }: Config): readonly Diagnostic[] {
  if (admin === undefined || admin.hosts.length > 0 || isLoopback(admin.host)) return [];
  const text = `admin.host: ${admin.host} is open to others, who may ask by an address alone: name the hosts that they ask in admin.hosts`;
  return [warningAt(admin.position, 'admin-hosts', text)];
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** Servers put into INTERNAL what nobody was meant to read: exceptions, queries, addresses. */
function exposedInternal({ errors: { expose, position } }: Config): readonly Diagnostic[] {
  if (!expose.includes(Code.INTERNAL)) return [];
  const text = 'errors.expose: INTERNAL shows clients what servers say of their own failures: exceptions, addresses';
  return [warningAt(position, 'exposed-internal', text)];
}
