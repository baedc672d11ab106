/**
 * Reads the hops of a request from the header that proxies write, the last one first. Each proxy appends the address that
 * called it, so the entries on the right were written by the proxies that are nearest to the gateway.
 *
 *     X-Forwarded-For: 198.51.100.7, 203.0.113.4:50124
 *     Forwarded: for=198.51.100.7;proto=https, for="[2001:db8::1]:443"      (RFC 7239)
 */
import { isIP } from 'node:net';
import { unmapped } from '../base/networks.js';

export type ForwardedHeader = 'x-forwarded-for' | 'forwarded';

/**
 * Yields each hop's address without its port, or undefined for a hop that names none (`unknown`, `_hidden`, malformed text).
 */
export type HopsOf = (value: string) => Iterable<string | undefined>;

export const HOPS_OF: Readonly<Record<ForwardedHeader, HopsOf>> = {
  *'x-forwarded-for'(value) {
    for (const hop of value.split(',').reverse()) if (isSomething(hop)) yield addressOf(hop.trim());
  },
  *forwarded(value) {
    for (const element of elementsFromRight(value)) if (isSomething(element)) yield addressOf(forOf(element) ?? '');
  },
};

/** True unless the element is empty: empty elements of a list are ignored (RFC 9110 §5.6.1.2). */
const isSomething = (element: string) => element.trim() !== '';

/** An IPv6 address is in brackets if a port may follow it; some proxies leave the port out, some the brackets. */
const NODE = /^(?:\[([^\]]*)\]|([^:]*))(?::(?:\d{1,5}|_[\w.-]+))?$/;

function addressOf(node: string): string | undefined {
  if (isIP(node) !== 0) return unmapped(node);
  const match = NODE.exec(node);
  const address = match?.[1] ?? match?.[2] ?? '';
  const family = match?.[1] === undefined ? 4 : 6;
  return isIP(address) === family ? unmapped(address) : undefined;
}

/**
 * Yields the elements, which commas separate; a comma may also stand in quoted text (RFC 7239 §4). The value is read from the
 * right, so that a quote that the client opens and never closes does not hide the elements that proxies append.
 */
function* elementsFromRight(value: string): Generator<string> {
  let end = value.length;
  let inQuotes = false;
  for (let at = value.length - 1; at >= 0; at--) {
    const char = value[at];
    if (char === '"' && !(inQuotes && isEscaped(value, at))) inQuotes = !inQuotes;
    else if (char === ',' && !inQuotes) {
      yield value.slice(at + 1, end);
      end = at;
    }
  }
  yield value.slice(0, end);
}

/** True if an odd number of backslashes stands before the character (RFC 9110 §5.6.4). */
function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === '\\') backslashes++;
  return backslashes % 2 === 1;
}

/** Matches `name=value` or nothing, and then `;` or the end. An address with a port should be quoted and often is not. */
const PAIR = /[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^",;\s]*)))?[ \t]*(;|$)/y;

/** Returns the value of `for`; undefined when the element has none, has two (RFC 7239 §4 forbids that), or does not parse. */
function forOf(element: string): string | undefined {
  let found: string | undefined;
  PAIR.lastIndex = 0;
  for (let isLast = false; !isLast; ) {
    const match = PAIR.exec(element);
    if (match === null) return undefined;
    const [, name = '', quoted, plain = '', separator] = match;
    isLast = separator === '';
    if (name.toLowerCase() !== 'for') continue;
    if (found !== undefined) return undefined;
    found = quoted?.replace(/\\(.)/g, '$1') ?? plain;
  }
  return found;
}
