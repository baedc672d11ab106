/**
 * This module checks the field masks of requests on a surface that omits fields (docs/surfaces.md). A path that names an
 * omitted field is refused in the same way as one that names no field, also inside of lists, maps and `Any`. An update mask
 * that names a whole message gets the paths of the fields that the client sees, so that an update never touches the others.
 *
 *     omitFields: [shop.v1.Customer.notes]
 *     update_mask = "notes"     → 400, as for "notse"
 *     update_mask = "*"         → "name,email,address"
 */
import type { Steps } from '../base/slices.js';
import { fieldValues } from '../codec/field-values.js';
import { BrokenWire, utf8Text, WIRE_GROUP, WIRE_LENGTH, WireReader } from '../codec/wire-reader.js';
import { Wire, WireWriter } from '../codec/wire-writer.js';
import type { Binding } from '../routing/binding.js';
import type { FieldDescriptor, MessageDescriptor } from '../schema/descriptor.js';
import type { SchemaView } from '../schema/field-omission.js';
import type { Reason } from '../status/reasons.js';
import { invalidRequest } from '../status/status-error.js';
import { isFieldMask } from './update-mask.js';

/**
 * Checks the masks of an encoded request. Returns the request; an update mask in it has only paths that the client sees. Throws
 * INVALID_ARGUMENT (400) for other paths.
 */
export type GuardMasks = (message: Uint8Array) => Steps<Uint8Array>;

const MASK = 'google.protobuf.FieldMask';
const ANY = 'google.protobuf.Any';
/** The codec has checked the nesting of the request already, so this only bounds a `Value` inside of others. */
const MAX_DEPTH = 1000;
/** The most names of a path: no message is nested deeper. */
const MAX_NAMES = 1000;
/** The number of records and paths that are read before other requests should run. They take about a millisecond. */
const PART = 256;

/** Compiles the guard of a binding. Undefined when its request can have no mask. */
export function compileMaskGuard(view: SchemaView, binding: Binding): GuardMasks | undefined {
  const { method, body } = binding;
  if (!view.mayHoldMask(method.input)) return undefined;
  const walker = new Walker(view, body.kind === 'whole' ? 'INVALID_BODY' : 'INVALID_QUERY');
  const narrow = compileNarrowing(view, binding);
  return function* guardMasks(message) {
    yield* walker.message(method.input, message, 0, message.length, '', MAX_DEPTH);
    return narrow === undefined ? message : yield* narrow(message);
  };
}

class Walker {
  private count = 0;

  constructor(
    private readonly view: SchemaView,
    private readonly reason: Reason,
  ) {}

  *message(
    type: MessageDescriptor,
    bytes: Uint8Array,
    start: number,
    end: number,
    at: string,
    depth: number,
  ): Steps<void> {
    if (depth === 0) throw new BrokenWire('nested too deep');
    if (type.fullName === ANY) return yield* this.any(bytes.subarray(start, end), at, depth);
    if (!this.view.mayHoldMask(type)) return;
    const isMask = type.fullName === MASK;
    const reader = new WireReader(bytes, start, end);
    while (reader.at < end) {
      if (++this.count % PART === 0) yield;
      const tag = reader.tag();
      const field = type.field(tag >>> 3);
      const from = reader.at;
      if ((tag & 7) === WIRE_LENGTH) {
        const length = reader.length();
        const begin = reader.at;
        reader.at = begin + length;
        if (isMask) this.path(Buffer.from(bytes.buffer, bytes.byteOffset + begin, length).toString('utf8'), at);
        else if (field !== undefined) yield* this.field(field, bytes, begin, begin + length, at, depth);
      } else if ((tag & 7) === WIRE_GROUP && field?.type.kind === 'message') {
        const to = reader.group(tag, MAX_DEPTH);
        yield* this.message(field.type.message, bytes, from, to, below(at, field), depth - 1);
      } else reader.skip(tag, MAX_DEPTH);
    }
  }

  private *field(
    field: FieldDescriptor,
    bytes: Uint8Array,
    start: number,
    end: number,
    at: string,
    depth: number,
  ): Steps<void> {
    if (field.type.kind !== 'message' || start === end) return;
    const { message } = field.type;
    if (field.cardinality !== 'map')
      return yield* this.message(message, bytes, start, end, below(at, field), depth - 1);
    // An entry has the value as field 2.
    const reader = new WireReader(bytes, start, end);
    while (reader.at < end) {
      const tag = reader.tag();
      if (tag !== (2 << 3) + WIRE_LENGTH) {
        reader.skip(tag, MAX_DEPTH);
        continue;
      }
      const length = reader.length();
      const begin = reader.at;
      reader.at = begin + length;
      yield* this.message(message, bytes, begin, begin + length, below(at, field), depth - 1);
    }
  }

  private *any(bytes: Uint8Array, at: string, depth: number): Steps<void> {
    const any = this.view.message(ANY);
    const [url, value] = [1, 2].map((number) => any?.field(number));
    if (url === undefined || value === undefined) return;
    const [name] = fieldValues(bytes, url);
    const [content] = fieldValues(bytes, value);
    if (name === undefined || content === undefined) return;
    const text = Buffer.from(name).toString('utf8');
    const type = this.view.message(text.slice(text.lastIndexOf('/') + 1));
    if (type !== undefined) yield* this.message(type, content, 0, content.length, at, depth - 1);
  }

