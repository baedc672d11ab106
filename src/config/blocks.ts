/**
 * This module has a zod schema for each block of the config, with descriptions, defaults and units. Names in the output
 * contain the unit (`timeoutMs`), so that readers know what a number means.
 */
import { z } from 'zod';
import type { Position } from '../base/diagnostic.js';
import { isNetwork } from '../base/networks.js';
import { duration, durationAboveZero, headerPattern, MOST_WORKERS, port, size } from '../base/values.js';
import { retrySettings } from '../policy/retry/settings.js';
import { EXCLUDE_FORMS, type ExcludeEntry, isExcludePattern } from '../schema/exclusion.js';
import { METHOD_SELECTOR_FORMS, parseMethodSelector } from '../schema/method-selector.js';
import { Code } from '../status/code.js';
import { isServiceSelector } from '../upstream/service-selector.js';
import { TARGET_FORMS, targetProblem } from '../upstream/target.js';

/** The position of a setting until the loader sets the exact one. */
export const SOMEWHERE: Position = { file: 'options' };

export const listen = z
  .strictObject({
    host: z.string().default('127.0.0.1').describe('Address to listen on.'),
    port: port.default(8080).describe('0: any free port.'),
    h2c: z.boolean().default(false).describe('HTTP/2 without TLS, for clients that know of it beforehand.'),
    keepAliveTimeout: duration.prefault('75s').describe('An idle connection is closed after so long.'),
    headersTimeout: duration.prefault('10s').describe('For the whole head of a request.'),
    maxConnections: z.int().positive().default(10_000).describe('More are refused.'),
    maxConnectionsPerAddress: z
      .int()
      .positive()
      .optional()
      .describe(
        'More connections of one client address are refused, in each worker; IPv6 by its /64. Those of trustedProxies do not count. Absent: no such limit.',
      ),
    tls: z
      .strictObject({
        cert: z.string().describe('PEM file of the gateway’s certificate and its chain.'),
        key: z.string().describe('PEM file of its key.'),
        clientCa: z.string().optional().describe('PEM file of the authorities whose client certificates count.'),
      })
      .optional()
      .describe('Absent: plaintext.'),
  })
  .refine(({ maxConnections, maxConnectionsPerAddress = 1 }) => maxConnectionsPerAddress <= maxConnections, {
    path: ['maxConnectionsPerAddress'],
    error: 'expected at most as many as maxConnections',
  })
  .transform(({ keepAliveTimeout, headersTimeout, ...rest }) => ({
    ...rest,
    keepAliveTimeoutMs: keepAliveTimeout,
    headersTimeoutMs: headersTimeout,
  }))
  .prefault({})
  .describe('The public port: HTTP/1.1; with tls HTTP/2 as well.');

const HOST_NAME = { error: 'expected a host name such as admin.example.com, or *.example.com' };

const adminPort = z
  .strictObject({
    host: z.string().default('127.0.0.1').describe('Address to listen on.'),
    port: port.default(9901).describe('0: any free port.'),
    hosts: z
      .array(z.string().regex(/^(?:\*\.)?[\w-]+(?:\.[\w-]+)*$/, HOST_NAME))
      .default([])
      .describe('Names under which it is asked, besides localhost and IP addresses; *.example.com: all below it.'),
  })
  .transform((block) => ({ ...block, position: { file: 'options' } as Position }));

export const DEFAULT_ADMIN = adminPort.parse({});

export const admin = z
  .union([z.literal(false), adminPort], {
    error: (issue) => (typeof issue.input === 'object' ? undefined : 'expected { host, port, hosts } or false'),
  })
  .transform((value) => (value === false ? undefined : value))
  .prefault({})
  .describe('Health and the route map, never on the public port; false: none.');

const WORKERS = { error: `expected 1 to ${MOST_WORKERS}, or auto` };

export const workers = z
  .union([z.literal('auto'), z.int().min(1, WORKERS).max(MOST_WORKERS, WORKERS)], WORKERS)
  .default(1)
  .describe('Processes that serve; auto: one per core. They count limits together; each has its own cache.');

