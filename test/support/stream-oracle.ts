/**
 * Decides what must become of a client stream under rules, without the gateway's code. Messages are plain objects: a leaf
 * is its text (`true`, `-7`, `KIND_B`, base64), an absent field is not in the object, and nothing is encoded.
 *
 * A field without presence that holds its default is the same as an absent one: {@link tidy} removes it.
 */

export type Leaf = 'string' | 'bytes' | 'bool' | 'enum' | 'int32' | 'int64';

export interface Field {
  readonly name: string;
  readonly type: Leaf | readonly Field[];
  /** True if the field can be present with its default: `optional`, a member of a oneof, a message. */
  readonly presence: boolean;
  readonly oneof?: string;
}

export interface Message {
  [name: string]: string | Message;
}

export type Path = readonly Field[];

/** One part of a demand's value: a text, a field of the request, or a claim of the caller. */
export type Part = string | { readonly request: Path } | { readonly claim: string | undefined };
export interface Demand {
  readonly left: readonly Part[];
  readonly right: readonly Part[];
}

export interface Stream {
  readonly type: readonly Field[];
  /** The fields that path and query set, each a leaf. */
  readonly head: readonly { readonly path: Path; readonly text: string; readonly from: 'path' | 'query' }[];
  readonly demands: readonly Demand[];
}

/**
 * The message that arrives, or the code of the refusal. INVALID_ARGUMENT (3): it contradicts the path; PERMISSION_DENIED
 * (7): it does not meet a demand.
 */
export type Verdict = { readonly arrives: Message } | { readonly code: 3 | 7 };

const ZERO: Readonly<Record<Leaf, string>> = {
  string: '',
  bytes: '',
  bool: 'false',
  enum: 'KIND_A',
  int32: '0',
  int64: '0',
};

export function zeroOf({ type }: Field): string {
  return ZERO[type as Leaf];
}

/** True for a bool, an enum or a number. */
export function isNumeric({ type }: Field): boolean {
  return typeof type === 'string' && type !== 'string' && type !== 'bytes';
}

export function verdictOn(stream: Stream, message: Message, isFirst: boolean): Verdict {
  return isFirst ? verdictOnFirst(stream, message) : verdictOnNext(stream, message);
}

/** Judges the first message, of which the fields of path and query are a part. */
function verdictOnFirst({ type, head, demands }: Stream, message: Message): Verdict {
  const whole = structuredClone(message);
  for (const { path, text } of head) {
    if (contradicts(message, path, text) || rivals(message, path)) return { code: 3 };
    put(whole, path, text);
  }
  const arrives = tidy(type, whole);
  const value = (path: Path) => {
    const last = path.at(-1)!;
    return get(arrives, path) ?? (last.presence ? undefined : zeroOf(last));
  };
  return demands.every((demand) => holds(demand, value)) ? { arrives } : { code: 7 };
}

function verdictOnNext({ type, head, demands }: Stream, message: Message): Verdict {
  const asked = demands
    .flatMap(({ left, right }) => [...left, ...right])
    .flatMap((part) => {
      const path = requestOf(part);
      return path === undefined ? [] : [nameOf(path)];
    });
  const whole = structuredClone(message);
  for (const { path, text, from } of head) {
    const isInEach = isNumeric(path.at(-1)!) && asked.includes(nameOf(path));
    // The query is part of the first message only.
    if (from === 'query' && !isInEach) continue;
    if (contradicts(message, path, text)) return { code: 3 };
    if (!isInEach) continue;
    // A demanded number is in every message, unless the message that it belongs to is absent.
    const around = path.slice(0, -1);
    if (around.length > 0 && get(message, around) === undefined) continue;
    if (rivalsAt(message, path, path.length - 1)) return { code: 3 };
    put(whole, path, text);
  }
  const arrives = tidy(type, whole);
  const value = (path: Path) => {
    const found = get(arrives, path);
    if (found !== undefined) return found;
    const last = path.at(-1)!;
    const said = rivals(arrives, path) ? undefined : head.find((one) => nameOf(one.path) === nameOf(path))?.text;
    return said ?? (last.presence ? undefined : zeroOf(last));
  };
  const isAsked = ({ left, right }: Demand) =>
    [...left, ...right].some((part) => {
      const path = requestOf(part);
      return path !== undefined && speaks(arrives, path);
    });
  return demands.every((demand) => !isAsked(demand) || holds(demand, value)) ? { arrives } : { code: 7 };
}

/** True if the message sets the field or the message that contains it, or if it is a number, which cannot be absent. */
function speaks(message: Message, [top, ...inside]: Path): boolean {
  if (top === undefined) throw new TypeError('expected a field');
  if (inside.length === 0 && isNumeric(top)) return true;
  return message[top.name] !== undefined || rivalsAt(message, [top], 0);
}

/** True if the message sets the field to another value than the path, and not to its default. */
function contradicts(message: Message, path: Path, text: string): boolean {
  const said = get(message, path);
  return said !== undefined && said !== text && said !== zeroOf(path.at(-1)!);
}

/** True if the message sets another member of a oneof along the path. */
function rivals(message: Message, path: Path): boolean {
  return path.some((_, index) => rivalsAt(message, path, index));
}

function rivalsAt(message: Message, path: Path, index: number): boolean {
  const { oneof, name } = path[index]!;
  if (oneof === undefined) return false;
  const around = index === 0 ? message : get(message, path.slice(0, index));
  if (typeof around !== 'object') return false;
  return Object.keys(around).some((other) => other !== name && oneofs.get(other) === oneof);
}

/** The oneof of each field; names of members are unique. */
const oneofs = new Map<string, string>();

/** Registers the fields of a message with the oracle. */
export function declare(fields: readonly Field[]): readonly Field[] {
  for (const { name, oneof } of fields) if (oneof !== undefined) oneofs.set(name, oneof);
  return fields;
}

function holds({ left, right }: Demand, value: (path: Path) => string | Message | undefined): boolean {
  const [a, b] = [left, right].map((parts) => {
    const texts = parts.map((part) =>
      typeof part === 'string' ? part : 'claim' in part ? part.claim : value(part.request),
    );
    return texts.includes(undefined) ? undefined : texts.join('');
  });
  return a !== undefined && a === b;
}

function requestOf(part: Part): Path | undefined {
  return typeof part === 'object' && 'request' in part ? part.request : undefined;
}

export function nameOf(path: Path): string {
  return path.map(({ name }) => name).join('.');
}

export function get(message: Message, path: Path): string | Message | undefined {
  let value: string | Message | undefined = message;
  for (const { name } of path) {
    if (typeof value !== 'object') return undefined;
    value = value[name];
  }
  return value;
}

export function put(message: Message, path: Path, text: string): void {
  let around = message;
  for (const { name } of path.slice(0, -1)) {
    around[name] ??= {};
    around = around[name] as Message;
  }
  around[path.at(-1)!.name] = text;
}

/** Removes the fields that would not be encoded. */
export function tidy(fields: readonly Field[], message: Message): Message {
  const tidied: Message = {};
  for (const field of fields) {
    const value = message[field.name];
    if (value === undefined) continue;
    if (typeof value === 'object') tidied[field.name] = tidy(field.type as readonly Field[], value);
    else if (field.presence || value !== zeroOf(field)) tidied[field.name] = value;
  }
  return tidied;
}
