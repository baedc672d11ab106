/**
 * This module has a zod schema for each block of the config, with descriptions, defaults and units. Names in the output
 * contain the unit (`timeoutMs`), so that readers know what a number means.
 */
import * as z from 'zod';
import type { Position } from '../base/diagnostic.js';
import { isNetwork } from '../base/networks.js';
import { duration, durationAboveZero, headerPattern, MOST_WORKERS, port, size } from '../base/values.js';
import { EXCLUDE_FORMS, type ExcludeEntry, isExcludePattern } from '../schema/exclusion.js';
import { METHOD_SELECTOR_FORMS, parseMethodSelector } from '../schema/method-selector.js';
import { Code } from '../status/code.js';

/** The position of a setting until the loader sets the exact one. */
export const SOMEWHERE: Position = { file: 'options' };

export const listen = z
  .strictObject({
    host: z
      .string()
      .default('127.0.0.1')
      .describe('The address to listen on. `0.0.0.0` stands for all addresses of the machine.'),
    port: port.default(8080).describe('The port to listen on. 0 chooses a free port.'),
    h2c: z
      .boolean()
      .default(false)
      .describe('Serves HTTP/2 without TLS to clients that begin with it. HTTP/1.1 stays available on the port.'),
    keepAliveTimeout: duration
      .prefault('75s')
      .describe(
        'How long an idle connection stays open. A load balancer in front should close its connections earlier.',
      ),
    headersTimeout: duration
      .prefault('10s')
      .describe('How long the headers of a request may take. A slower request gets 408.'),
    maxConnections: z
      .int()
      .positive()
      .default(10_000)
      .describe('How many connections may be open. Further connections are refused.'),
    maxConnectionsPerAddress: z
      .int()
      .positive()
      .optional()
      .describe(
        'How many connections one client address may have open in each worker. IPv6 addresses count by their /64. Connections of `trustedProxies` do not count. Without it there is no such limit.',
      ),
    tls: z
      .strictObject({
        cert: z.string().describe('A PEM file with the certificate of the gateway and its chain.'),
        key: z.string().describe('A PEM file with the private key of the certificate.'),
        clientCa: z
          .string()
          .optional()
          .describe('A PEM file with the authorities that sign client certificates. `auth.mtls` needs it.'),
      })
      .optional()
      .describe(
        'The certificate for HTTPS. Without this block, the port is plaintext. The files are read again when they change.',
      ),
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
  .describe('The public port. It serves HTTP/1.1. With `tls` or `h2c` it also serves HTTP/2.');

const HOST_NAME = { error: 'expected a host name such as admin.example.com, or *.example.com' };

const adminPort = z
  .strictObject({
    host: z.string().default('127.0.0.1').describe('The address to listen on.'),
    port: port.default(9901).describe('The port to listen on. 0 chooses a free port.'),
    hosts: z
      .array(z.string().regex(/^(?:\*\.)?[\w-]+(?:\.[\w-]+)*$/, HOST_NAME))
      .default([])
      .describe(
        'Host names that requests may use besides `localhost` and IP addresses. `*.example.com` allows all names below it. Other requests get 421.',
      ),
    readiness: z
      .strictObject({
        upstreams: z
          .array(z.string())
          .default([])
          .describe(
            'Names of upstreams without which the gateway is not ready: `/readyz` is 503 while no server of one of them answers.',
          ),
      })
      .prefault({})
      .describe('What `/readyz` depends on besides the gateway itself.'),
  })
  .transform((block) => ({ ...block, position: { file: 'options' } as Position }));

export const DEFAULT_ADMIN = adminPort.parse({});

export const admin = z
  .union([z.literal(false), adminPort], {
    error: (issue) => (typeof issue.input === 'object' ? undefined : 'expected { host, port, hosts } or false'),
  })
  .transform((value) => (value === false ? undefined : value))
  .prefault({})
  .describe(
    'The port for operators: `/healthz`, `/readyz`, `/metrics`, `/routes` and the API documents. `false` turns it off.',
  );

const WORKERS = { error: `expected 1 to ${MOST_WORKERS}, or auto` };

export const workers = z
  .union([z.literal('auto'), z.int().min(1, WORKERS).max(MOST_WORKERS, WORKERS)], WORKERS)
  .default(1)
  .describe(
    'How many processes serve. `auto` starts one for each CPU core. They count rate limits together, and each has its own cache.',
  );

const cidr = z.string().refine(isNetwork, { error: 'expected an address or a network such as 10.0.0.0/8' });

export const trustedProxies = z
  .array(cidr)
  .default([])
  .describe(
    'Networks of proxies. The gateway uses the `x-request-id` and the `forwardedHeader` that these proxies send. The client address is the last address in that header that is in none of these networks.',
  );

export const forwardedHeader = z
  .enum(['x-forwarded-for', 'forwarded'])
  .default('x-forwarded-for')
  .describe(
    'The header in which trusted proxies name the client. `forwarded` is the header of RFC 7239. The header that is not chosen is never read.',
  );

export const methodSelector = z
  .string()
  .refine((text) => parseMethodSelector(text) !== undefined, { error: METHOD_SELECTOR_FORMS });

export const schema = z
  .strictObject({
    protos: z
      .array(z.string())
      .default([])
      .describe('Import roots. Every `.proto` file below them is loaded, and its services get routes.'),
    imports: z
      .array(z.string())
      .default([])
      .describe('Import roots for files that other files import. Their services get no routes.'),
    descriptorSets: z
      .array(z.string())
      .default([])
      .describe('Files with a `FileDescriptorSet` that includes all imports, as `buf build -o` writes it.'),
    exclude: z
      .array(
        z
          .string()
          .refine(isExcludePattern, { error: EXCLUDE_FORMS })
          .transform((pattern): ExcludeEntry => ({ pattern, position: SOMEWHERE })),
      )
      .default([])
      .describe(
        'Methods and files that get no routes, whatever annotations and rules say. An entry that matches nothing is an error.',
      ),
    httpRules: z
      .array(z.string())
      .default([])
      .describe(
        'Files in YAML or JSON with a `google.api.Service`, as grpc-gateway reads them. A rule replaces the annotation of its rpc, and the last rule wins.',
      ),
    watch: z
      .boolean()
      .default(false)
      .describe(
        'Reloads when a file has changed: the config, a proto, a descriptor set, a file of rules or keys, a certificate. `--watch` turns it on too.',
      ),
    autoRoutes: z
      .array(methodSelector)
      .default([])
      .describe('Selectors of methods that get the route `POST /pkg.Service/Method` if they have no rule.'),
  })
  .prefault({})
  .describe('Where the protos are, and which methods get routes.');

const ERROR_CODES = Object.keys(Code).filter((name) => !/^\d|^OK$/.test(name));

export const metadata = z
  .strictObject({
    request: z
      .array(headerPattern)
      .default([])
      .describe(
        'Request headers that reach a service, at most 100 of a request. `*` at the end stands for any rest. The service gets a header `grpc-metadata-NAME` as NAME.',
      ),
    response: z
      .array(headerPattern)
      .default([])
      .describe(
        'Metadata of a response or an error that reaches the client as headers. If a key is in headers and trailers, the trailers win. Headers that belong to a connection are never passed on.',
      ),
    forwardAuthorization: z.boolean().default(false).describe('Passes the `Authorization` header on to services.'),
  })
  .prefault({})
  .describe('Which headers pass between clients and services. All other headers are left out.');

export const json = z
  .strictObject({
    emitDefaults: z
      .boolean()
      .default(false)
      .describe('Writes fields that hold their default value, if they do not track presence.'),
    enumsAsInts: z.boolean().default(false).describe('Writes enum values as numbers.'),
    protoNames: z
      .boolean()
      .default(false)
      .describe('Writes `display_name` instead of `displayName`. Requests may use both.'),
    unknownFields: z
      .enum(['reject', 'ignore'])
      .default('reject')
      .describe(
        'Whether a request with an unknown field, or an unknown name of an enum, gets 400 or is read without it.',
      ),
  })
  .prefault({})
  .describe('How messages are written and read as JSON.');

export const query = z
  .strictObject({
    unknown: z
      .enum(['reject', 'ignore'])
      .default('reject')
      .describe('Whether a request with an unknown parameter gets 400 or is read without it.'),
    ignore: z
      .array(z.string())
      .default([])
      .describe('Parameters that are dropped without an error. `*` at the end stands for any rest.'),
  })
  .prefault({})
  .describe('How query parameters are read.');

export const errors = z
  .strictObject({
    format: z
      .enum(['status', 'aip193', 'problem'])
      .default('status')
      .describe(
        'The form of error answers: `google.rpc.Status`, the envelope of AIP-193, or the problem details of RFC 9457.',
      ),
    expose: z
      .array(z.enum(ERROR_CODES))
      .default([])
      .transform((names) => names.map((name) => Code[name as keyof typeof Code]))
      .describe(
        'gRPC codes whose message and details a client sees as the service wrote them, besides the codes that are meant for clients.',
      ),
    hints: z.boolean().default(true).describe('Lets a 404 name a public route whose path is similar.'),
  })
  .transform((block) => ({ ...block, position: { file: 'options' } as Position }))
  .prefault({})
  .describe('How errors are answered.');

export const limits = z
  .strictObject({
    connectionBytes: size
      .prefault('16MiB')
      .describe(
        'How many bytes of answers, and of request bodies, the gateway holds for one connection. When this is reached, no request begins on it, and no answer for it is read from upstreams.',
      ),
    bodyBytes: size
      .prefault('4MiB')
      .describe('The largest request body, and the largest message of a client stream. A larger one gets 413.'),
    responseBytes: size
      .prefault('64MiB')
      .describe(
        'The largest message of a service, and the largest JSON that is made of one. A larger one is answered with 502.',
      ),
    headerBytes: size
      .prefault('16KiB')
      .describe('The largest head of a request, which is the request line and the headers. A larger one gets 431.'),
    jsonDepth: z
      .int()
      .min(1)
      .max(1000)
      .default(100)
      .describe('The deepest nesting of JSON in a body. A deeper body gets 400.'),
    requestTimeout: durationAboveZero
      .prefault('30s')
      .describe(
        'How long a request that is not a stream may take, from the end of its headers to the end of its call.',
      ),
  })
  .transform(({ requestTimeout, ...rest }) => ({ ...rest, requestTimeoutMs: requestTimeout }))
  .prefault({})
  .describe('The limits of each request and its connection.');

export const drain = z
  .strictObject({
    grace: duration
      .prefault('5s')
      .describe(
        'How long the gateway still accepts requests after SIGTERM, while `/readyz` already says that it is not ready.',
      ),
    timeout: duration.prefault('30s').describe('How long running requests may take to finish after `grace`.'),
  })
  .transform(({ grace, timeout }) => ({ graceMs: grace, timeoutMs: timeout }))
  .prefault({})
  .describe('How the gateway shuts down.');

export const log = z
  .strictObject({
    format: z
      .enum(['json', 'text'])
      .optional()
      .describe('The form of the log. By default it is text on a terminal and JSON elsewhere.'),
    level: z
      .enum(['debug', 'info', 'warn', 'error'])
      .default('info')
      .describe(
        'The lowest level that is written. The lines of requests are `info`, and the lines of failed requests are `error`.',
      ),
    audit: z
      .string()
      .optional()
      .describe(
        'A file that also gets, as JSON, the log lines of requests that were refused because of their caller, and of reloads.',
      ),
    sample: z
      .number()
      .min(0)
      .max(1)
      .default(1)
      .describe('The share of successful requests that are logged. Failed requests are always logged.'),
  })
  .prefault({})
  .describe('The log, which goes to standard error.');

export const tracing = z
  .strictObject({
    otlp: z
      .url({ protocol: /^https?$/, error: 'expected a URL such as http://127.0.0.1:4318' })
      .describe('The URL of a receiver of OTLP over HTTP. `/v1/traces` is added to it.'),
    headers: z
      .record(z.string(), z.string())
      .default({})
      .describe('Headers of the export, such as a token of the receiver.'),
    sample: z
      .number()
      .min(0)
      .max(1)
      .default(1)
      .describe(
        'The share of requests that are recorded. For a request from a trusted proxy, the `traceparent` that it sends decides.',
      ),
    serviceName: z.string().default('protogate').describe('The name of this gateway in the traces (`service.name`).'),
  })
  .optional()
  .describe('The export of traces. Without it `traceparent` is passed on, and nothing is exported.');
