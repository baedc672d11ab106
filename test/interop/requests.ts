/** Unary requests to the library service, with the result that every server must give. */
import { isDeepStrictEqual } from 'node:util';
import type { InteropCase } from './cases.js';

interface RequestCase {
  readonly name: string;
  /** The request: `GET /v1/shelves/1`. */
  readonly request: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly status: number;
  /** The whole body as JSON; it is not compared when undefined. */
  readonly json?: unknown;
  /** Headers that the answer must have with these values; null for a header that it must not have. */
  readonly responseHeaders?: Readonly<Record<string, string | null>>;
  /** A pattern that no part of the answer may match. */
  readonly never?: RegExp;
}

const RESOURCE_INFO = 'type.googleapis.com/google.rpc.ResourceInfo';

const SHELF = {
  name: 'shelves/1',
  theme: 'Käse & "Wein" 🧀',
  capacity: '9007199254740993',
  kind: 'KIND_OPEN',
  tags: ['a', ''],
  counts: { '': 2, x: -1 },
  createTime: '2024-02-29T12:00:00.000000001Z',
  heightMetres: 1.5,
  stamp: 'AP8=',
  note: '',
};

const REQUESTS: readonly RequestCase[] = [
  { name: 'every kind of field', request: 'GET /v1/shelves/1', status: 200, json: SHELF },
  { name: 'an empty message', request: 'GET /v1/shelves/empty', status: 200, json: {} },
  { name: 'HEAD of a GET', request: 'HEAD /v1/shelves/1', status: 200 },
  {
    name: 'NOT_FOUND with details',
    request: 'GET /v1/shelves/k%C3%A4se',
    status: 404,
    json: {
      code: 5,
      message: 'shelves/käse not found',
      details: [{ '@type': RESOURCE_INFO, resourceType: 'shelf', resourceName: 'shelves/käse' }],
    },
  },
  {
    name: 'INTERNAL keeps its secret',
    request: 'GET /v1/shelves/broken',
    status: 500,
    never: /secret|10\.0\.0\.1/,
  },
  { name: 'a handler that crashes', request: 'GET /v1/shelves/panic', status: 500, never: /10\.0\.0\.1/ },
  {
    name: 'the deadline reaches the server',
    request: 'GET /v1/shelves/timed',
    headers: { 'x-request-timeout': '20' },
    status: 200,
    json: { note: 'deadline true' },
  },
  {
    name: 'the deadline passes',
    request: 'GET /v1/shelves/slow',
    headers: { 'x-request-timeout': '0.3' },
    status: 504,
  },
  {
    name: 'metadata that nothing lists reaches nobody',
    request: 'GET /v1/shelves/empty',
    headers: { 'grpc-metadata-x-tenant': 'acme' },
    status: 200,
    json: {},
    responseHeaders: {
      'grpc-metadata-x-tenant': null,
      'grpc-metadata-x-raw-bin': null,
      'grpc-metadata-x-served': null,
    },
  },
  {
    name: 'create from a body field and the query',
    request: 'POST /v1/shelves?shelf_id=7',
    body: {
      theme: 'Krimi',
      capacity: '-9223372036854775808',
      kind: 2,
      tags: ['x'],
      counts: { a: 1 },
      heightMetres: 'Infinity',
    },
    status: 200,
    json: {
      name: 'shelves/7',
      theme: 'Krimi',
      capacity: '-9223372036854775808',
      kind: 'KIND_CLOSED',
      tags: ['x'],
      counts: { a: 1 },
      heightMetres: 'Infinity',
    },
  },
  {
    name: 'ALREADY_EXISTS',
    request: 'POST /v1/shelves?shelfId=1',
    body: { theme: 'x' },
    status: 409,
    json: { code: 6, message: 'shelves/1 exists', details: [] },
  },
  {
    name: 'INVALID_ARGUMENT with field violations',
    request: 'POST /v1/shelves?shelf_id=8',
    body: {},
    status: 400,
    json: {
      code: 3,
      message: 'theme is required',
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.BadRequest',
          fieldViolations: [{ field: 'shelf.theme', description: 'required' }],
        },
      ],
    },
  },
  { name: 'a body that does not fit', request: 'POST /v1/shelves', body: { capacity: 'many' }, status: 400 },
  {
    name: 'a list',
    request: 'GET /v1/shelves?page_size=2',
    status: 200,
    json: { shelves: [{ name: 'shelves/1' }, { name: 'shelves/2' }], nextPageToken: 'more' },
  },
  { name: 'an empty list', request: 'GET /v1/shelves', status: 200, json: {} },
  {
    name: 'an additional binding with response_body',
    request: 'GET /v1/themes/Krimi%20%26%20Noir/shelves?pageSize=1',
    status: 200,
    json: [{ name: 'shelves/1', theme: 'Krimi & Noir' }],
  },
  {
    name: 'PATCH with its mask from the body',
    request: 'PATCH /v1/shelves/3',
    body: { theme: 'Lyrik', heightMetres: 2 },
    status: 200,
    json: { name: 'shelves/3', theme: 'Lyrik', heightMetres: 2, note: 'theme,height_metres' },
  },
  {
    name: 'PATCH with a mask of the client',
    request: 'PATCH /v1/shelves/3?update_mask=theme,kind',
    body: { name: 'shelves/3', theme: 'Lyrik' },
    status: 200,
    json: { name: 'shelves/3', theme: 'Lyrik', note: 'theme,kind' },
  },
  { name: 'an Empty answer', request: 'DELETE /v1/shelves/1', status: 200, json: {} },
  {
    name: 'FAILED_PRECONDITION',
    request: 'DELETE /v1/shelves/locked',
    status: 400,
    json: { code: 9, message: 'shelves/locked is locked', details: [] },
  },
  { name: 'a path that nobody has', request: 'GET /library.v1.Library/GetShelf', status: 404 },
  { name: 'a method that the path has not', request: 'PUT /v1/shelves/1', status: 405 },
];

export const REQUEST_CASES: readonly InteropCase[] = REQUESTS.map((expected) => ({
  name: `${expected.name}: ${expected.request}`,
  async check({ url }) {
    const [method = '', path = ''] = expected.request.split(' ');
    const response = await fetch(url + path, {
      method,
      headers: { ...(expected.body === undefined ? {} : { 'content-type': 'application/json' }), ...expected.headers },
      ...(expected.body === undefined ? {} : { body: JSON.stringify(expected.body) }),
    });
    const wrong = differences(expected, response, await response.text());
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
  },
}));

function differences(
  { status, json, responseHeaders = {}, never }: RequestCase,
  response: Response,
  text: string,
): string[] {
  const wrong: string[] = [];
  if (response.status !== status)
    wrong.push(`status: expected ${status}, got ${response.status} ${text.slice(0, 500)}`);
  else if (json !== undefined && !isDeepStrictEqual(parse(text), json)) {
    wrong.push(`body: expected ${JSON.stringify(json)}`, `          got ${text.slice(0, 1000)}`);
  }
  for (const [name, value] of Object.entries(responseHeaders)) {
    const got = response.headers.get(name);
    if (got !== value) wrong.push(`${name}: expected ${value}, got ${got}`);
  }
  if (never?.test(text + JSON.stringify([...response.headers])))
    wrong.push(`expected nothing like ${never}, got ${text}`);
  return wrong;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
