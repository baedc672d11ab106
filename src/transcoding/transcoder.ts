/**
 * A Transcoder is one compiled binding. It turns the path, query and body of an HTTP request into the bytes of the request
 * message, and the bytes of the response message into JSON. It makes no calls and keeps no state.
 * docs/http-mapping.md has the rules.
 *
 *     PATCH /v1/{book.name=shelves/*}   body: "book"
 *     /v1/shelves/1?update_mask=title   {"title": "Emma"}
 *     → UpdateBookRequest { 1: book { 1: "shelves/1", 2: "Emma" }, 2: update_mask { 1: "title" } }
 */
import { BoundMessage, bindPaths, bindText, encodeBound } from '../codec/bound.js';
import type { Codecs, MessageCodec } from '../codec/codec.js';
import { type FieldMask, parseFieldMask } from '../codec/field-mask.js';
import { isAlwaysSet } from '../paths/field-presence.js';
import type { Binding } from '../routing/binding.js';
import { isSamePath } from '../routing/field-path.js';
import { givesRawBody, takesRawBody } from '../routing/is-http-body.js';
import type { FieldDescriptor } from '../schema/descriptor.js';
import { gatewayError, invalidRequest } from '../status/status-error.js';
import { bindingProblem } from './binding-problem.js';
import { decodeHttpBody, encodeField, encodeHttpBody } from './http-body.js';
import { type JsonForm, jsonAnswer } from './json-answer.js';
import { type BetweenParts, inParts, type RequestBytes, readRest } from './json-request.js';
import type { GuardMasks } from './mask-guard.js';
import { compileQuery, type QueryRule, type QuerySettings } from './query.js';
import type { AnswerKind, GivenParameters } from './system-parameters.js';
import { compileUpdateMask } from './update-mask.js';

export interface TranscoderInput {
  /** The decoded values of the template's variables, in the template's order. */
  readonly captures: readonly string[];
  readonly rawQuery: string;
  /** The bytes of the body; empty when the client sent none. */
  readonly body: Uint8Array;
  /** The content type of the body. It is used only if the body is a google.api.HttpBody. */
  readonly contentType: string | undefined;
  /** Throws if nobody waits for the message any more. It is called between the parts of a large JSON, if it is given. */
  readonly between?: BetweenParts | undefined;
}

/** The form of the answer that a client wants. */
export interface AnswerForm {
  /** The fields of the response that the client wants (`$fields`); undefined for all of them. */
  readonly mask: FieldMask | undefined;
  /** True if enums are written as numbers (`$alt=json;enum-encoding=int`). */
  readonly enumsAsInts: boolean;
  /** True if the client asks for indented JSON (`$prettyPrint=true`). Not every framing of a stream allows line breaks. */
  readonly indented: boolean;
}

export interface TranscodedRequest {
  readonly message: Uint8Array;
  readonly form: AnswerForm;
  /**
   * The value of `$fields` as paths of the whole response message, so with the name of the `response_body` field in front;
   * undefined when all of the message is wanted.
   */
  readonly wanted: string | undefined;
}

/** Encodes the messages of a method whose client streams. */
export interface RequestMessages {
  readonly form: AnswerForm;
  readonly wanted: string | undefined;
  /**
   * True if there is a first message even if the client sends none: path or query set fields, or the body is an upload,
   * which may be empty.
   */
  readonly hasFirst: boolean;
  /** The encoded message that has only the fields of path and query and, for an upload, the content type. */
  readonly head: Uint8Array;
  /**
   * Encodes the next message from its body. The fields of path and query are part of the first message, which may not
   * contradict them; later messages may leave them out, and may not contradict the path. Throws INVALID_ARGUMENT (400). The
   * result is a promise if the JSON has more than 256 KiB. It then rejects instead, and the next message may be encoded only
   * after it.
   */
  encode(body: Uint8Array): RequestBytes;
}

const NO_BODY = new Uint8Array(0);

export interface TranscodedResponse {
  readonly contentType: string;
  readonly body: Uint8Array;
}

