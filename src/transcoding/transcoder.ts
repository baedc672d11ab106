/**
 * A Transcoder is one binding, compiled: HTTP's path, query and body in, request bytes out; response bytes in, JSON
 * out. Pure: it calls nobody and keeps nothing.
 *
 *     PATCH /v1/{book.name=shelves/*}   body: "book"
 *     /v1/shelves/1?update_mask=title   {"title": "Emma"}
 *     → UpdateBookRequest { 1: book { 1: "shelves/1", 2: "Emma" }, 2: update_mask { 1: "title" } }
 */
import { BoundMessage, bindPaths, bindText, encodeBound } from '../codec/bound.js';
import type { Codecs, MessageCodec } from '../codec/codec.js';
import { type FieldMask, parseFieldMask } from '../codec/field-mask.js';
import { JsonWriter } from '../codec/json-writer.js';
import { alwaysSpeaks } from '../paths/speech.js';
import type { Binding } from '../routing/binding.js';
import { isSamePath } from '../routing/field-path.js';
import { givesRawBody, takesRawBody } from '../routing/is-http-body.js';
import type { FieldDescriptor } from '../schema/descriptor.js';
import { gatewayError, invalidRequest } from '../status/status-error.js';
import { bindingProblem } from './binding-problem.js';
import { decodeHttpBody, encodeField, encodeHttpBody } from './http-body.js';
import { indent } from './indent.js';
import { compileQuery, type QuerySettings } from './query.js';
import type { AnswerKind, GivenParameters } from './system-parameters.js';
import { compileUpdateMask } from './update-mask.js';

export interface TranscoderInput {
  /** Decoded values of the template's variables, in its order. */
  readonly captures: readonly string[];
  readonly rawQuery: string;
  /** Empty: none was sent. */
  readonly body: Uint8Array;
  /** Of the body; it matters where the body is a google.api.HttpBody. */
  readonly contentType: string | undefined;
}

/** How a client wants the answer written. */
export interface AnswerForm {
  /** `$fields`: what of the response it wants; undefined: all of it. */
  readonly mask: FieldMask | undefined;
  /** `$alt=json;enum-encoding=int`. */
  readonly enumsAsInts: boolean;
  /** `$prettyPrint=true`; whoever frames the answer knows whether it may have line breaks. */
  readonly indented: boolean;
}

export interface TranscodedRequest {
  readonly message: Uint8Array;
  readonly form: AnswerForm;
  /** `$fields` as paths of the response message, with what `response_body` leaves out; undefined: all of it. */
  readonly wanted: string | undefined;
}

/** The messages of a method whose client streams. */
export interface RequestMessages {
  readonly form: AnswerForm;
  readonly wanted: string | undefined;
  /** There is a first message whatever comes: path or query say something, or an upload may be empty. */
  readonly hasFirst: boolean;
  /** What path, query and the content type of an upload say, as a message. */
  readonly head: Uint8Array;
  /**
   * The next message, of its body. What path and query say goes into the first one; those that follow may leave it out, and
   * may not contradict the path. Throws INVALID_ARGUMENT (400).
   */
  encode(body: Uint8Array): Uint8Array;
}

const NO_BODY = new Uint8Array(0);

export interface TranscodedResponse {
  readonly contentType: string;
  readonly body: Uint8Array;
}

export interface Transcoder {
  /** The body is JSON; otherwise it is taken as it is, whatever its content type. */
  readonly readsJson: boolean;
  /** Whether the JSON of a message that a client streams may be an array: as `mayBeArray` of `ElementSettings`. */
  readonly mayReadArray: boolean | 'flat';
  /** The answer is JSON; otherwise it has a content type of its own. */
  readonly writesJson: boolean;
  /** The rule names a body. */
  readonly takesBody: boolean;
  /** The request message with nothing but what the path gives it; required fields may be missing. Throws INVALID_ARGUMENT (400). */
  path(captures: readonly string[]): Uint8Array;
  /** Throws INVALID_ARGUMENT (400) that names the parameter or JSON path. */
  request(input: TranscoderInput): TranscodedRequest;
  /** Of a method whose client streams. Throws INVALID_ARGUMENT (400) for path and query. */
  messages(input: Omit<TranscoderInput, 'body'>): RequestMessages;
  /** Whether the query asks for server-sent events (`$alt=sse`). Throws INVALID_ARGUMENT (400). */
  asksForEvents(rawQuery: string): boolean;
  /**
   * Writes the JSON of an answer that is JSON into what surrounds it. `level`: of indentation, for people to read; undefined:
   * compact. Throws as `response` does.
   */
  writeJson(wire: Uint8Array, form: AnswerForm, out: JsonWriter, level?: number): void;
  /**
   * JSON (`level` as for `writeJson`), or an HttpBody. Throws INTERNAL (502) for bytes that are not the response message, and
   * for more JSON than the codecs' `maxBytes`.
   */
  response(wire: Uint8Array, form: AnswerForm, level?: number): TranscodedResponse;
}

