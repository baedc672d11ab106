/**
 * Rate limits: declarations → what is asked of the counters. A declaration is one counter for all that it applies to,
 * with a key of its own for each caller, address or method that `per` names. Its id is the same in every gateway that
 * has the same protos and config, so that they can count together.
 */
import { createHash } from 'node:crypto';
import type { Principal } from '../../call/principal.js';
import type { MethodDescriptor } from '../../schema/descriptor.js';
import type { Hit } from '../../store/counters.js';
import type { LimitRule } from '../../store/window.js';
import type { RateLimitSettings } from './settings.js';

export interface RateLimit {
  readonly rule: LimitRule;
  readonly perConsumer: boolean;
  readonly perAddress: boolean;
}

/** Who is counted. */
export interface Counted {
  readonly principal: Principal | undefined;
  readonly clientAddress: string;
}

/** `owner` names the declaration: `method shop.v1.Orders/ListOrders`, `policy shop.*`. */
export function compileRateLimits(
  declarations: readonly RateLimitSettings[],
  owner: string,
  method: MethodDescriptor,
): readonly RateLimit[] {
  return declarations.map(({ limit, periodMs: period, per, enforce }, index) => {
    // Stores count whole milliseconds.
    const periodMs = Math.max(1, Math.round(period));
    const route = per.includes('route') ? ` ${method.fullName}` : '';
    return {
      rule: { id: `${owner} ${index} ${limit}/${periodMs}${route}`, limit, periodMs, enforce },
      perConsumer: per.includes('consumer'),
      perAddress: per.includes('ip'),
    };
  });
}

/** A plan is a consumer's, whatever else its limits are per. */
export function compileConsumerPlan(
  name: string,
  declarations: readonly RateLimitSettings[],
  method: MethodDescriptor,
): readonly RateLimit[] {
  return compileRateLimits(declarations, `plan ${name}`, method).map((limit) => ({ ...limit, perConsumer: true }));
}

/** Decided before anybody is asked who they are. */
export function isByAddress({ perAddress, perConsumer }: RateLimit): boolean {
  return perAddress && !perConsumer;
}

/** A caller that nobody knows, or that has no consumer, counts by address. */
export function hitOf({ rule, perConsumer, perAddress }: RateLimit, { principal, clientAddress }: Counted): Hit {
  const consumer = perConsumer ? consumerKey(principal) : '';
  const open = perAddress || consumer === undefined;
  const address = open ? addressKey(clientAddress) : '';
  return { rule, key: `${address} ${consumer ?? ''}`, open };
}

/** Two issuers' consumers of one name are two. Long names are digested: keys are bounded. Undefined: there is none. */
function consumerKey(principal: Principal | undefined): string | undefined {
  if (principal?.consumer === undefined) return undefined;
  const { issuer, consumer } = principal;
  const text = `${issuer.length}:${issuer}${consumer}`;
  return text.length <= MAX_KEY ? text : createHash('sha256').update(text).digest('base64');
}

const MAX_KEY = 64;

/** An IPv6 network of 64 bits is one client: it has as many addresses as it likes. However it is spelt, it is one key. */
export function addressKey(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('::', 2);
  const left = groupsOf(head);
  const right = groupsOf(tail ?? '');
  const zeros = Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0');
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::`;
}

/** The dotted end of an address stands for two groups. */
function groupsOf(text: string): string[] {
  if (text === '') return [];
  return text
    .split(':')
    .flatMap((group) => (group.includes('.') ? ['0', '0'] : [Number.parseInt(group, 16).toString(16)]));
}
