/** This module checks addresses against networks: `10.0.0.0/8`, `2001:db8::/32`, or a single address. */
import { BlockList, isIP } from 'node:net';

/** Returns true if the text is an IP address or a network in CIDR notation (RFC 4632, RFC 4291 §2.3). */
export function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}

/**
 * Returns a function that is true for an IP address in one of the networks, and false for other addresses and for other texts.
 */
export function compileNetworks(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const text of networks) {
    const [written = '', length] = text.split('/');
    const { network, prefix } = unmappedNetwork(written, length === undefined ? undefined : Number(length));
    const family = isIP(network) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(network, family);
    else list.addSubnet(network, prefix, family);
  }
  return (address) => {
    const plain = unmapped(address);
    const family = isIP(plain);
    return family !== 0 && list.check(plain, family === 6 ? 'ipv6' : 'ipv4');
  };
}

/** Converts a network of IPv4-mapped IPv6 addresses to an IPv4 network: `::ffff:10.0.0.0/104` → `10.0.0.0/8`. */
function unmappedNetwork(network: string, prefix: number | undefined) {
  const plain = unmapped(network);
  if (plain === network || prefix === undefined) return { network: plain, prefix };
  // A network with a prefix of less than 96 bits contains other addresses too, so it stays an IPv6 network.
  return prefix < MAPPED_BITS ? { network, prefix } : { network: plain, prefix: prefix - MAPPED_BITS };
}

const MAPPED_BITS = 96;

/**
 * Converts an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) to the IPv4 address: `::ffff:10.0.0.1` → `10.0.0.1`. Returns every
 * other text unchanged.
 */
export function unmapped(address: string): string {
  const tail = /^::ffff:(.+)$/i.exec(address)?.[1];
  if (tail === undefined) return address;
  if (isIP(tail) === 4) return tail;
  const groups = /^([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(tail);
  if (groups === null) return address;
  const [high, low] = [Number.parseInt(groups[1]!, 16), Number.parseInt(groups[2]!, 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