/** `demanded`: the fields of the request that a `require` of the route reads. */
export function compileTranscoder(
  binding: Binding,
  codecs: Codecs,
  settings: QuerySettings,
  demanded: readonly (readonly FieldDescriptor[])[] = [],
): Transcoder {
  const input = codecs.of(binding.method.input);
  const readBody = compileBody(binding, input);
  const query = compileQuery(
    {
      input: binding.method.input,
      pathFields: binding.variables.map(({ fieldPath }) => fieldPath),
      body: binding.body.kind === 'field' ? binding.body.field : binding.body.kind,
      answer: answerOf(binding),
    },
    settings,
  );
  const parseMask = compileMask(binding);
  const { variables } = binding;
  const readsJson = !takesRawBody(binding);
  const updateMask = compileUpdateMask(binding, codecs.maxDepth);

  /**
   * Whether what path or query say of a field is in the messages behind the first too: a bool, an enum or a number that is
   * demanded would say its default there, and a message without a required field is broken.
   */
  const isInEach = (path: readonly FieldDescriptor[]) => {
    const field = path.at(-1)!;
    return field.presence === 'required' || (alwaysSpeaks(field) && demanded.some((one) => isSamePath(one, path)));
  };

  function bindPath(captures: readonly string[]): BoundMessage {
    const bound = new BoundMessage();
    for (let i = 0; i < variables.length; i++) {
      const { fieldPath, name } = variables[i]!;
      try {
        bindText(bound, fieldPath, captures[i] ?? '');
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

  return {
    readsJson,
    mayReadArray: mayBeArray(binding),
    writesJson: !givesRawBody(binding),
    takesBody: binding.body.kind !== 'none',
    path: (captures) => encodeBound(bindPath(captures)),
    request({ captures, rawQuery, body, contentType }) {
      const bound = bindPath(captures);
      const given = query.bind(rawQuery, bound);
      if (updateMask !== undefined && bound.entry(updateMask.field) === undefined) {
        const paths = updateMask.pathsOf(body);
        if (paths.length > 0) bindPaths(bound, updateMask.field, paths);
      }
      return {
        message: readBody(body, bound, contentType),
        form: formOf(given),
        wanted: wantedOf(binding, given.fields),
      };
    },
    messages({ captures, rawQuery, contentType }) {
      const head = bindPath(captures);
      const given = query.bind(rawQuery, head);
      let bound = head;
      let type = contentType;
      return {
        form: formOf(given),
        wanted: wantedOf(binding, given.fields),
        hasFirst: head.entries.length > 0 || !readsJson,
        head: readsJson ? encodeBound(head) : readBody(NO_BODY, head, contentType),
        encode(body) {
          const message = readBody(body, bound, type);
          if (bound === head) bound = head.following(isInEach);
          type = undefined;
          return message;
        },
      };
    },
    asksForEvents: (rawQuery) => query.system(rawQuery).events,
    writeJson: compileJson(binding, codecs),
    response: compileResponse(binding, codecs),
  };
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

/** Of `google.protobuf.Value` too, but who streams such values as an array means the array. */
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

type ReadBody = (body: Uint8Array, bound: BoundMessage, contentType: string | undefined) => Uint8Array;

/** Rule 12: `*`, a field, or none; white space alone is no body; without a body rule `{}` is none either. */
function compileBody(binding: Binding, codec: MessageCodec): ReadBody {
  const { body } = binding;
  const isRaw = takesRawBody(binding);
  switch (body.kind) {
    case 'whole':
      if (isRaw) return (bytes, _bound, contentType) => encodeHttpBody(contentType, bytes);
      return (json, bound) => codec.read(isBlank(json) ? undefined : json, bound);
    case 'field': {
      const { field } = body;
      if (!isRaw) return (json, bound) => codec.readField(field, isBlank(json) ? undefined : json, bound);
      return (bytes, bound, contentType) => {
        try {
          bound.checkOneof(field);
        } catch (error) {
          throw bindingProblem(field.name, error);
        }
        return Buffer.concat([codec.read(undefined, bound), encodeField(field, encodeHttpBody(contentType, bytes))]);
      };
    }
    case 'none':
      return (json, bound) => {
        if (!isBlankOrEmptyObject(json)) {
          throw gatewayError(400, 'UNEXPECTED_BODY', 'body: expected none, this route takes no body');
        }
        return codec.read(undefined, bound);
      };
  }
}

function compileResponse(binding: Binding, codecs: Codecs): Transcoder['response'] {
  const { responseBody } = binding;
  if (givesRawBody(binding)) return (wire) => decodeHttpBody(wire, responseBody);
  const write = compileJson(binding, codecs);
  return (wire, form, level) => ({
    contentType: JSON_TYPE,
    body: OUT.collect((out) => write(wire, form, out, level)),
  });
}

const JSON_TYPE = 'application/json';
/** Writing never waits, so that none is used twice at once. */
const OUT = new JsonWriter();
const COMPACT = new JsonWriter();

function compileJson({ responseBody, method }: Binding, codecs: Codecs): Transcoder['writeJson'] {
  const named = codecs.of(method.output);
  return function writeJson(wire, form, out, level) {
    if (level === undefined) return compact(wire, form, out);
    const json = COMPACT.collect((into) => compact(wire, form, into));
    out.limit(codecs.maxBytes);
    indent(json, level, out);
    out.endLimit();
  };

  function compact(wire: Uint8Array, { mask, enumsAsInts }: AnswerForm, out: JsonWriter): void {
    const codec = enumsAsInts ? codecs.withEnumsAsInts.of(method.output) : named;
    if (responseBody === undefined) codec.write(wire, out, mask);
    else codec.writeField(responseBody, wire, out, mask);
  }
}

/** `$fields` speaks of what the client sees: the response, or the field of it that `response_body` names. */
function compileMask({ method, responseBody }: Binding): (text: string) => FieldMask {
  const type = responseBody === undefined ? undefined : responseBody.type;
  const message = type === undefined ? method.output : type.kind === 'message' ? type.message : undefined;
  return function parseMask(text) {
    if (message === undefined) {
      throw invalidRequest('INVALID_QUERY', [{ field: '$fields', description: 'the response has no fields' }]);
    }
    try {
      return parseFieldMask(text, message);
    } catch (error) {
      throw bindingProblem('$fields', error);
    }
  };
}

/** JSON's white space (RFC 8259 §2). */
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
