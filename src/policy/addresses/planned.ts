/** `addresses` of a route → whether a client's address may call it. */
import { compileNetworks } from '../../base/networks.js';
import { notAllowed } from '../../status/refusals.js';
import type { AddressSettings } from './settings.js';

/** True if a client with this address may call. Deny wins over allow; without allow everybody else may. */
export type Admits = (address: string) => boolean;

/** Undefined settings admit everybody, and are undefined again: such a route has no stage for it. */
export function compileAddresses(settings: AddressSettings | undefined): Admits | undefined {
  if (settings === undefined) return undefined;
  const { allow, deny } = settings;
  const isDenied = compileNetworks(deny);
  const isAllowed = allow.length === 0 ? () => true : compileNetworks(allow);
  return (address) => !isDenied(address) && isAllowed(address);
}

/** Throws 403 (PERMISSION_DENIED) for an address that may not call. It does not say which networks may. */
export function demandAddress(admits: Admits | undefined, address: string): void {
  if (admits !== undefined && !admits(address)) throw notAllowed();
}
