/** `HOST` or `HOST:PORT`, as Host, `:authority` and absolute targets have it (RFC 3986 §3.2, RFC 9112 §3.2). */
import { isIPv6 } from 'node:net';

export interface Authority {
  /** A name or an address in lower case; of IPv6 without its brackets. Empty: none is meant. */
  readonly host: string;
  /** Digits, or empty. */
  readonly port: string;
}

/** User information is no part of it: `user@host` is none. */
const AUTHORITY = /^(?:\[([^\]]*)\]|((?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*))(?::(\d*))?$/;
const FUTURE_ADDRESS = /^v[0-9a-f]+\.[\w.~!$&'()*+,;=:-]+$/i;

/** Undefined: the text is none. */
export function parseAuthority(text: string): Authority | undefined {
  const match = AUTHORITY.exec(text);
  if (match === null) return undefined;
  const [, address, name = '', port] = match;
  if (address === undefined)
    return name === '' && port !== undefined ? undefined : { host: name.toLowerCase(), port: port ?? '' };
  // The zone of a link-local address is percent-encoded (RFC 6874).
  if (!isIPv6(address.replace('%25', '%')) && !FUTURE_ADDRESS.test(address)) return undefined;
  return { host: address.toLowerCase(), port: port ?? '' };
}