export interface Transcoder {
  /** True if the body is JSON; otherwise its bytes are taken unchanged, with any content type. */
  readonly readsJson: boolean;
  /**
   * Says whether the JSON of one message in a client stream may be an array. The values are those of `mayBeArray` in
   * `ElementSettings`.
   */
  readonly mayReadArray: boolean | 'flat';
  /** True if the answer is JSON; otherwise the answer has a content type of its own. */
  readonly writesJson: boolean;
  /** True if the rule names a body. */
  readonly takesBody: boolean;
  /**
   * Encodes a request message that has only the fields of the path; required fields may be missing. Throws INVALID_ARGUMENT
   * (400).
   */
  path(captures: readonly string[]): Uint8Array;
  /**
   * Encodes the request message. Throws INVALID_ARGUMENT (400) that names the parameter or the JSON path. The result is a
   * promise if the JSON has more than 256 KiB, because other requests then run between its parts.
   */
  request(input: TranscoderInput): TranscodedRequest | Promise<TranscodedRequest>;
  /** Reads path and query for a method whose client streams. Throws INVALID_ARGUMENT (400) if one of them is wrong. */
  messages(input: Omit<TranscoderInput, 'body'>): RequestMessages;
  /** True if the query asks for server-sent events (`$alt=sse`). Throws INVALID_ARGUMENT (400). */
  asksForEvents(rawQuery: string): boolean;
  /**
   * Returns the JSON of a response message. The result is a promise if the JSON has more than about a MiB, because the event
   * loop then has a turn between its parts. Throws as `response` does.
   */
  json(wire: Uint8Array, form: AnswerForm, written?: JsonForm): Uint8Array | Promise<Uint8Array>;
  /**
   * Returns the answer: JSON as `json` does, or the content of an HttpBody. Throws INTERNAL (502) for bytes that are not the
   * response message, and for JSON that is longer than the codecs' `maxBytes`.
   */
  response(wire: Uint8Array, form: AnswerForm, written?: JsonForm): TranscodedResponse | Promise<TranscodedResponse>;
}

/**
 * Compiles a binding. `demanded` are the paths of the request fields that the `require` of the route's policy reads.
 * `guardMasks` checks the field masks of each message, on a surface that omits fields.
 */
export function compileTranscoder(
  binding: Binding,
  codecs: Codecs,
  settings: QuerySettings,
  demanded: readonly (readonly FieldDescriptor[])[] = [],
  guardMasks?: GuardMasks,
): Transcoder {
  const input = codecs.of(binding.method.input);
  const readBody = guarded(compileBody(binding, input), guardMasks);
  const query = compileQuery(
    {
      input: binding.method.input,
      pathFields: binding.variables.map(({ fieldPath }) => fieldPath),
      body: fieldsOfBody(binding),
      answer: answerOf(binding),
    },
    settings,
  );
  const parseMask = compileMask(binding);
  const { variables } = binding;
  const readsJson = !takesRawBody(binding);
  const updateMask = compileUpdateMask(binding, codecs.maxDepth);

  /**
   * True if a field that path or query set must be in every message of a client stream, not only in the first one. A
   * required field must, and so must a bool, an enum or a number that is demanded: where it is absent, it would be read as
   * its default.
   */
  const isInEach = (path: readonly FieldDescriptor[]) => {
    const field = path.at(-1)!;
    return field.presence === 'required' || (isAlwaysSet(field) && demanded.some((one) => isSamePath(one, path)));
  };

  function bindPath(captures: readonly string[]): BoundMessage {
    const bound = new BoundMessage();
    for (let i = 0; i < variables.length; i++) {
      const { fieldPath, name } = variables[i]!;
      try {
        bindText(bound, fieldPath, captures[i] ?? '', 'path');
      } catch (error) {
        throw bindingProblem(name, error, 'INVALID_PATH');
      }
    }
    return bound;
  }

  function formOf({ fields, enumsAsInts, indented }: GivenParameters): AnswerForm {
    if (fields === undefined && !enumsAsInts && !indented) return PLAIN;
    return { mask: fields === undefined ? undefined : parseMask(fields), enumsAsInts, indented };
  }

  function asked(message: Uint8Array, given: GivenParameters): TranscodedRequest {
    return { message, form: formOf(given), wanted: wantedOf(binding, given.fields) };
  }

  return {
    readsJson,
    mayReadArray: mayBeArray(binding),
    writesJson: !givesRawBody(binding),
    takesBody: binding.body.kind !== 'none',
    path: (captures) => encodeBound(bindPath(captures)),
    request({ captures, rawQuery, body, contentType, between }) {
      const bound = bindPath(captures);
      const given = query.bind(rawQuery, bound);
      const read = () => {
        const message = readBody(body, bound, contentType, between);
        return message instanceof Promise ? message.then((bytes) => asked(bytes, given)) : asked(message, given);
      };
      if (updateMask === undefined || bound.entry(updateMask.field) !== undefined) return read();
      const readMasked = (paths: readonly string[]) => {
        if (paths.length > 0) bindPaths(bound, updateMask.field, paths);
        return read();
      };
      const paths = inParts(updateMask.pathsOf(body), between);
      return paths instanceof Promise ? paths.then(readMasked) : readMasked(paths);
    },
    messages({ captures, rawQuery, contentType, between }) {
      const head = bindPath(captures);
      const given = query.bind(rawQuery, head);
      let bound = head;
      let type = contentType;
      return {
        form: formOf(given),
        wanted: wantedOf(binding, given.fields),
        hasFirst: head.entries.length > 0 || !readsJson,
        head: readsJson ? encodeBound(head) : atOnce(readBody(NO_BODY, head, contentType)),
        encode(body) {
          const message = readBody(body, bound, type, between);
          if (bound === head) bound = head.following(isInEach);
          type = undefined;
          return message;
        },
      };
    },
    asksForEvents: (rawQuery) => query.system(rawQuery).events,
    json: compileJson(binding, codecs),
    response: compileResponse(binding, codecs),
  };
}

