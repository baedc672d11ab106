/** This module has the zod schema of `upstreams` in the config: the gRPC servers, and how calls are spread over them. */
import * as z from 'zod';
import { duration, durationAboveZero, headerName } from '../base/values.js';
import { retrySettings } from '../policy/retry/settings.js';
import { isServiceSelector } from '../upstream/service-selector.js';
import { TARGET_FORMS, targetProblem } from '../upstream/target.js';
import { SOMEWHERE } from './blocks.js';
import { circuitBreaker, hedge, maxConcurrent } from './protection.js';

const serviceSelector = z
  .string()
  .refine(isServiceSelector, { error: 'expected a service (shop.v1.Orders), a package (billing.v1.*) or *' });

const target = z.string().refine((text) => targetProblem(text) === undefined, { error: `expected ${TARGET_FORMS}` });

const when = z
  .union(
    [
      z.strictObject({
        header: headerName.describe('The name of a request header.'),
        value: z.string().describe('The value that the header must have.'),
      }),
      z.strictObject({
        percent: z
          .number()
          .positive()
          .max(100)
          .describe(
            'The percentage of the callers. One caller always gets the same servers. If the caller of a request is not known, the client address decides.',
          ),
      }),
    ],
    { error: 'expected { header, value } or { percent }' },
  )
  .describe(
    'The condition for requests that go to this target. Requests that meet it go only to targets with the same condition. A target without `when` gets the requests that meet no condition.',
  );

const targetEntry = z
  .union(
    [
      target.transform((address) => ({ address })),
      z.strictObject({
        address: target.describe(`An address, or a name with several: ${TARGET_FORMS}.`),
        weight: z
          .int()
          .min(1)
          .max(1000)
          .optional()
          .describe(
            'The share of the calls, relative to the other entries. If the name has several addresses, they divide this share. Without this key, the weight is 1.',
          ),
        when: when.optional(),
      }),
    ],
    { error: 'expected an address such as 10.0.0.1:50051, or { address, weight, when }' },
  )
  .transform(({ address, weight = 1, when }: WrittenTarget) => ({ address, weight, ...(when && { when }) }));

/** An entry of `targets` with each of its keys, whichever form it has. */
interface WrittenTarget {
  readonly address: string;
  readonly weight?: number | undefined;
  readonly when?: z.output<typeof when> | undefined;
}

const percent = z.int().min(0).max(100);

const healthCheck = z
  .strictObject({
    interval: durationAboveZero.prefault('5s').describe('The time between two checks of a server.'),
    timeout: durationAboveZero.prefault('1s').describe('How long an answer may take.'),
    service: z
      .string()
      .max(200)
      .default('')
      .describe('The service whose health is asked. Without it the health of the whole server counts.'),
    healthyThreshold: z
      .int()
      .min(1)
      .max(100)
      .default(2)
      .describe(
        'How many good answers in a row make an unhealthy server healthy. The first check of a server decides alone.',
      ),
    unhealthyThreshold: z
      .int()
      .min(1)
      .max(100)
      .default(2)
      .describe('How many bad or missing answers in a row make a healthy server unhealthy.'),
  })
  .transform(({ interval, timeout, ...rest }) => ({ ...rest, intervalMs: interval, timeoutMs: timeout }))
  .describe(
    'Asks each server for its health (`grpc.health.v1`). Unhealthy servers get no calls. A server without the health service counts as healthy.',
  );

const outlierDetection = z
  .strictObject({
    consecutiveFailures: z
      .int()
      .min(1)
      .max(1000)
      .default(5)
      .describe('How many calls in a row must fail. UNAVAILABLE counts, and a deadline that the client did not set.'),
    ejectFor: durationAboveZero
      .prefault('30s')
      .describe(
        'How long the first ejection lasts. In a row, the second one lasts twice as long, the third one three times, and so on, up to 5 minutes.',
      ),
    maxEjectedPercent: percent
      .default(50)
      .describe(
        'The percentage of the servers that may be ejected at the same time. If there are several servers, one may always be ejected.',
      ),
  })
  .transform(({ ejectFor, ...rest }) => ({ ...rest, ejectForMs: ejectFor }))
  .describe('Ejects a server on which several calls in a row fail: it gets no calls for a while.');

