/** What the gateway answers before it looks for a route, by the head of a request alone. */
import { METHODS } from 'node:http';
import { parseAuthority } from '../base/authority.js';
import { badHost, badTarget, foreignOrigin, HEAD_TOO_LARGE, malformed, NO_TUNNEL } from '../status/refusals.js';
import { type DryRequest, headerOf } from './dry-request.js';

export interface HeadSettings {
  readonly headerBytes: number;
  /** Whose pages may ask; undefined: no other than the gateway's own. */
  readonly cors: { readonly origins: readonly string[] } | undefined;
}

/** The answer of what needs no route; undefined: it does. Throws the 4xx that the head earns. */
export function answeredAhead(settings: HeadSettings, request: DryRequest): string | undefined {
  const { method, target } = request;
  if (!METHODS.includes(method)) throw malformed('expected a method that HTTP knows');
  if (!/^[\x21-\x7e]+$/.test(target)) throw malformed('expected a target in ASCII, percent-encoded');
  if (headBytes(request) >= settings.headerBytes) throw HEAD_TOO_LARGE;
  if (method === 'CONNECT') throw NO_TUNNEL;
  const host = headerOf(request, 'host');
  if (host !== undefined && parseAuthority(host) === undefined) throw badHost('host', host);
  const origin = headerOf(request, 'origin');
  const isAllowed = isOneOf(settings.cors?.origins ?? [], origin);
  if (asksForWebSocket(request)) {
    if (origin === undefined || isAllowed) return undefined;
    throw foreignOrigin();
  }
  if (method !== 'OPTIONS') {
    if (target === '*') throw badTarget('request target: expected a path, got "*"');
    return undefined;
  }
  if (isAllowed && (headerOf(request, 'access-control-request-method') ?? '') !== '') return '204, as to a preflight';
  return target === '*' ? '204' : undefined;
}

/** What Node counts: the target, and names and values. */
function headBytes({ target, rawHeaders }: DryRequest): number {
  return rawHeaders.reduce((sum, text) => sum + Buffer.byteLength(text), target.length);
}

function isOneOf(origins: readonly string[], origin: string | undefined): boolean {
  return origins.includes('*') || origins.includes(origin ?? '');
}

/** RFC 6455 §4.1; what a client's own library says of key and version is taken as right. */
export function asksForWebSocket(request: DryRequest): boolean {
  const options = (headerOf(request, 'connection') ?? '').toLowerCase().split(',');
  const upgrades = options.some((option) => option.trim() === 'upgrade');
  const isWebSocket = headerOf(request, 'upgrade')?.toLowerCase() === 'websocket';
  return request.method === 'GET' && request.body.length === 0 && upgrades && isWebSocket;
}