/** Returns the fields that the body takes, which the query may not give. */
function fieldsOfBody({ body }: Binding): QueryRule['body'] {
  if (body.kind === 'field') return body.field;
  return body.kind === 'whole' && body.withQuery !== true ? 'whole' : 'none';
}

const PLAIN: AnswerForm = { mask: undefined, enumsAsInts: false, indented: false };

function answerOf(binding: Binding): AnswerKind {
  if (givesRawBody(binding)) return 'bytes';
  return binding.method.serverStreaming ? 'stream' : 'message';
}

function wantedOf({ responseBody }: Binding, fields: string | undefined): string | undefined {
  if (responseBody === undefined || fields === undefined) return fields ?? responseBody?.name;
  return fields
    .split(',')
    .map((path) => `${responseBody.name}.${path}`)
    .join(',');
}

/**
 * Returns whether an array may be one message. A `google.protobuf.Value` may be an array. But if a client streams an array of
 * Values, each of its elements is a message, so an array is not one message.
 */
function mayBeArray({ body, method }: Binding): boolean | 'flat' {
  if (body.kind === 'none') return false;
  const type = body.kind === 'field' ? body.field.type : undefined;
  const message = type === undefined ? method.input : type.kind === 'message' ? type.message : undefined;
  const holdsArrays = message !== undefined && HOLDS_ARRAYS.has(message.fullName);
  if (body.kind === 'field' && body.field.cardinality === 'repeated') return holdsArrays || 'flat';
  return message?.fullName === LIST_VALUE;
}

const LIST_VALUE = 'google.protobuf.ListValue';
const HOLDS_ARRAYS: ReadonlySet<string> = new Set([LIST_VALUE, 'google.protobuf.Value']);

type ReadBody = (
  body: Uint8Array,
  bound: BoundMessage,
  contentType: string | undefined,
  between?: BetweenParts,
) => RequestBytes;

/** Returns the message of a body that is small or no JSON. */
function atOnce(message: RequestBytes): Uint8Array {
  if (message instanceof Promise) throw new TypeError('expected a body that is read at once');
  return message;
}

function guarded(read: ReadBody, guard: GuardMasks | undefined): ReadBody {
  if (guard === undefined) return read;
  return (body, bound, contentType, between) => {
    const message = read(body, bound, contentType, between);
    const check = (bytes: Uint8Array) => inParts(guard(bytes), between);
    return message instanceof Promise ? message.then(check) : check(message);
  };
}