const upstream = z
  .strictObject({
    target: target
      .optional()
      .describe(
        `Where the servers are: ${TARGET_FORMS}. The addresses of a name are looked up regularly, and calls go to all of them.`,
      ),
    targets: z
      .array(targetEntry)
      .min(1)
      .max(1000)
      .refine((targets) => targets.some((entry) => entry.when === undefined), {
        error: 'expected a target without when, for the requests for which no condition holds',
      })
      .refine((targets) => sumOfPercents(targets) <= 100, { error: 'expected at most 100 percent in all' })
      .optional()
      .describe('Several targets instead of one. Each is an address, or a block with a weight or a condition.'),
    loadBalancing: z
      .enum(['round_robin', 'pick_first', 'least_request'])
      .default('round_robin')
      .describe(
        'Which address gets a call: each in turn, the first that can be reached, or the one of two random ones that has fewer running calls.',
      ),
    services: z
      .array(serviceSelector)
      .default(['*'])
      .describe(
        'The services that the server has. `billing.v1.*` takes packages below it too. If several upstreams select a service, the longest selector wins.',
      ),
    tls: z
      .strictObject({
        ca: z
          .string()
          .optional()
          .describe(
            'A PEM file with the authorities that sign the certificate of the server. Without this key, those that the system trusts are accepted.',
          ),
        cert: z.string().optional().describe('A PEM file with the certificate of the gateway, for mutual TLS.'),
        key: z.string().optional().describe('A PEM file with the private key of `cert`.'),
        serverName: z.string().optional().describe('The name that the certificate of the server must have.'),
      })
      .optional()
      .describe(
        'TLS to the server. Without this block, the connection is plaintext. The files are read again when they change.',
      ),
    timeout: durationAboveZero.optional().describe('The deadline of unary calls. The `timeout` of a policy wins.'),
    streamIdleTimeout: duration.prefault('5m').describe('How long a stream may be without a message before it ends.'),
    healthCheck: healthCheck.optional(),
    outlierDetection: outlierDetection.optional(),
    panicThreshold: percent
      .default(50)
      .describe(
        'The percentage of the servers that must be healthy and not ejected. If there are fewer, all servers get calls again. 0 turns this off.',
      ),
    slowStart: durationAboveZero
      .optional()
      .describe(
        'How long a server gets fewer calls when it is new, or gets calls again after a failure: a tenth of its share at first, then more and more.',
      ),
    maxConnectionAge: durationAboveZero
      .optional()
      .describe(
        'The time after which a connection gets no new calls. Each connection has a random time of 80 to 100 % of it. Running calls may end.',
      ),
    retry: retrySettings
      .optional()
      .describe('Which unary calls are made again after a failure. The `retry` of a policy wins.'),
    circuitBreaker,
    hedge,
    maxConcurrent,
    transport: z
      .enum(['lean', 'http2', 'grpc-js'])
      .default('lean')
      .describe('The HTTP/2 client that carries the calls: that of the gateway (`lean`), of Node.js or of grpc-js.'),
  })
  .refine(({ target, targets }) => target !== undefined || targets !== undefined, {
    error: 'expected target or targets, got neither',
  })
  .refine(({ target, targets }) => target === undefined || targets === undefined, {
    error: 'expected target or targets, got both',
  })
  .transform(
    ({
      target = '',
      targets = [{ address: target, weight: 1 }],
      timeout,
      retry,
      streamIdleTimeout,
      slowStart: slowStartMs,
      maxConnectionAge: maxConnectionAgeMs,
      hedge,
      ...rest
    }) => ({
      ...rest,
      targets,
      streamIdleTimeoutMs: streamIdleTimeout,
      slowStartMs,
      maxConnectionAgeMs,
      ...(hedge === undefined ? {} : { hedgeAfterMs: hedge.after }),
      ...(timeout === undefined ? {} : { timeoutMs: timeout }),
      ...(retry === undefined ? {} : { retry }),
    }),
  );

/** The settings of an upstream for which only a target is given. */
export const PLAIN_UPSTREAM = upstream.parse({ target: 'localhost:1' });

const UPSTREAM_NAME = { error: 'expected a name of letters, digits, _ and -, a letter first' };

export const upstreams = z
  .record(z.string().regex(/^[A-Za-z][A-Za-z0-9_-]*$/, UPSTREAM_NAME), upstream)
  .default({})
  .transform((record) => new Map(Object.entries(record).map(([name, own]) => [name, { ...own, position: SOMEWHERE }])))
  .describe('The gRPC servers that the gateway calls, by name.');

/** Returns the sum of the percentages, each counted once. */
function sumOfPercents(targets: readonly WrittenTarget[]): number {
  const percents = new Set(
    targets.flatMap(({ when }) => (when !== undefined && 'percent' in when ? [when.percent] : [])),
  );
  return [...percents].reduce((sum, percent) => sum + percent, 0);
}
