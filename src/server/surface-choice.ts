/**
 * This module chooses the surface of a request by host, base path and headers. The most exact one wins: a host by name
 * before `*.example.com` before every host, then the longer base path, then more headers, then the order of the config.
 * Hosts and base paths are looked up in maps, and the maps for an authority are remembered, so the choice among many surfaces
 * takes no longer than that among two.
 *
 *     GET /mobile/v1/orders/7     Host: m.example.com:443    → host m.example.com, base path /mobile, then /v1/orders/7
 *
 * A host is compared in lower case, without its port and one dot at its end. A base path is compared as it was sent,
 * segment by segment and not decoded: `/mobil%65` is another path, and a dot segment after a base path is refused later.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { parseAuthority } from '../base/authority.js';
import type { Choose, ClaimGroup, PickOf } from '../exchange/exchange.js';

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

/** A surface whose headers are ready to be compared, as name, value, name, value. */
interface Entry<T> extends Claimed<T> {
  readonly wanted: readonly string[];
}

/** The surfaces of one host by base path. */
interface Host<T> {
  readonly byPath: Map<string, Entry<T>[]>;
  /** The lengths of the base paths, the longest first. */
  readonly lengths: number[];
}

/** The number of authorities that are remembered, and the most characters of one. Clients choose them, so there are limits. */
const REMEMBERED = { count: 1000, characters: 255 };

export function compileChoice<T>(surfaces: readonly Claimed<T>[]): Choose<T> {
  const named = new Map<string, Host<T>>();
  /** The hosts below a name, by the rest of the name with its dot: `.example.com`. */
  const below = new Map<string, Host<T>>();
  const every: Host<T> = { byPath: new Map(), lengths: [] };
  for (const surface of surfaces) {
    const { hosts } = surface.claim;
    if (hosts.length === 0) add(every, surface);
    for (const host of hosts) {
      if (host.startsWith('*.')) add(entry(below, host.slice(1)), surface);
      else add(entry(named, hostOf(host)), surface);
    }
  }
  const remembered = new Map<string, readonly Host<T>[]>();

  return function choose(authority, rawPath, headers, pick) {
    for (const host of remembered.get(authority) ?? hostsOf(authority)) {
      const found = within(host, rawPath, headers, pick);
      if (found !== undefined) return found;
    }
    return undefined;
  };

  /** Returns the surfaces that may take requests for an authority, grouped by host, the most exact host first. */
  function hostsOf(authority: string): readonly Host<T>[] {
    const name = hostOf(authority);
    const hosts = [named.get(name)];
    for (let dot = name.indexOf('.'); dot >= 0 && below.size > 0; dot = name.indexOf('.', dot + 1))
      if (dot > 0) hosts.push(below.get(name.slice(dot)));
    const found = [...hosts, every].filter((host) => host !== undefined);
    if (authority.length <= REMEMBERED.characters) {
      if (remembered.size >= REMEMBERED.count) remembered.clear();
      remembered.set(authority, found);
    }
    return found;
  }
}

function entry<T>(hosts: Map<string, Host<T>>, name: string): Host<T> {
  const known = hosts.get(name);
  if (known !== undefined) return known;
  const host: Host<T> = { byPath: new Map(), lengths: [] };
  hosts.set(name, host);
  return host;
}

function add<T>({ byPath, lengths }: Host<T>, surface: Claimed<T>): void {
  const { basePath, headers } = surface.claim;
  const group = byPath.get(basePath) ?? [];
  group.push({ claim: surface.claim, value: surface.value, wanted: Object.entries(headers).flat() });
  group.sort((a, b) => headersOf(b.claim) - headersOf(a.claim));
  byPath.set(basePath, group);
  if (lengths.includes(basePath.length)) return;
  lengths.push(basePath.length);
  lengths.sort((a, b) => b - a);
}

function headersOf({ headers }: Claim): number {
  return Object.keys(headers).length;
}

const SLASH = 0x2f;

/**
 * Chooses among the surfaces of a host, the longest base path first. A base path must end where a segment of the path ends:
 * `/mob` does not fit `/mobile/v1`.
 */
function within<T>(
  { byPath, lengths }: Host<T>,
  rawPath: string,
  headers: IncomingHttpHeaders,
  pick: PickOf<T>,
): T | undefined {
  for (const length of lengths) {
    if (length > 0 && rawPath.length !== length && rawPath.charCodeAt(length) !== SLASH) continue;
    const group = byPath.get(length === 0 ? '' : rawPath.slice(0, length));
    const found = group && pick(group, headers);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Returns the host of an authority in the form that the maps have. It is empty if the text is not an authority. */
function hostOf(authority: string): string {
  const { host = '' } = parseAuthority(authority) ?? {};
  return host.endsWith('.') ? host.slice(0, -1) : host;
}

/** Picks the first of a group whose headers the request has. The surfaces that demand the most headers come first. */
export function pickByHeaders<T>(group: ClaimGroup<T>, headers: IncomingHttpHeaders): T | undefined {
  for (const { wanted, value } of group) if (hasAll(headers, wanted)) return value;
  return undefined;
}

function hasAll(headers: IncomingHttpHeaders, wanted: readonly string[]): boolean {
  for (let i = 0; i < wanted.length; i += 2) if (headers[wanted[i]!] !== wanted[i + 1]) return false;
  return true;
}

/** Returns the path below a base path, which begins the path. */
export function pathBelow(basePath: string, rawPath: string): string {
  if (basePath === '') return rawPath;
  return rawPath.length === basePath.length ? '/' : rawPath.slice(basePath.length);
}

/**
 * Returns for each surface the headers that decide whether a request belongs to it: those of the surface itself, and
 * those of every surface that is asked before it for some request. The headers of a surface that is asked later decide nothing.
 */
export function decidingHeaders(claims: readonly Claim[]): readonly (readonly string[])[] {
  return claims.map((claim, index) => {
    const before = claims.filter((other, at) => comesBefore(other, claim, at < index));
    return [...new Set([claim, ...before].flatMap(({ headers }) => Object.keys(headers)))];
  });
}

/** True if the first claim is asked before the second one for some request that both may take. */
function comesBefore(first: Claim, second: Claim, isEarlier: boolean): boolean {
  const [path, other] = [first.basePath, second.basePath];
  if (!isBelow(path, other) && !isBelow(other, path)) return false;
  const more = path.length - other.length || headersOf(first) - headersOf(second) || (isEarlier ? 1 : -1);
  // A host within another one is more exact. Only for the same host the base path and the headers count.
  return patternsOf(first).some((one) =>
    patternsOf(second).some((two) => (one === two ? more > 0 : two === EVERY || takesHost(two, one))),
  );
}

const EVERY = '';

function patternsOf({ hosts }: Claim): readonly string[] {
  return hosts.length === 0 ? [EVERY] : hosts.map((host) => (host.startsWith('*.') ? host : hostOf(host)));
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
