/**
 * This module adds the config to the aggregates of a schema: the upstream and the policy of each call, and what all
 * calls together demand of the aggregate's caller.
 */
import { createHash } from 'node:crypto';
import { type AggregatePlan, planAggregate } from '../aggregate/plan-aggregate.js';
import type { PlannedStep } from '../aggregate/step.js';
import type { Diagnostic } from '../base/diagnostic.js';
import type { CallerPath } from '../paths/caller.js';
import { missingScope } from '../policy/access/demands.js';
import type { Access } from '../policy/access/planned.js';
import type { Admits } from '../policy/addresses/planned.js';
import type { CallerRead } from '../policy/cache/cache-key.js';
import type { PlannedAggregate, PlannedCall } from '../route/planned-route.js';
import type { FieldDescriptor, MethodDescriptor, Registry } from '../schema/descriptor.js';

export interface Aggregates {
  readonly of: ReadonlyMap<MethodDescriptor, AggregatePlan>;
  /** The methods that the aggregates call. */
  readonly methods: ReadonlySet<MethodDescriptor>;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Plans the aggregates of the routed methods. With `protoNames`, clients see fields under their names in the protos.
 */
export function findAggregates(registry: Registry, { protoNames }: { readonly protoNames: boolean }): Aggregates {
  const nameOf = ({ name, jsonName }: FieldDescriptor) => (protoNames ? name : jsonName);
  const of = new Map<MethodDescriptor, AggregatePlan>();
  const methods = new Set<MethodDescriptor>();
  const diagnostics: Diagnostic[] = [];
  for (const method of registry.services.flatMap(({ methods }) => methods)) {
    if (method.routing !== 'routed' || method.aggregate === undefined) continue;
    const found = planAggregate(method, registry, nameOf);
    diagnostics.push(...found.diagnostics);
    if (found.plan === undefined) continue;
    of.set(method, found.plan);
    for (const { source } of found.plan.steps) if (source.kind === 'call') methods.add(source.call.method);
  }
  return { of, methods, diagnostics };
}

/**
 * Returns who may call the aggregate: the callers that satisfy the mode and the scopes of its own method and of all its
 * required steps. `require` is only that of its own method.
 */
export function accessWithSteps(own: Access, { plan, calls }: PlannedAggregate): Access {
  const demands = plan.steps.flatMap((step, index) => (step.optional ? [] : (calls[index]?.access ?? [])));
  const demanding = demands.find(({ mode }) => mode === 'required');
  const raised = own.mode === 'required' ? undefined : demanding;
  return {
    mode: raised === undefined ? own.mode : 'required',
    scopes: [...new Set([...own.scopes, ...demands.flatMap(({ scopes }) => scopes)])],
    require: own.require,
    origin: raised === undefined ? own.origin : raised.origin,
  };
}

/**
 * Returns the address check of each required step. Optional steps have none here: an optional step that the client may
 * not call is left out of the answer.
 */
export function admittedBySteps(aggregate: PlannedAggregate | undefined): readonly (Admits | undefined)[] {
  if (aggregate === undefined) return [];
  const { plan, calls } = aggregate;
  return calls.map((call, index) => (plan.steps[index]!.optional ? undefined : call?.admits));
}

/** Returns the paths of the caller that the step reads, and those that the `require` of its method reads. */
export function callerPathsOf({ callerPaths }: PlannedStep, call: PlannedCall | undefined): readonly CallerPath[] {
  return [...callerPaths, ...(call?.access.require ?? []).flatMap((equality) => equality.callerPaths)];
}

/**
 * Returns what the answer of an aggregate depends on besides its request: each value of the caller that a step or a
 * `require` reads, whether the caller may call each optional step by scopes and by address, and the declarations of the
 * steps. The scopes and addresses of required steps are not among it, because the aggregate checks them before the
 * cache.
 */
export function dependsOn({ plan, calls }: PlannedAggregate): readonly CallerRead[] {
  const declared = plan.steps.map(({ declaration: { position, positions, ...step } }, index) => {
    const { mode, scopes, require } = calls[index]?.access ?? {};
    return [step, mode, scopes, require?.map(({ text }) => text)];
  });
  const digest = createHash('sha256').update(JSON.stringify(declared)).digest('base64url');
  const paths = plan.steps.flatMap((step, index) => callerPathsOf(step, calls[index]));
  const reads = [...new Map(paths.map((path) => [path.text, path.read])).values()];
  const verdicts = plan.steps.flatMap(({ optional }, index): CallerRead[] => {
    if (!optional) return [];
    const { access, admits } = calls[index] ?? {};
    const { scopes = [] } = access ?? {};
    const ofScopes: CallerRead = (caller) => missingScope(scopes, caller?.scopes ?? NO_SCOPES) === undefined;
    const ofAddress: CallerRead = (_, address) => admits?.(address);
    return [...(scopes.length > 0 ? [ofScopes] : []), ...(admits === undefined ? [] : [ofAddress])];
  });
  return [() => digest, ...reads, ...verdicts];
}

const NO_SCOPES: ReadonlySet<string> = new Set();
