/**
 * This module parses `HOST` or `HOST:PORT`, as in Host, `:authority` and absolute request targets (RFC 3986 §3.2, RFC 9112
 * §3.2).
 */
import { isIPv6 } from 'node:net';

export interface Authority {
  /**
   * A name or an address in lower case. An IPv6 address is in its shortest form, without brackets. Empty when the text
   * contains no host.
   */
  readonly host: string;
  /** The digits of the port; empty when there is none. */
  readonly port: string;
}

/** Matches an authority without user information, such as `user@`. */
const AUTHORITY = /^(?:\[([^\]]*)\]|((?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*))(?::(\d*))?$/;
const FUTURE_ADDRESS = /^v[0-9a-f]+\.[\w.~!$&'()*+,;=:-]+$/i;

/** The text that was parsed last, and its result. It is kept because most requests have the same authority. */
let lastText = '';
let last: Authority | undefined;

/** Returns the parsed authority. Undefined when the text is not an authority. */
export function parseAuthority(text: string): Authority | undefined {
  if (last === undefined || text !== lastText) {
    last = parse(text);
    lastText = text;
  }
  return last;
}

function parse(text: string): Authority | undefined {
  const match = AUTHORITY.exec(text);
  if (match === null) return undefined;
  const [, address, name = '', port] = match;
  if (address === undefined)
    return name === '' && port !== undefined ? undefined : { host: name.toLowerCase(), port: port ?? '' };
  // The zone of a link-local address is percent-encoded (RFC 6874).
  if (!isIPv6(address.replace('%25', '%')) && !FUTURE_ADDRESS.test(address)) return undefined;
  return { host: shortest(address), port: port ?? '' };
}

/** Returns the shortest spelling of an IPv6 address (RFC 5952), such as `::1` for `0:0:0:0:0:0:0:1`. */
function shortest(address: string): string {
  const url = `http://[${address}]`;
  // A URL cannot have a zone or an address of a future version.
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : address.toLowerCase();
}
