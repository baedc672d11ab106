/** This module describes the error answers: their form, and for each HTTP status the reasons for which it is sent. */
import { REASONS } from '../status/reasons.js';
import type { ErrorFormat } from '../transcoding/error-body.js';
import type { Json } from './api.js';

/** The name of the schema of error answers. No message has it, because the package `protogate` has no message `Error`. */
export const ERROR_SCHEMA = 'protogate.Error';

const CODE: Json = {
  type: 'integer',
  format: 'int32',
  description: 'The [gRPC status code](https://grpc.io/docs/guides/status-codes/).',
};
const HTTP_STATUS: Json = { type: 'integer', format: 'int32', description: 'The HTTP status.' };
const MESSAGE: Json = { type: 'string', description: 'What is wrong, for developers.' };
const DETAILS: Json = {
  type: 'array',
  description:
    'Details for programs. The errors of the gateway itself have a `google.rpc.ErrorInfo` with the domain `protogate` and a `reason`.',
  items: {
    type: 'object',
    properties: { '@type': { type: 'string' }, reason: { type: 'string' }, domain: { type: 'string' } },
    additionalProperties: true,
  },
};

const SCHEMAS: Readonly<Record<ErrorFormat, Json>> = {
  status: {
    type: 'object',
    title: 'Error',
    properties: { code: CODE, message: MESSAGE, details: DETAILS },
    required: ['code', 'message', 'details'],
  },
  aip193: {
    type: 'object',
    title: 'Error',
    properties: {
      error: {
        type: 'object',
        properties: {
          code: HTTP_STATUS,
          message: MESSAGE,
          status: { type: 'string', description: 'The name of the gRPC status code, such as `NOT_FOUND`.' },
          details: DETAILS,
        },
        required: ['code', 'message', 'status', 'details'],
      },
    },
    required: ['error'],
  },
  problem: {
    type: 'object',
    title: 'Error',
    description: 'Problem details (RFC 9457).',
    properties: {
      type: { type: 'string', format: 'uri-reference' },
      title: { type: 'string' },
      status: HTTP_STATUS,
      detail: MESSAGE,
      code: CODE,
      details: DETAILS,
    },
    required: ['type', 'title', 'status', 'detail', 'code', 'details'],
  },
};

export function errorSchema(format: ErrorFormat): Json {
  return SCHEMAS[format];
}

export function errorContent(format: ErrorFormat): Json {
  const type = format === 'problem' ? 'application/problem+json' : 'application/json';
  return { [type]: { schema: { $ref: `#/components/schemas/${ERROR_SCHEMA}` } } };
}

/**
 * The statuses for which an operation lists the gateway's errors. Errors with other statuses, such as 431, are sent before a
 * route is known.
 */
export type ErrorStatus = 400 | 401 | 403 | 406 | 408 | 413 | 415 | 429 | 502 | 503 | 504;

const STATUSES: readonly ErrorStatus[] = [400, 401, 403, 406, 408, 413, 415, 429, 502, 503, 504];

const RETRIED: ReadonlySet<ErrorStatus> = new Set([429, 503]);

/** Yields the responses that operations refer to: one for each status, and `Error` for the errors of the service. */
export function* errorResponses(format: ErrorFormat): Generator<readonly [name: string, response: Json]> {
  const content = errorContent(format);
  for (const status of STATUSES) {
    const reasons = Object.entries(REASONS).filter(([, { httpStatus }]) => httpStatus === status);
    const lines = reasons.map(([name, { when }]) => `- \`${name}\`: ${when}`);
    const retried = RETRIED.has(status) ? { headers: { 'Retry-After': { $ref: RETRY_AFTER } } } : {};
    yield [errorName(status), { description: `Reasons:\n\n${lines.join('\n')}`, ...retried, content }];
  }
  yield ['Error', { description: 'An error of the service, or of the gateway.', content }];
}

const RETRY_AFTER = '#/components/headers/Retry-After';

function errorName(status: ErrorStatus): string {
  return `Error-${status}`;
}

/** Returns the references to the error answers of an operation, by status. */
export function errorReferences(statuses: readonly ErrorStatus[]): Json {
  const references = statuses.map((status) => [status, { $ref: `#/components/responses/${errorName(status)}` }]);
  return { ...Object.fromEntries(references), default: { $ref: '#/components/responses/Error' } };
}
