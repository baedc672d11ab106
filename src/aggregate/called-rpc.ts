/**
 * Finds the rpc that a step calls and the type of its result. The rpc must be unary, must only read, and must be no aggregate.
 */
import type { Position } from '../base/diagnostic.js';
import { meantHint } from '../base/did-you-mean.js';
import { isStreaming } from '../call/call.js';
import { fieldHint, fieldOf } from '../routing/field-path.js';
import type { FieldDescriptor, MethodDescriptor, Registry } from '../schema/descriptor.js';
import type { StepDeclaration } from './declaration.js';
import { type Held, heldBy, messageHeld } from './place.js';
import type { Report } from './step-problems.js';

/** The rpc that a step calls and the type of its result, which are known before any path is resolved. */
export interface StepSignature {
  readonly method: MethodDescriptor;
  readonly take: FieldDescriptor | undefined;
  readonly held: Held;
}

/** Finds the rpc of a step. Returns undefined if the step calls nothing, or if its call is wrong, which is reported. */
export function signatureOf(step: StepDeclaration, registry: Registry, report: Report): StepSignature | undefined {
  const { call, copy, take, positions } = step;
  if ((call === '') === (copy === '')) {
    const found = call === '' ? 'neither' : 'both';
    report(step.position, 'aggregate-step', `expected either call or copy, got ${found}`);
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
    report(position, 'aggregate-call', `call: expected a unary rpc, got ${fullName}, which streams`);
  } else if (method.aggregate !== undefined) {
    report(
      position,
      'aggregate-call',
      `call: expected an rpc that an upstream serves, got ${fullName}, which is an aggregate`,
    );
  } else if (!isRead(method)) {
    const expected =
      'a GET route, idempotency_level = NO_SIDE_EFFECTS, or no route and the name Get…, List…, BatchGet… or Search…';
    const says = method.idempotency === 'idempotent' ? `${fullName}, whose idempotency_level is IDEMPOTENT` : fullName;
    report(position, 'aggregate-write', `call: expected an rpc that only reads (${expected}), got ${says}`);
  } else return true;
  return false;
}

/** The names of rpcs that only read (AIP-131, AIP-132, AIP-136, AIP-231). */
const READ_NAME = /^(Get|List|BatchGet|Search)([A-Z0-9_]|$)/;

function isRead({ name, idempotency, httpRule }: MethodDescriptor): boolean {
  if (idempotency !== 'unknown') return idempotency === 'no-side-effects';
  if (httpRule === undefined) return READ_NAME.test(name);
  return [httpRule, ...httpRule.additionalBindings].some(({ kind }) => kind === 'GET');
}
