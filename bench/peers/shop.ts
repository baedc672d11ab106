/** The API and the messages that all gateways of the comparison serve. `shop.proto` describes it; Go's upstream has the same. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../test/support/run.js';

/** The folder with the sources of the peers. */
export const SOURCES = join(ROOT, 'bench/peers');
export const PROTO = readFileSync(join(SOURCES, 'shop.proto'), 'utf8');

/** Returns the order with this many items, as JSON. */
export function order(items: number): Readonly<Record<string, unknown>> {
  return {
    name: 'orders/1234567',
    customer: 'customers/42',
    state: 'STATE_PAID',
    at: '1763856000000',
    items: Array.from({ length: items }, (_, i) => ({
      sku: `SKU-${1000 + i}`,
      quantity: 1 + (i % 7),
      price: { currencyCode: 'USD', units: String(19 + i), nanos: 990_000_000 },
      title: `A reasonably long product title number ${i} with "quotes"`,
    })),
    labels: { channel: 'web', region: 'eu-west-1' },
    gift: true,
    kg: 1.25,
    sum: Buffer.from('0123456789abcdef').toString('base64'),
  };
}

/** 689 bytes of JSON. */
export const SMALL = order(3);
/** 330 KB of JSON. */
export const BIG = order(2000);
/** 17 KB of JSON. */
export const MIDDLE = order(104);

/** The path that is answered with `SMALL`. A gateway is ready when it answers it. */
export const SMALL_PATH = '/v1/orders/1234567';

export const MESSAGES = 10_000;

export interface Case {
  readonly name: string;
  /** Words that describe the requests in the output. */
  readonly what: string;
  readonly connections: number;
  readonly path: string;
  /** The body of a POST. */
  readonly body?: string;
  /** The expected answer. Undefined for a stream. */
  readonly answer?: object;
  /** The number of messages of an answer, if it is a stream. The figures are for one message then. */
  readonly messages?: number;
  readonly unit: 'µs' | 'ms';
  /** True if protogate checks a token, counts against a limit, and answers a scrape of its metrics each second. */
  readonly isGuarded?: boolean;
}

const small = (connections: number): Case => ({
  name: `small-${connections}`,
  what: `GET of 689 B, ${connections} ${connections === 1 ? 'connection' : 'connections'}`,
  connections,
  path: SMALL_PATH,
  answer: SMALL,
  unit: 'µs',
});

export const CASES: readonly Case[] = [
  small(32),
  small(8),
  small(1),
  {
    ...small(32),
    name: 'guarded-32',
    what: 'the same over 32 connections; protogate checks a token and a limit, and its metrics are scraped',
    isGuarded: true,
  },
  {
    name: 'big-8',
    what: 'GET of 330 KB, 8 connections',
    connections: 8,
    path: '/v1/bigs/1',
    answer: BIG,
    unit: 'ms',
  },
  {
    name: 'post-16',
    what: 'POST of 17 KB, 16 connections',
    connections: 16,
    path: '/v1/orders',
    body: JSON.stringify(MIDDLE),
    answer: SMALL,
    unit: 'µs',
  },
  {
    name: 'stream-1',
    what: `one message of a stream of ${MESSAGES} × 689 B, 1 connection`,
    connections: 1,
    path: `/v1/watch?count=${MESSAGES}`,
    messages: MESSAGES,
    unit: 'µs',
  },
];
