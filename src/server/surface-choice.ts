/**
 * This module chooses the surface of a request by host, base path and headers. The most exact one wins: a host by name
 * before `*.example.com` before every host, then the longer base path, then more headers, then the order of the config.
 * Hosts and base paths are looked up in maps, so many surfaces cost no more than one.
 *
 *     GET /mobile/v1/orders/7     Host: m.example.com:443    → host m.example.com, base path /mobile, then /v1/orders/7
 *
 * A host is compared in lower case, without its port and one dot at its end. A base path is compared as it was sent,
 * segment by segment and not decoded: `/mobil%65` is another path, and a dot segment after a base path is refused later.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { parseAuthority } from '../base/authority.js';
import type { Choose, PickOf } from '../exchange/exchange.js';

/** The requests that belong to a surface. */
export interface Claim {
  /**
   * Host names in lower case, IPv6 addresses in brackets, or names such as `*.example.com`, which stands for all names
   * below that one. An empty list stands for every host.
   */
  readonly hosts: readonly string[];
  /** The path in front of all routes, such as `/mobile`. It is empty if there is none. */
  readonly basePath: string;
  /** The values that the headers must have. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Claimed<T> {
  readonly claim: Claim;
  readonly value: T;
}

/** The surfaces of one host by base path. */
interface Host<T> {
  readonly byPath: Map<string, Claimed<T>[]>;
  /** The most segments that a base path has. */
  depth: number;
}

export function compileChoice<T>(surfaces: readonly Claimed<T>[]): Choose<T> {
  const named = new Map<string, Host<T>>();
  /** The hosts below a name, by the rest of the name with its dot: `.example.com`. */
  const below = new Map<string, Host<T>>();
  const every: Host<T> = { byPath: new Map(), depth: 0 };
  for (const surface of surfaces) {
    const { hosts } = surface.claim;
    if (hosts.length === 0) add(every, surface);
    for (const host of hosts) {
      if (host.startsWith('*.')) add(entry(below, host.slice(1)), surface);
      else add(entry(named, hostOf(host)), surface);
    }
  }

  return function choose(authority, rawPath, pick) {
    if (named.size > 0 || below.size > 0) {
      // Most requests name the host as the map does, and then nothing is parsed.
      const known = named.get(authority);
      const name = known === undefined ? hostOf(authority) : authority;
      const host = known ?? named.get(name);
      const found = host && within(host, rawPath, pick);
      if (found !== undefined) return found;
      for (let dot = name.indexOf('.'); dot >= 0 && below.size > 0; dot = name.indexOf('.', dot + 1)) {
        const wide = dot === 0 ? undefined : below.get(name.slice(dot));
        const wider = wide && within(wide, rawPath, pick);
        if (wider !== undefined) return wider;
      }
    }
    return within(every, rawPath, pick);
  };
}

function entry<T>(hosts: Map<string, Host<T>>, name: string): Host<T> {
  const known = hosts.get(name);
  if (known !== undefined) return known;
  const host: Host<T> = { byPath: new Map(), depth: 0 };
  hosts.set(name, host);
  return host;
}

function add<T>(host: Host<T>, surface: Claimed<T>): void {
  const { basePath } = surface.claim;
  const group = host.byPath.get(basePath) ?? [];
  group.push(surface);
  group.sort((a, b) => headersOf(b) - headersOf(a));
  host.byPath.set(basePath, group);
  host.depth = Math.max(host.depth, basePath.split('/').length - 1);
}

function headersOf({ claim }: Claimed<unknown>): number {
  return Object.keys(claim.headers).length;
}

/** Chooses among the surfaces of a host, the longest base path first. */
function within<T>({ byPath, depth }: Host<T>, rawPath: string, pick: PickOf<T>): T | undefined {
  let found: T | undefined;
  let end = 0;
  for (let segments = 0; segments <= depth; segments++) {
    const group = byPath.get(segments === 0 ? '' : rawPath.slice(0, end));
    if (group !== undefined) found = pick(group) ?? found;
    if (end === rawPath.length) break;
    const next = rawPath.indexOf('/', end + 1);
    end = next < 0 ? rawPath.length : next;
  }
  return found;
}

/** Returns the host of an authority in the form that the maps have. It is empty if the text is not an authority. */
function hostOf(authority: string): string {
  const { host = '' } = parseAuthority(authority) ?? {};
  return host.endsWith('.') ? host.slice(0, -1) : host;
}

/** Returns a function that picks the first of a group whose headers the request has. The first demand the most headers. */
export function pickByHeaders<T>(headers: IncomingHttpHeaders): PickOf<T> {
  return function byHeaders(group) {
    for (const { claim, value } of group) if (hasAll(headers, claim.headers)) return value;
    return undefined;
  };
}

function hasAll(headers: IncomingHttpHeaders, wanted: Claim['headers']): boolean {
  for (const name in wanted) if (headers[name] !== wanted[name]) return false;
  return true;
}

/** Returns the path below a base path, which begins the path. */
export function pathBelow(basePath: string, rawPath: string): string {
  if (basePath === '') return rawPath;
  return rawPath.length === basePath.length ? '/' : rawPath.slice(basePath.length);
}

/**
 * Returns the headers that decide whether a request belongs to each surface: those of the surface itself, and of every
 * other one that may take the same requests.
 */
export function decidingHeaders(claims: readonly Claim[]): readonly (readonly string[])[] {
  return claims.map((claim) => [
    ...new Set(claims.flatMap((other) => (mayMeet(claim, other) ? Object.keys(other.headers) : []))),
  ]);
}

function mayMeet(a: Claim, b: Claim): boolean {
  return shareHost(a, b) && (isBelow(a.basePath, b.basePath) || isBelow(b.basePath, a.basePath));
}

/** True if a host may belong to both claims. */
export function shareHost({ hosts: some }: Claim, { hosts: others }: Claim): boolean {
  if (some.length === 0 || others.length === 0) return true;
  return some.some((one) => others.some((other) => takesHost(one, other) || takesHost(other, one)));
}

/** True if a host of a surface takes another one: it is the same, or it begins with `*.` and the other is below it. */
export function takesHost(pattern: string, host: string): boolean {
  return pattern === host || (pattern.startsWith('*.') && host.endsWith(pattern.slice(1)));
}

/** True if the first path is the second, or below it. */
export function isBelow(path: string, base: string): boolean {
  return path === base || path.startsWith(`${base}/`);
}
