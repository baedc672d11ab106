/**
 * This module describes the bodies of requests and answers, with the media types of streams:
 *
 *     a message           application/json
 *     a stream            application/json: an array · application/x-ndjson: a line a message · text/event-stream
 *     google.api.HttpBody any media type
 */

import type { Binding } from '../routing/binding.js';
import { givesRawBody, takesRawBody } from '../routing/is-http-body.js';
import { compileUpdateMask } from '../transcoding/update-mask.js';
import type { Json } from './api.js';
import { markdownOf } from './descriptions.js';
import { shownPart } from './examples.js';
import type { Direction } from './scalar-schemas.js';
import { isDemanded, type SchemaBook } from './schema-book.js';

const BYTES: Json = { '*/*': { schema: { type: 'string', format: 'binary' } } };

/** Returns the field that the gateway fills when it is absent: the mask of a PATCH. Undefined if it fills none. */
export function filledMask(binding: Binding) {
  return compileUpdateMask(binding, 1)?.field;
}

/** Returns the schema of a request's body, or of each message of a stream. Undefined when there is no JSON body. */
export function requestSchema(binding: Binding, book: SchemaBook): Json | undefined {
  const { body, variables, method } = binding;
  if (body.kind === 'none' || takesRawBody(binding)) return undefined;
  const direction: Direction = filledMask(binding) === undefined ? 'input' : 'patch';
  const paths = variables.map(({ fieldPath }) => fieldPath);
  if (body.kind === 'field') {
    const inside = paths.filter(([first, ...rest]) => first === body.field && rest.length > 0);
    return book.valueSchema(
      body.field,
      direction,
      inside.map((path) => path.slice(1)),
    );
  }
  return book.messageSchema(method.input, direction, paths);
}

/** Returns an object with the member `requestBody` of the operation, or without members if the route has no body. */
export function requestBody(binding: Binding, book: SchemaBook, example: unknown): Json {
  const { body, method } = binding;
  if (body.kind === 'none') return {};
  const description = body.kind === 'field' ? markdownOf(body.field.comment) : '';
  const about = description === '' ? {} : { description };
  if (takesRawBody(binding)) return { requestBody: { ...about, content: BYTES } };
  const schema = requestSchema(binding, book)!;
  const shown = example === undefined ? {} : { example: shownBody(binding, book, example) };
  if (method.clientStreaming) return { requestBody: { ...about, content: streamContent(schema, LINES) } };
  const demands = Array.isArray(schema.required) || (body.kind === 'field' && isDemanded(body.field));
  return {
    requestBody: {
      ...about,
      ...(demands ? { required: true } : {}),
      content: { 'application/json': { schema, ...shown } },
    },
  };
}

function shownBody({ body, method }: Binding, book: SchemaBook, example: unknown): unknown {
  if (body.kind !== 'field') return shownPart(example, method.input, book);
  const { type, cardinality } = body.field;
  return type.kind === 'message' && cardinality === 'singular' ? shownPart(example, type.message, book) : example;
}

/** Returns the schema of an answer, or of each message of a stream. Undefined for bytes. */
export function responseSchema(binding: Binding, book: SchemaBook): Json | undefined {
  const { responseBody, method } = binding;
  if (givesRawBody(binding)) return undefined;
  if (responseBody !== undefined) return book.valueSchema(responseBody, 'output');
  return book.reference(method.output, 'output');
}

/** Returns the content of a successful answer. */
export function responseContent(binding: Binding, book: SchemaBook): Json {
  const schema = responseSchema(binding, book);
  if (schema === undefined) return BYTES;
  if (!binding.method.serverStreaming) return { 'application/json': { schema } };
  return {
    ...streamContent(schema, `${LINES} ${FAILED}`),
    'text/event-stream': {
      schema: { type: 'string', description: EVENTS },
      'x-itemSchema': {
        type: 'object',
        properties: {
          id: { type: 'string' },
          event: { type: 'string', enum: ['end'] },
          data: { type: 'string', contentMediaType: 'application/json', contentSchema: schema },
        },
      },
    },
  };
}

/** Returns the two JSON forms of a stream: an array, and lines. OpenAPI 3.2 has `itemSchema` in place of `x-itemSchema`. */
function streamContent(schema: Json, description: string): Json {
  return {
    'application/json': { schema: { type: 'array', items: schema } },
    'application/x-ndjson': { schema: { type: 'string', description }, 'x-itemSchema': schema },
  };
}

const LINES = 'One JSON value per line.';
const FAILED = 'A stream that fails ends with a line that has the error in `error`.';
const EVENTS =
  'Server-sent events. The `data` of each is a JSON value. The last event is `end`; its `data` has the `code` of the call.';

/**
 * Returns an object with the member `x-websocket` for a route that can be opened as a WebSocket, and without members for
 * others.
 */
export function webSocket(binding: Binding, book: SchemaBook): Json {
  const { method, body } = binding;
  if (!method.clientStreaming && !method.serverStreaming) return {};
  const sends = method.clientStreaming || body.kind !== 'none';
  const whole = body.kind === 'none' ? { ...binding, body: { kind: 'whole' as const } } : binding;
  const send = sends ? (requestSchema(whole, book) ?? BINARY) : undefined;
  return {
    'x-websocket': {
      ...(send === undefined ? {} : { send }),
      receive: responseSchema(binding, book) ?? BINARY,
    },
  };
}

/** Returns how to use a streaming route as a WebSocket. Empty for other routes. */
export function webSocketText({ method, body, ...rest }: Binding): string {
  if (!method.clientStreaming && !method.serverStreaming) return '';
  const opening = 'It can also be opened as a WebSocket at the same path';
  if (!method.clientStreaming && body.kind === 'none') return `${opening}: each message comes as a frame.`;
  const what = takesRawBody({ ...rest, method, body }) ? 'the bytes as frames' : 'each message as a text frame of JSON';
  const sending = method.clientStreaming
    ? `send ${what}, and an empty text frame after the last one`
    : 'send the body as a frame';
  return `${opening}: ${sending}.${method.serverStreaming ? ' Each message of the answer comes as a frame.' : ''}`;
}

const BINARY: Json = { type: 'string', format: 'binary' };
