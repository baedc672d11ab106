/**
 * Decides for which host names the admin port answers. Any web page may let its own host name point at this address (DNS
 * rebinding), and then the browser would let the page read the answers. So a request must name localhost, an IP address or a
 * host in `admin.hosts`. A request that names no host does not come from a browser, and is allowed.
 */
import { isIP } from 'node:net';
import { parseAuthority } from '../base/authority.js';
import { gatewayError } from '../status/status-error.js';

/**
 * Throws a StatusError (421) if the host of a request is not allowed. `hosts` are names, or `*.example.com` for all names below
 * one.
 */
export function requireHost(authority: string, hosts: readonly string[]): void {
  const exact = new Set(['', 'localhost', ...hosts.map((host) => host.toLowerCase())]);
  const suffixes = [...exact].filter((host) => host.startsWith('*.')).map((host) => host.slice(1));
  const host = parseAuthority(authority)?.host.replace(/\.$/, '') ?? authority;
  if (exact.has(host) || isIP(host) !== 0 || suffixes.some((suffix) => host.endsWith(suffix))) return;
  const found = JSON.stringify(authority.slice(0, 80));
  const text = `host: expected localhost, an IP address or one of admin.hosts, got ${found}`;
  throw gatewayError('MISDIRECTED_REQUEST', text);
}
