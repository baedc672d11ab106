/**
 * This module compiles declared rate limits into counters. A declaration has one counter for all methods that it
 * applies to, with a separate key for each caller, address or method that `per` names. The counter's id is the same in
 * all gateways with the same protos and config, so that they can count together.
 */
import { createHash } from 'node:crypto';
import { formatDuration } from '../../base/duration.js';
import type { Principal } from '../../call/principal.js';
import type { MethodDescriptor } from '../../schema/descriptor.js';
import type { Hit } from '../../store/counters.js';
import type { LimitRule } from '../../store/window.js';
import type { RateLimitSettings } from './settings.js';

export interface RateLimit {
  readonly rule: LimitRule;
  /** Describes the limit in logs and metrics: `limit 1 of policy shop.*: 60 per 1m`. */
  readonly title: string;
  readonly perConsumer: boolean;
  readonly perAddress: boolean;
}

/** The caller and the client address of a request that is counted. */
export interface Counted {
  readonly principal: Principal | undefined;
  readonly clientAddress: string;
}

/** Compiles the limits of one declaration. `owner` names it: `method shop.v1.Orders/ListOrders`, `policy shop.*`. */
export function compileRateLimits(
  declarations: readonly RateLimitSettings[],
  owner: string,
  method: MethodDescriptor,
): readonly RateLimit[] {
  return declarations.map(({ limit, periodMs: period, per, enforce }, index) => {
    // Stores count in whole milliseconds.
    const periodMs = Math.max(1, Math.round(period));
    const route = per.includes('route') ? method.fullName : undefined;
    const id = `${owner} ${index} ${limit}/${periodMs}${route === undefined ? '' : ` ${route}`}`;
    const at = route === undefined ? owner : `${owner} for ${route}`;
    const title = `limit ${index + 1} of ${at}: ${limit} per ${formatDuration(periodMs)}`;
    return {
      rule: { id, limit, periodMs, enforce },
      title,
      perConsumer: per.includes('consumer'),
      perAddress: per.includes('ip'),
    };
  });
}

/** Compiles the limits of a plan. They always count per consumer, and also by what `per` names. */
export function compileConsumerPlan(
  name: string,
  declarations: readonly RateLimitSettings[],
  method: MethodDescriptor,
): readonly RateLimit[] {
  return compileRateLimits(declarations, `plan ${name}`, method).map((limit) => ({ ...limit, perConsumer: true }));
}

/** True if the limit counts by address alone, so that it can be checked before the caller is known. */
export function isByAddress({ perAddress, perConsumer }: RateLimit): boolean {
  return perAddress && !perConsumer;
}

/** Returns the limit and the key under which a request counts for it. A caller without a consumer is counted by address. */
export function hitOf({ rule, perConsumer, perAddress }: RateLimit, { principal, clientAddress }: Counted): Hit {
  const consumer = perConsumer ? consumerKey(principal) : '';
  const open = perAddress || consumer === undefined;
  const address = open ? addressKey(clientAddress) : '';
  return { rule, key: `${address} ${consumer ?? ''}`, open };
}

/**
 * Returns the key of the caller's consumer. Undefined when there is none. Consumers of two issuers with the same name
 * have different keys. Long names are hashed, so that the length of keys is bounded.
 */
function consumerKey(principal: Principal | undefined): string | undefined {
  if (principal?.consumer === undefined) return undefined;
  const { issuer, consumer } = principal;
  const text = `${issuer.length}:${issuer}${consumer}`;
  return text.length <= MAX_KEY ? text : createHash('sha256').update(text).digest('base64');
}

const MAX_KEY = 64;

/**
 * Returns the key of an address. An IPv6 network of 64 bits is one key, because one client can use all of its
 * addresses. Different spellings of an address have the same key.
 */
export function addressKey(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('::', 2);
  const left = groupsOf(head);
  const right = groupsOf(tail ?? '');
  const zeros = Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0');
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::`;
}

/**
 * Splits the text of an IPv6 address into groups. A dotted end, as in `::ffff:10.0.0.1`, stands for two groups. These become
 * `0`, because the key has only the first four groups of the address.
 */
function groupsOf(text: string): string[] {
  if (text === '') return [];
  return text
    .split(':')
    .flatMap((group) => (group.includes('.') ? ['0', '0'] : [Number.parseInt(group, 16).toString(16)]));
}