const cidr = z.string().refine(isNetwork, { error: 'expected an address or a network such as 10.0.0.0/8' });

export const trustedProxies = z
  .array(cidr)
  .default([])
  .describe('Whose X-Forwarded-For (see forwardedHeader) and x-request-id are believed, counted from the right.');

export const forwardedHeader = z
  .enum(['x-forwarded-for', 'forwarded'])
  .default('x-forwarded-for')
  .describe('The header in which trusted proxies say who called them: X-Forwarded-For, or Forwarded (RFC 7239).');

export const methodSelector = z
  .string()
  .refine((text) => parseMethodSelector(text) !== undefined, { error: METHOD_SELECTOR_FORMS });

export const schema = z
  .strictObject({
    protos: z.array(z.string()).default([]).describe('Import roots; every .proto below them is loaded and routed.'),
    imports: z.array(z.string()).default([]).describe('Roots that are found by imports and never routed.'),
    descriptorSets: z.array(z.string()).default([]).describe('FileDescriptorSets, with their imports.'),
    exclude: z
      .array(
        z
          .string()
          .refine(isExcludePattern, { error: EXCLUDE_FORMS })
          .transform((pattern): ExcludeEntry => ({ pattern, position: SOMEWHERE })),
      )
      .default([])
      .describe('Methods and files that get no routes: shop.v1.Admin.*, shop.v1.Orders/Dump, vendor/**.'),
    httpRules: z
      .array(z.string())
      .default([])
      .describe('google.api.Service files in YAML, also grpc-gateway’s: their rules replace annotations.'),
    autoRoutes: z
      .array(methodSelector)
      .default([])
      .describe('Selectors of methods that get POST /pkg.Service/Method when they have no rule.'),
  })
  .prefault({})
  .describe('Where the protos are.');

const ERROR_CODES = Object.keys(Code).filter((name) => !/^\d|^OK$/.test(name));

const serviceSelector = z
  .string()
  .refine(isServiceSelector, { error: 'expected a service (shop.v1.Orders), a package (billing.v1.*) or *' });

const upstream = z
  .strictObject({
    target: z
      .string()
      .refine((text) => targetProblem(text) === undefined, { error: `expected ${TARGET_FORMS}` })
      .describe(`${TARGET_FORMS}.`),
    services: z
      .array(serviceSelector)
      .default(['*'])
      .describe('Services that it serves: shop.v1.Orders, billing.v1.* (sub-packages too), *; the longest wins.'),
    tls: z
      .strictObject({
        ca: z.string().optional().describe('PEM file of the authorities; absent: the system’s.'),
        cert: z.string().optional().describe('PEM file of the gateway’s own certificate, for mutual TLS.'),
        key: z.string().optional().describe('PEM file of its key.'),
        serverName: z.string().optional().describe('Name that the upstream’s certificate must carry.'),
      })
      .optional()
      .describe('Absent: plaintext.'),
    timeout: durationAboveZero.optional().describe('Deadline of unary calls; a method’s own policy wins.'),
    streamIdleTimeout: duration.prefault('5m').describe('A stream on which nothing comes for so long ends.'),
    retry: retrySettings.optional().describe('Of unary calls that fail; a method’s own policy wins.'),
    transport: z.enum(['http2', 'grpc-js']).default('http2').describe('What carries the calls.'),
  })
  .transform(({ timeout, retry, streamIdleTimeout, ...rest }) => ({
    ...rest,
    streamIdleTimeoutMs: streamIdleTimeout,
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
    ...(retry === undefined ? {} : { retry }),
  }));

/** The settings of an upstream for which only a target is given. */
export const PLAIN_UPSTREAM = upstream.parse({ target: 'localhost:1' });

const UPSTREAM_NAME = { error: 'expected a name of letters, digits, _ and -, a letter first' };

