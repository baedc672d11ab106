/**
 * What must become of a client stream under rules, said without the gateway: messages are plain objects, in which a leaf is
 * its text (`true`, `-7`, `KIND_B`, base64), a field that is not there is not there, and nothing is on a wire.
 *
 * A field without presence that holds its default is the same as one that is not there: {@link tidy} takes it away.
 */

export type Leaf = 'string' | 'bytes' | 'bool' | 'enum' | 'int32' | 'int64';

export interface Field {
  readonly name: string;
  readonly type: Leaf | readonly Field[];
  /** Can be there with its default: `optional`, a member of a oneof, a message. */
  readonly presence: boolean;
  readonly oneof?: string;
}

export interface Message {
  [name: string]: string | Message;
}

export type Path = readonly Field[];

/** A value of a demand: fields of the request and of the caller between texts. */
export type Part = string | { readonly request: Path } | { readonly claim: string | undefined };
export interface Demand {
  readonly left: readonly Part[];
  readonly right: readonly Part[];
}

export interface Stream {
  readonly type: readonly Field[];
  /** What path and query give, leaf by leaf. */
  readonly head: readonly { readonly path: Path; readonly text: string; readonly from: 'path' | 'query' }[];
  readonly demands: readonly Demand[];
}

/** INVALID_ARGUMENT: it contradicts the path; PERMISSION_DENIED: it does not meet a demand. */
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

/** A bool, an enum, a number. */
export function isNumeric({ type }: Field): boolean {
  return typeof type === 'string' && type !== 'string' && type !== 'bytes';
}

export function verdictOn(stream: Stream, message: Message, isFirst: boolean): Verdict {
  return isFirst ? verdictOnFirst(stream, message) : verdictOnNext(stream, message);
}

/** Path and query are part of it. */
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
  for (const { path, text } of head) {
    if (contradicts(message, path, text)) return { code: 3 };
    if (!isNumeric(path.at(-1)!) || !asked.includes(nameOf(path))) continue;
    // A number that is demanded is never left out, unless the message that it belongs to is.
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

/** The message says something of the field, or of the message that it is in. */
function speaks(message: Message, [top, ...inside]: Path): boolean {
  if (top === undefined) throw new TypeError('expected a field');
  if (inside.length === 0 && isNumeric(top)) return true;
  return message[top.name] !== undefined || rivalsAt(message, [top], 0);
}

/** Says another value than the path, which is none of its defaults. */
function contradicts(message: Message, path: Path, text: string): boolean {
  const said = get(message, path);
  return said !== undefined && said !== text && said !== zeroOf(path.at(-1)!);
}

/** Sets another member of a oneof on the way to the field. */
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

/** By field; names of members are unique. */
const oneofs = new Map<string, string>();

/** Tells the oracle which fields there are. */
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

/** Without what is not on a wire. */
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
