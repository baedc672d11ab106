/** One step of an aggregate: its declaration, checked and compiled into what runs. */

import type { Position } from '../base/diagnostic.js';
import { meantHint } from '../base/did-you-mean.js';
import { isStreaming } from '../call/call.js';
import type { CallerPath } from '../paths/caller.js';
import {
  type Expression,
  ExpressionError,
  type PathExpression,
  parseEquality,
  parseExpression,
  parsePath,
} from '../paths/expression.js';
import { fieldHint, fieldOf } from '../routing/field-path.js';
import type { StepDeclaration } from '../schema/annotations.js';
import type { FieldDescriptor, MessageDescriptor, MethodDescriptor, Registry } from '../schema/descriptor.js';
import { copyInside } from './copy-inside.js';
import type { Shape } from './draft.js';
import {
  describeHeld,
  type FieldPlace,
  type Held,
  heldBy,
  messageHeld,
  type Roots,
  resolvePlace,
  responsePlace,
  sameType,
} from './place.js';
import { compileElements, type Element, type Read } from './scope.js';
import { StepRequest } from './step-request.js';
import { compileTarget, type RowGroup, type Target } from './target.js';
import { compileCondition, compileValue, type Value } from './value.js';

export type Report = (position: Position, rule: string, text: string) => void;

/** What a step gives, known before any path is. */
export interface StepSignature {
  readonly method: MethodDescriptor;
  readonly take: FieldDescriptor | undefined;
  readonly held: Held;
}

export interface StepCall {
  readonly method: MethodDescriptor;
  readonly request: StepRequest;
  readonly take: FieldDescriptor | undefined;
  readonly batch: Batch | undefined;
}

/** Elements are asked for together, and told apart by a field of the results. */
export interface Batch {
  readonly size: number;
  /** Of the request, repeated. */
  readonly field: FieldDescriptor;
  /** Of an element: what it asks for. */
  readonly value: Read<readonly Uint8Array[]>;
  /** Of a result. */
  readonly key: FieldDescriptor;
}

export interface PlannedStep {
  readonly index: number;
  /** `name` or `into`, as it is written. */
  readonly label: string;
  /** What clients are told when it fails: its name, or the JSON path that it fills. */
  readonly shown: string;
  readonly position: Position;
  readonly declaration: StepDeclaration;
  readonly optional: boolean;
  readonly source:
    | { readonly kind: 'call'; readonly call: StepCall }
    | { readonly kind: 'copy'; readonly value: Value };
  /** Undefined: the result has a name and is no part of the answer. */
  readonly target: Target | undefined;
  readonly into: readonly FieldDescriptor[] | undefined;
  /** The names of the fields of `into` as clients see them. */
  readonly path: readonly string[];
  /** The list whose elements the step makes, or else what it fills. */
  readonly makes: readonly FieldDescriptor[] | undefined;
  /** The lists whose elements decide how many it makes or fills. */
  readonly lists: readonly FieldPlace[];
  readonly elements: Read<readonly Element[]> | undefined;
  readonly maxItems: number;
  readonly when: Read<boolean> | undefined;
  /** Everything that it reads, `each` spelled out. */
  readonly reads: readonly FieldPlace[];
  /** What it reads of the caller. */
  readonly callerPaths: readonly CallerPath[];
  /** True if it fails where a claim is missing: what it sends or copies reads the caller. */
  readonly needsCaller: boolean;
  /** At worst. */
  readonly calls: number;
}