export const upstreams = z
  .record(z.string().regex(/^[A-Za-z][A-Za-z0-9_-]*$/, UPSTREAM_NAME), upstream)
  .default({})
  .transform((record) => new Map(Object.entries(record)))
  .describe('The gRPC servers, by name.');

export const metadata = z
  .strictObject({
    request: z
      .array(headerPattern)
      .default([])
      .describe('Request headers that reach a backend; grpc-metadata- is cut off.'),
    response: z.array(headerPattern).default([]).describe('Response metadata that reaches a client.'),
    forwardAuthorization: z.boolean().default(false).describe('Pass the Authorization header on.'),
  })
  .prefault({})
  .describe('Nothing else of the client’s headers reaches a backend, nothing else of a backend’s a client.');

export const json = z
  .strictObject({
    emitDefaults: z.boolean().default(false).describe('Write fields without presence that hold their default.'),
    enumsAsInts: z.boolean().default(false).describe('Write enums as numbers.'),
    protoNames: z.boolean().default(false).describe('Write display_name instead of displayName.'),
    unknownFields: z
      .enum(['reject', 'ignore'])
      .default('reject')
      .describe('What an unknown field of a body gets, and an unknown name of an enum.'),
  })
  .prefault({})
  .describe('How messages look as JSON.');

export const query = z
  .strictObject({
    unknown: z.enum(['reject', 'ignore']).default('reject').describe('What an unknown parameter gets.'),
    ignore: z.array(z.string()).default([]).describe('Parameters that are dropped: utm_*.'),
  })
  .prefault({})
  .describe('Query parameters.');

export const errors = z
  .strictObject({
    format: z
      .enum(['status', 'aip193', 'problem'])
      .default('status')
      .describe('Their shape: google.rpc.Status, the AIP-193 envelope, or RFC 9457.'),
    expose: z
      .array(z.enum(ERROR_CODES))
      .default([])
      .transform((names) => names.map((name) => Code[name as keyof typeof Code]))
      .describe('gRPC codes whose text an upstream may say to a client, besides those that speak to one: UNKNOWN.'),
    hints: z.boolean().default(true).describe('A 404 names a public route that is nearly the path that was asked for.'),
  })
  .transform((block) => ({ ...block, position: { file: 'options' } as Position }))
  .prefault({})
  .describe('Error answers.');

export const limits = z
  .strictObject({
    connectionBytes: size
      .prefault('16MiB')
      .describe(
        'Of answers that one connection holds; while it is full, no request of it begins, and no more of its answers is read from upstreams. As much again of request bodies.',
      ),
    bodyBytes: size
      .prefault('4MiB')
      .describe('Of a request body, and of each message that a client streams; more is 413.'),
    responseBytes: size
      .prefault('64MiB')
      .describe('Of an upstream’s message, and of the JSON that is made of it; more is 502.'),
    headerBytes: size.prefault('16KiB').describe('Of a request’s head; more is 431.'),
    jsonDepth: z.int().min(1).max(1000).default(100).describe('Deepest nesting of JSON.'),
    requestTimeout: durationAboveZero
      .prefault('30s')
      .describe('From the first byte of a request to the end of its call.'),
  })
  .transform(({ requestTimeout, ...rest }) => ({ ...rest, requestTimeoutMs: requestTimeout }))
  .prefault({})
  .describe('What one request may take.');

export const drain = z
  .strictObject({
    grace: duration.prefault('5s').describe('After SIGTERM: not ready, still accepting.'),
    timeout: duration.prefault('30s').describe('Then: what runs may finish for so long.'),
  })
  .transform(({ grace, timeout }) => ({ graceMs: grace, timeoutMs: timeout }))
  .prefault({})
  .describe('How the process ends.');

export const log = z
  .strictObject({
    format: z.enum(['json', 'text']).optional().describe('Absent: text on a terminal, JSON elsewhere.'),
    sample: z.number().min(0).max(1).default(1).describe('Share of successful requests that are logged.'),
  })
  .prefault({})
  .describe('The access log; failures are always logged.');
