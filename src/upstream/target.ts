/**
 * Parses the target of an upstream. A target is a list of addresses, or a name whose addresses are looked up:
 *
 *     10.0.0.1:50051   [::1]:50051   unix:/run/orders.sock   ipv4:10.0.0.1:50051,10.0.0.2:50051   ipv6:[::1]:50051
 *     orders:50051     dns:///orders:50051
 *     orders                        refused: gRPC libraries would silently use port 443
 *     http://orders                 refused: a target is no URL
 *     dns://8.8.8.8/orders:50051    refused: names are looked up by the system
 */
import { isIP, isIPv4, isIPv6 } from 'node:net';
import type { Endpoint, TcpEndpoint } from './endpoint.js';

export const TARGET_FORMS = 'HOST:PORT, dns:///HOST:PORT, ipv4:IP:PORT,IP:PORT or unix:/PATH';

export type Target =
  | { readonly kind: 'addresses'; readonly endpoints: readonly Endpoint[] }
  | { readonly kind: 'name'; readonly name: string; readonly port: number };

/** Returns an error message `expected …, got …` for an invalid target; undefined if the target is valid. */
export function targetProblem(target: string): string | undefined {
  return parse(target) === undefined ? `expected ${TARGET_FORMS}, got '${target}'` : undefined;
}

/** Returns the parsed target. Throws a TypeError if it is invalid. */
export function parseTarget(target: string): Target {
  const parsed = parse(target);
  if (parsed === undefined) throw new TypeError(targetProblem(target));
  return parsed;
}

function parse(target: string): Target | undefined {
  const path = /^unix:(?:\/\/(?=\/))?(.+)$/.exec(target)?.[1];
  if (path !== undefined) return { kind: 'addresses', endpoints: [{ kind: 'unix', path }] };
  const [, family, list] = /^(ipv[46]):(.*:.*)$/.exec(target) ?? [];
  if (list !== undefined) return parseList(list, family === 'ipv4' ? isIPv4 : isIPv6);
  const endpoint = parseHostPort(target.replace(/^dns:(\/\/\/)?/, ''));
  if (endpoint === undefined) return undefined;
  const { host, port } = endpoint;
  // `localhost` is not looked up here: a connection tries all of its addresses, because they are one server, which often
  // listens on only one of them.
  const isAddress = isIP(host) !== 0 || host === 'localhost';
  return isAddress ? { kind: 'addresses', endpoints: [endpoint] } : { kind: 'name', name: host, port };
}

function parseList(text: string, isOne: (host: string) => boolean): Target | undefined {
  const endpoints: TcpEndpoint[] = [];
  for (const part of text.split(',')) {
    const endpoint = parseHostPort(part);
    if (endpoint === undefined || !isOne(endpoint.host)) return undefined;
    endpoints.push(endpoint);
  }
  return { kind: 'addresses', endpoints };
}

function parseHostPort(text: string): TcpEndpoint | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9_](?:[A-Za-z0-9_.-]*))):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host !== undefined && port >= 1 && port <= 65_535 ? { kind: 'tcp', host, port } : undefined;
}
