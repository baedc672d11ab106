/** This module warns of settings that are valid but have a risk. */
import { isIPv4 } from 'node:net';
import { type Diagnostic, warningAt } from '../base/diagnostic.js';
import { Code } from '../status/code.js';
import type { Config } from './config.js';

export function configRisks(config: Config): readonly Diagnostic[] {
  return [...exposedInternal(config), ...unnamedAdmin(config)];
}

/**
 * Warns of an admin port that other machines can reach, if `admin.hosts` is empty. Then requests with a host name, for example
 * of monitoring tools, are refused.
 */
function unnamedAdmin({ admin }: Config): readonly Diagnostic[] {
  if (admin === undefined || admin.hosts.length > 0 || isLoopback(admin.host)) return [];
  const text = `admin.host: ${admin.host} is reachable from other machines, but only by IP address; add the host names that they use to admin.hosts`;
  return [warningAt(admin.position, 'admin-hosts', text)];
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/**
 * Warns of INTERNAL in `errors.expose`. Servers often put texts into INTERNAL that are not meant for clients: exceptions,
 * queries, addresses.
 */
function exposedInternal({ errors: { expose, position } }: Config): readonly Diagnostic[] {
  if (!expose.includes(Code.INTERNAL)) return [];
  const text =
    'errors.expose: INTERNAL shows clients the internal error texts of servers, such as exceptions and addresses';
  return [warningAt(position, 'exposed-internal', text)];
}