/**
 * Compiles the reader of the body for the rule's `body`: `*`, a field, or none. White space alone counts as no body, and
 * for a rule without a body `{}` does too.
 */
function compileBody(binding: Binding, codec: MessageCodec): ReadBody {
  const { body } = binding;
  const isRaw = takesRawBody(binding);
  switch (body.kind) {
    case 'whole':
      if (isRaw) {
        return (bytes, bound, contentType) =>
          // The path may give the content type, which then counts.
          bound.entries.length === 0
            ? encodeHttpBody(contentType, bytes)
            : Buffer.concat([codec.read(undefined, bound), encodeHttpBody(undefined, bytes)]);
      }
      return (json, bound, _, between) => readRest(codec.beginRead(isBlank(json) ? undefined : json, bound), between);
    case 'field': {
      const { field } = body;
      if (!isRaw) {
        return (json, bound, _, between) =>
          readRest(codec.beginRead(isBlank(json) ? undefined : json, bound, field), between);
      }
      return (bytes, bound, contentType) => {
        try {
          bound.checkOneof(field);
        } catch (error) {
          throw bindingProblem(field.name, error);
        }
        return Buffer.concat([codec.read(undefined, bound), encodeField(field, encodeHttpBody(contentType, bytes))]);
      };
    }
    case 'none': {
      const takes = binding.method.clientStreaming ? 'messages only over a WebSocket' : 'no body';
      return (json, bound) => {
        if (!isBlankOrEmptyObject(json)) {
          throw gatewayError('UNEXPECTED_BODY', `body: expected none, because this route takes ${takes}, got one`);
        }
        return codec.read(undefined, bound);
      };
    }
  }
}

function compileResponse(binding: Binding, codecs: Codecs): Transcoder['response'] {
  const { responseBody } = binding;
  if (givesRawBody(binding)) return (wire) => decodeHttpBody(wire, responseBody);
  const json = compileJson(binding, codecs);
  return (wire, form, written) => {
    const body = json(wire, form, written);
    return body instanceof Promise ? body.then(asJson) : asJson(body);
  };
}

function asJson(body: Uint8Array): TranscodedResponse {
  return { contentType: 'application/json', body };
}

const COMPACT: JsonForm = {};

function compileJson({ responseBody, method }: Binding, codecs: Codecs): Transcoder['json'] {
  const named = codecs.of(method.output);
  return function json(wire, { mask, enumsAsInts }, written = COMPACT) {
    const codec = enumsAsInts ? codecs.withEnumsAsInts.of(method.output) : named;
    return jsonAnswer((out) => codec.begin(wire, out, mask, responseBody), written, codecs.maxBytes);
  };
}

/**
 * Compiles the parser of `$fields`. Its paths begin at what the client sees: the response, or the field that
 * `response_body` names.
 */
function compileMask({ method, responseBody }: Binding): (text: string) => FieldMask {
  const type = responseBody === undefined ? undefined : responseBody.type;
  const message = type === undefined ? method.output : type.kind === 'message' ? type.message : undefined;
  return function parseMask(text) {
    if (message === undefined) {
      throw invalidRequest('INVALID_QUERY', [
        { field: '$fields', description: 'expected none, because the response of this route has no fields' },
      ]);
    }
    try {
      return parseFieldMask(text, message);
    } catch (error) {
      throw bindingProblem('$fields', error);
    }
  };
}

/** True for JSON's white space (RFC 8259 §2). */
function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isBlank(bytes: Uint8Array): boolean {
  return afterSpace(bytes, 0) === bytes.length;
}

function isBlankOrEmptyObject(bytes: Uint8Array): boolean {
  const open = afterSpace(bytes, 0);
  if (bytes[open] !== 0x7b) return open === bytes.length;
  const close = afterSpace(bytes, open + 1);
  return bytes[close] === 0x7d && afterSpace(bytes, close + 1) === bytes.length;
}

function afterSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && isSpace(bytes[at]!)) at++;
  return at;
}
