/**
 * The aggregates of a schema with what the rest of the config says of their calls: which upstream serves each, under
 * which policy, and what all of that demands of whoever calls the aggregate.
 */
import { createHash } from 'node:crypto';
import { type AggregatePlan, planAggregate } from '../aggregate/plan.js';
import type { PlannedStep } from '../aggregate/step.js';
import { type Diagnostic, errorAt, warningAt } from '../base/diagnostic.js';
import type { CallerPath } from '../paths/caller.js';
import { type Access, missingScope } from '../policy/access/access.js';
import { readsSubjectAlone, subjectAloneText, type Vouchers } from '../policy/access/vouchers.js';
import type { CachePolicy, CallerRead } from '../policy/cache/cache.js';
import type { Policy } from '../policy/policy.js';
import type { FieldDescriptor, MethodDescriptor, Registry } from '../schema/descriptor.js';
import type { RetrySettings } from '../upstream/retry.js';

export interface PlannedAggregate {
  readonly plan: AggregatePlan;
  /** By step; a copy has none. */
  readonly calls: readonly (PlannedCall | undefined)[];
}

/** What a step calls. */
export interface PlannedCall {
  readonly method: MethodDescriptor;
  readonly access: Access;
  /** Of the called method. */
  readonly cache: CachePolicy | undefined;
  readonly retry: RetrySettings | undefined;
  /** Undefined: none serves it. */
  readonly upstream: string | undefined;
  readonly timeoutMs: number | undefined;
}

export interface Aggregates {
  readonly of: ReadonlyMap<MethodDescriptor, AggregatePlan>;
  /** What they call. */
  readonly methods: ReadonlySet<MethodDescriptor>;
  readonly diagnostics: readonly Diagnostic[];
}

/** Of the routed methods. `protoNames`: clients see fields under the names that they have in protos. */
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

/** What an aggregate counts in limits: its calls, as they are written. */
export function costOf({ calls }: PlannedAggregate): number {
  return Math.max(1, calls.filter((call) => call !== undefined).length);
}

/** The aggregate's own demands and those of its required steps. */
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

export interface AggregateUse {
  readonly method: MethodDescriptor;
  readonly aggregate: PlannedAggregate;
  readonly policy: Policy;
  /** Of the method alone, and with its steps. */
  readonly own: Access;
  readonly access: Access;
  /** Undefined: the config has no `auth` block. */
  readonly vouchers: Vouchers | undefined;
  /** The config has upstreams. */
  readonly hasUpstreams: boolean;
}

/** What is wrong with who may call an aggregate and what it calls. */
export function aggregateProblems(use: AggregateUse): readonly Diagnostic[] {
  const { method, aggregate, policy, own, access } = use;
  const diagnostics: Diagnostic[] = [];
  const cost = costOf(aggregate);
  for (const { limit } of policy.settings.rateLimits ?? []) {
    if (limit >= cost) continue;
    const text = `${method.fullName}: expected a limit of at least ${cost}, what one request counts, got ${limit}`;
    diagnostics.push(errorAt(policy.origins.get('rateLimits') ?? method.position, 'aggregate-limit', text));
  }
  const found = aggregate.plan.steps.map((step, index) => ofStep(step, aggregate.calls[index]));
  return [...diagnostics, ...found.flat()];

  function ofStep(step: PlannedStep, call: PlannedCall | undefined): Diagnostic[] {
    const says = (text: string) => `${method.fullName}: ${step.label}: ${text}`;
    const error = (rule: string, text: string) => [errorAt(step.position, rule, says(text))];
    const warning = (rule: string, text: string) => [warningAt(step.position, rule, says(text))];
    const demands = call?.access.mode === 'required';
    const reads = step.callerPaths.length > 0;
    const problems: Diagnostic[] = [];
    if (call !== undefined && call.upstream === undefined && use.hasUpstreams) {
      const text = `no upstream serves ${call.method.service.fullName}, the aggregate is not served`;
      problems.push(...warning('no-upstream', text));
    }
    const hidden = call === undefined ? undefined : whyHidden(call.method, use.vouchers !== undefined);
    if (hidden !== undefined && policy.settings.auth === undefined) {
      problems.push(...error('aggregate-auth', `${hidden}: expected auth in the aggregate's policy, got none`));
    }
    if (demands && !step.optional && own.mode !== 'required' && policy.settings.auth?.mode !== undefined) {
      const text = `${call.method.fullName} demands a caller, so the aggregate does, though its policy says ${own.mode}`;
      problems.push(...warning('aggregate-auth', text));
    }
    if ((demands || reads) && step.optional && access.mode === 'public') {
      const text = 'it needs a caller and the aggregate is public, where nobody is known: it always fails';
      problems.push(...warning('aggregate-auth', text));
    }
    if (reads && !step.optional && access.mode !== 'required') {
      problems.push(
        ...error('auth-contradiction', `expected mode required where a step reads the caller, got ${access.mode}`),
      );
    }
    const beside = [...callerPathsOf(step, call), ...own.require.flatMap(({ callerPaths }) => callerPaths)];
    if (use.vouchers !== undefined && readsSubjectAlone(step.callerPaths, beside, use.vouchers)) {
      problems.push(...warning('subject-alone', subjectAloneText(use.vouchers)));
    }
    if (policy.settings.cache?.scope === 'public' && dependsOnCaller(step, call)) {
      problems.push(
        ...error('cache-public', 'expected scope consumer where a step depends on the caller, got a public cache'),
      );
    }
    return problems;
  }
}

/** Why nobody can call the method but through aggregates, which then have to say who may; undefined: somebody can. */
function whyHidden({ fullName, routing, httpRule }: MethodDescriptor, authenticates: boolean): string | undefined {
  if (routing === 'excluded') return `${fullName} is excluded (schema.exclude)`;
  const hasRoute = routing === 'routed' && httpRule !== undefined;
  return authenticates && !hasRoute ? `${fullName} has no route of its own` : undefined;
}

/** Whether two callers who may both call the aggregate may get different answers from the step. */
function dependsOnCaller(step: PlannedStep, call: PlannedCall | undefined): boolean {
  if (callerPathsOf(step, call).length > 0) return true;
  return step.optional && call !== undefined && (call.access.mode === 'required' || call.access.scopes.length > 0);
}

/** What the step, or the `require` of what it calls, reads of the caller. */
function callerPathsOf({ callerPaths }: PlannedStep, call: PlannedCall | undefined): readonly CallerPath[] {
  return [...callerPaths, ...(call?.access.require ?? []).flatMap((equality) => equality.callerPaths)];
}

/**
 * What the answer of an aggregate depends on besides its request: every value that a step or a `require` reads of the
 * caller, whether the scopes of an optional step are met, and the declarations that make an answer of those. Scopes of a
 * required step are the aggregate's own, and refused before a cache is asked.
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
    const { scopes = [] } = calls[index]?.access ?? {};
    if (!optional || scopes.length === 0) return [];
    return [(caller) => missingScope(scopes, caller?.scopes ?? NO_SCOPES) === undefined];
  });
  return [() => digest, ...reads, ...verdicts];
}

const NO_SCOPES: ReadonlySet<string> = new Set();
