/** This module compiles the `addresses` of a route into a check of the client's address. */
import { compileNetworks } from '../../base/networks.js';
import { notAllowed } from '../../status/refusals.js';
import type { AddressSettings } from './settings.js';

/**
 * True if a client with this address may call. `deny` is stronger than `allow`. Without `allow`, every address that is
 * not denied may call.
 */
export type Admits = (address: string) => boolean;

/**
 * Returns the check of a client's address. Undefined when there are no settings, so that such a route has no stage for
 * it.
 */
export function compileAddresses(settings: AddressSettings | undefined): Admits | undefined {
  if (settings === undefined) return undefined;
  const { allow, deny } = settings;
  const isDenied = compileNetworks(deny);
  const isAllowed = allow.length === 0 ? () => true : compileNetworks(allow);
  return (address) => !isDenied(address) && isAllowed(address);
}

/** Throws 403 (PERMISSION_DENIED) for an address that may not call. The error does not name the allowed networks. */
export function demandAddress(admits: Admits | undefined, address: string): void {
  if (admits !== undefined && !admits(address)) throw notAllowed('a client address that `addresses` allows');
}