  private path(path: string, at: string): void {
    const isShort = path.split('.', MAX_NAMES + 1).length <= MAX_NAMES;
    if (isShort && this.view.maskPath(path) === 'visible') return;
    const description = `expected paths of fields, got ${JSON.stringify(path.slice(0, 60))}`;
    throw invalidRequest(this.reason, [{ field: at, description }]);
  }
}

function below(at: string, { name }: FieldDescriptor): string {
  return at === '' ? name : `${at}.${name}`;
}

/**
 * Compiles the function that replaces each path of a PATCH's update mask that names a whole message by the paths of the fields
 * that the client sees. Undefined when the updated message lacks no field.
 */
function compileNarrowing(view: SchemaView, binding: Binding): GuardMasks | undefined {
  const { httpMethod, method } = binding;
  const resource = httpMethod === 'PATCH' ? resourceOf(view, binding) : undefined;
  if (resource === undefined) return undefined;
  const masks = method.input.fields.filter(isFieldMask);
  const [field] = masks;
  if (field === undefined || masks.length > 1) return undefined;
  return function* narrow(message) {
    const [mask] = fieldValues(message, field);
    if (mask === undefined) return message;
    const narrowed = yield* narrowedPaths(view, resource, mask);
    if (narrowed === undefined) return message;
    const writer = new WireWriter();
    const reader = new WireReader(message);
    while (reader.at < reader.end) {
      const from = reader.at;
      const tag = reader.tag();
      reader.skip(tag, MAX_DEPTH);
      if (tag >>> 3 !== field.number) writer.raw(message.subarray(from, reader.at));
    }
    writer.tag(field.number, Wire.LEN);
    const start = writer.fork();
    let count = 0;
    for (const path of narrowed) {
      writer.tag(PATHS, Wire.LEN);
      writer.string(path);
      if (++count % PART === 0) yield;
    }
    writer.join(start);
    return writer.slice();
  };
}

/** The number of the only field of a FieldMask. */
const PATHS = 1;

/** Returns the paths of an encoded mask as the client sees them, each once. Undefined if the mask has only such paths. */
function* narrowedPaths(
  view: SchemaView,
  resource: MessageDescriptor,
  mask: Uint8Array,
): Steps<ReadonlySet<string> | undefined> {
  const narrowed = new Set<string>();
  let isChanged = false;
  const reader = new WireReader(mask);
  for (let count = 1; reader.at < reader.end; count++) {
    if (count % PART === 0) yield;
    const tag = reader.tag();
    if (tag !== (PATHS << 3) + WIRE_LENGTH) {
      reader.skip(tag, MAX_DEPTH);
      continue;
    }
    const length = reader.length();
    const path = utf8Text(mask.subarray(reader.at, reader.at + length));
    reader.at += length;
    const seen = seenPaths(view, resource, path);
    isChanged ||= seen.length !== 1 || seen[0] !== path;
    for (const one of seen) narrowed.add(one);
  }
  return isChanged ? narrowed : undefined;
}

/**
 * Returns the message that an update changes, if the view lacks fields of it. If the body is the whole request, this is
 * the message in the path, or the only one that lacks fields.
 */
function resourceOf(view: SchemaView, { body, method, variables }: Binding): MessageDescriptor | undefined {
  const named = body.kind === 'field' ? [body.field] : variables.flatMap(({ fieldPath }) => fieldPath[0] ?? []);
  for (const fields of [named, body.kind === 'whole' ? method.input.fields : []]) {
    const lacking = new Set(fields.flatMap((field) => messageAt(field) ?? []).filter((one) => view.lacksFields(one)));
    const [resource] = lacking;
    if (lacking.size === 1) return resource;
  }
  return undefined;
}

/** Returns the message in a field that is no list and no map. */
function messageAt({ cardinality, type }: FieldDescriptor): MessageDescriptor | undefined {
  return cardinality === 'singular' && type.kind === 'message' ? type.message : undefined;
}

/** Returns the path itself; for a message that lacks fields, the paths of its fields that the client sees. */
function seenPaths(view: SchemaView, resource: MessageDescriptor, path: string): readonly string[] {
  const names = path.split('.');
  // `address.*` is the same as `address`.
  if (names.at(-1) === '*') names.pop();
  let message: MessageDescriptor | undefined = resource;
  for (const name of names) {
    const field: FieldDescriptor | undefined = message?.fieldNamed(name);
    message = field && messageAt(field);
  }
  if (message === undefined || !view.lacksFields(message)) return [path];
  return pathsInside(view, message, names.map((name) => `${name}.`).join(''), new Set());
}

function pathsInside(
  view: SchemaView,
  message: MessageDescriptor,
  prefix: string,
  around: ReadonlySet<MessageDescriptor>,
): readonly string[] {
  return message.fields.flatMap((field) => {
    const path = prefix + field.name;
    const inner = messageAt(field);
    if (inner === undefined || !view.lacksFields(inner)) return [path];
    // A message inside of its own type would have endless paths.
    return around.has(inner) ? [] : pathsInside(view, inner, `${path}.`, new Set([...around, inner]));
  });
}