/** Undefined: it calls nothing, or what it calls is wrong; that is reported. */
export function signatureOf(step: StepDeclaration, registry: Registry, report: Report): StepSignature | undefined {
  const { call, copy, take, positions } = step;
  if ((call === '') === (copy === '')) {
    const found = call === '' ? 'neither' : 'both';
    report(step.position, 'aggregate-step', `expected a call or a copy, got ${found}`);
    return undefined;
  }
  if (call === '') return undefined;
  const method = registry.method(call.replace(/^\//, ''));
  if (method === undefined) {
    const names = registry.services.flatMap(({ methods }) => methods.map(({ fullName }) => fullName));
    const found = `'${call}'${meantHint(call, names)}`;
    report(positions.call, 'aggregate-call', `call: expected an rpc (pkg.Service/Method), got ${found}`);
    return undefined;
  }
  if (!isCallable(method, positions.call, report)) return undefined;
  if (take === '') return { method, take: undefined, held: messageHeld(method.output) };
  const field = fieldOf(method.output, take);
  if (field === undefined) {
    const hint = fieldHint(method.output, take);
    report(
      positions.take,
      'aggregate-path',
      `take: expected a field of ${method.output.fullName}, got '${take}'${hint}`,
    );
    return undefined;
  }
  return { method, take: field, held: heldBy(field) };
}

function isCallable(method: MethodDescriptor, position: Position, report: Report): boolean {
  const { fullName } = method;
  if (isStreaming(method)) {
    report(position, 'aggregate-call', `call: expected a unary rpc, ${fullName} streams`);
  } else if (method.aggregate !== undefined) {
    report(position, 'aggregate-call', `call: expected an rpc that an upstream serves, ${fullName} is an aggregate`);
  } else if (!isRead(method)) {
    const expected =
      'a GET route, idempotency_level = NO_SIDE_EFFECTS, or no route and the name Get…, List…, BatchGet… or Search…';
    const says = method.idempotency === 'idempotent' ? `${fullName}, which says IDEMPOTENT` : fullName;
    report(position, 'aggregate-write', `call: expected an rpc that only reads (${expected}), got ${says}`);
  } else return true;
  return false;
}

/** AIP-131, 132, 136, 231: the names of what reads. */
const READ_NAME = /^(Get|List|BatchGet|Search)([A-Z0-9_]|$)/;

function isRead({ name, idempotency, httpRule }: MethodDescriptor): boolean {
  if (idempotency !== 'unknown') return idempotency === 'no-side-effects';
  if (httpRule === undefined) return READ_NAME.test(name);
  return [httpRule, ...httpRule.additionalBindings].some(({ kind }) => kind === 'GET');
}

export interface StepParts {
  readonly step: StepDeclaration;
  readonly index: number;
  readonly signature: StepSignature | undefined;
  /** Without `each`. */
  readonly outer: Roots;
  readonly shape: Shape;
  /** The steps that fill the same elements; undefined when it makes no list, or makes it alone. */
  readonly rows: RowGroup | undefined;
  /** The name under which clients see a field. */
  readonly nameOf: (field: FieldDescriptor) => string;
  readonly report: Report;
}

/** Undefined: something is wrong, and reported. */
export function compileStep(parts: StepParts): PlannedStep | undefined {
  const { step, index, signature, outer, shape, report } = parts;
  let wrong = false;
  const { positions } = step;
  const fail = (position: Position, rule: string, text: string): undefined => {
    wrong = true;
    report(position, rule, text);
  };
  /** What reads an expression, and tells where it is wrong. */
  function within<T>(position: Position, what: string, compile: () => T): T | undefined {
    try {
      return compile();
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      return fail(position, 'aggregate-path', `${what}: ${error.message}`);
    }
  }

  const place =
    step.into === '' ? undefined : within(positions.into, 'into', () => intoPlace(step.into, outer.response));
  const inside = step.forEach === '' ? copyInside(step, outer) : undefined;
  const list =
    step.forEach === '' ? inside?.list : within(positions.forEach, 'for_each', () => listPlace(step.forEach, outer));
  if (step.forEach !== '' && step.maxItems === 0) {
    fail(positions.forEach, 'aggregate-cost', 'max_items: expected a number of elements next to for_each, got none');
  }
  if (step.forEach === '' && step.maxItems !== 0) {
    fail(positions.maxItems, 'aggregate-step', 'max_items: expected for_each next to it');
  }
  if (step.into === '' && step.name === '') {
    fail(step.position, 'aggregate-step', 'expected into or name, got neither');
  }
  const each = list === undefined ? undefined : { ...list.held, many: false };
  const roots: Roots = { ...outer, each };
  const reads: FieldPlace[] = [];
  const when =
    step.when === '' ? undefined : within(positions.when, 'when', () => compileCondition(parsePath(step.when), roots));
  const source = step.copy === '' ? callSource() : copySource();
  const target = place === undefined || wrong || source === undefined ? undefined : targetOf(place, resultOf(source));
  if (wrong || source === undefined) return undefined;

  const values = source.kind === 'copy' ? [source.value] : source.values;
  for (const { places } of [...values, ...(when === undefined ? [] : [when])]) reads.push(...places.map(spelledOut));
  const made = target?.made;
  const path = target?.into.map(parts.nameOf) ?? [];
  return {
    index,
    label: step.name || step.into,
    shown: step.name || path.join('.'),
    position: step.position,
    declaration: step,
    optional: step.optional,
    source: source.kind === 'copy' ? source : { kind: 'call', call: source.call },
    target,
    into: target?.into,
    path,
    makes: made === undefined ? target?.into : target?.into.slice(0, made + 1),
    lists: [...(list === undefined ? [] : [list]), ...copiedLists()],
    elements: list === undefined ? undefined : compileElements(list, target?.shared ?? 0),
    maxItems: step.forEach === '' ? Number.POSITIVE_INFINITY : step.maxItems,
    when: when?.holds,
    reads,
    callerPaths: [...values, ...(when === undefined ? [] : [when])].flatMap(({ callerPaths }) => callerPaths),
    needsCaller: values.some(({ callerPaths }) => callerPaths.length > 0),
    calls: callsOf(),
  };

  function callsOf(): number {
    if (step.copy !== '') return 0;
    if (step.forEach === '') return 1;
    return step.key === '' ? step.maxItems : Math.ceil(step.maxItems / (step.batchSize || step.maxItems));
  }

  /** Of a copy that makes an element for each element of a list. */
  function copiedLists(): readonly FieldPlace[] {
    const place = source?.kind === 'copy' && target?.rows !== undefined ? source.value.places[0] : undefined;
    if (place === undefined || !place.held.many) return [];
    const end = place.fields.findLastIndex(({ cardinality }) => cardinality === 'repeated') + 1;
    return [spelledOut({ ...place, fields: place.fields.slice(0, end) })];
  }

  function spelledOut(read: FieldPlace): FieldPlace {
    if (read.root.kind !== 'each' || list === undefined) return read;
    return { ...read, root: list.root, fields: [...list.fields, ...read.fields] };
  }

  /** Of a batch each element gets one. */
  function resultOf(of: NonNullable<typeof source>): Held {
    if (of.kind === 'copy') return of.value.held;
    return step.key === '' ? signature!.held : { ...signature!.held, many: false };
  }

  function targetOf(at: FieldPlace, held: Held): Target | undefined {
    const compiled = compileTarget(at, list, held, shape, parts.rows);
    return typeof compiled === 'string' ? fail(positions.into, 'aggregate-type', `into: ${compiled}`) : compiled;
  }

  function copySource() {
    if (step.into === '') return fail(positions.copy, 'aggregate-step', 'copy: expected into, got a name alone');
    for (const [what, used, at] of [
      ['with', step.with.length > 0, positions.with[0]],
      ['take', step.take !== '', positions.take],
      ['key', step.key !== '', positions.key],
    ] as const) {
      if (used) fail(at ?? step.position, 'aggregate-step', `${what}: expected a call next to it, got a copy`);
    }
    const last = place?.fields.at(-1);
    if (last === undefined) return undefined;
    const value = within(positions.copy, 'copy', () =>
      compileValue(inside?.copy ?? parseExpression(step.copy), last, roots, true),
    );
    return value && ({ kind: 'copy', value } as const);
  }

  function callSource() {
    if (signature === undefined) return undefined;
    const { method, take } = signature;
    const request = new StepRequest(method.input);
    const values: Value[] = [];
    let batch: Batch | undefined;
    for (const [i, text] of step.with.entries()) {
      const position = positions.with[i] ?? step.position;
      const assigned = within(position, `with '${text}'`, () => assignment(text, method.input, roots));
      if (assigned === undefined) continue;
      const { path, value, readsEach } = assigned;
      values.push(value);
      const field = path.at(-1)!;
      if (step.key === '' || !readsEach) {
        if (!request.assign(path, value.read)) {
          fail(position, 'aggregate-step', `with '${text}': expected a field that nothing else assigns`);
        }
        continue;
      }
      if (batch !== undefined || path.length > 1 || field.cardinality !== 'repeated') {
        fail(
          position,
          'aggregate-step',
          `with '${text}': expected one with of each, into a list of the request, next to key`,
        );
      } else {
        const key = keyField(field);
        if (key !== undefined) batch = { size: step.batchSize || step.maxItems, field, value: value.read, key };
      }
    }
    if (step.key !== '' && step.forEach === '')
      fail(positions.key, 'aggregate-step', 'key: expected for_each next to it');
    else if (step.key !== '' && batch === undefined && !wrong) {
      fail(positions.key, 'aggregate-step', 'key: expected a with of each next to it');
    }
    return { kind: 'call', values, call: { method, request, take, batch } } as const;
  }

  function keyField(of: FieldDescriptor): FieldDescriptor | undefined {
    const held = signature!.held;
    const wrongKey = (text: string) => fail(positions.key, 'aggregate-type', `key: ${text}`);
    if (!held.many || held.type.kind !== 'message') {
      return wrongKey(`expected take to give a list of messages, got ${describeHeld(held)}`);
    }
    const field = fieldOf(held.type.message, step.key);
    if (field === undefined) return wrongKey(`expected a field of ${held.type.message.fullName}, got '${step.key}'`);
    if (field.cardinality === 'singular' && field.type.kind !== 'message' && sameType(field.type, of.type))
      return field;
    return wrongKey(`expected ${describeHeld({ ...heldBy(of), many: false })}, got ${describeHeld(heldBy(field))}`);
  }
}

/** Throws ExpressionError. */
function listPlace(text: string, roots: Roots): FieldPlace {
  const path = parsePath(text);
  const place = resolvePlace(path, roots);
  const isStep = place.kind === 'fields' && place.root.kind === 'step' && place.fields.length === 0;
  const last = place.kind === 'fields' ? place.fields.at(-1) : undefined;
  if (place.kind === 'fields' && (isStep ? place.held.many : last?.cardinality === 'repeated')) return place;
  const found = place.kind === 'caller' ? 'text' : describeHeld(place.held);
  throw new ExpressionError(path.column, `expected a list, got ${found}`);
}

/** Throws ExpressionError. */
function intoPlace(text: string, response: MessageDescriptor): FieldPlace {
  const { names, column } = parsePath(text);
  return responsePlace(names, column, response);
}

/** Throws ExpressionError. */
function assignment(text: string, input: MessageDescriptor, roots: Roots) {
  const { left, right } = parseEquality(text);
  if (left.kind !== 'path')
    throw new ExpressionError(left.column, `expected a field of ${input.fullName}, got a ${left.kind}`);
  const path = assignedPath(left, input);
  const field = path.at(-1)!;
  return { path, value: compileValue(right, field, roots), readsEach: readsEach(right) };
}

function assignedPath({ names, column }: PathExpression, input: MessageDescriptor): readonly FieldDescriptor[] {
  const { fields, held } = responsePlace(names, column, input);
  const list = fields.slice(0, -1).find(({ cardinality }) => cardinality !== 'singular');
  if (list === undefined) return fields;
  throw new ExpressionError(
    column,
    `expected single messages in front of the last field, ${list.name} is ${describeHeld({ ...held, ...heldBy(list) })}`,
  );
}

function readsEach(expression: Expression): boolean {
  if (expression.kind === 'path') return expression.names[0] === 'each';
  return expression.kind === 'text' && expression.parts.some((part) => typeof part !== 'string' && readsEach(part));
}
