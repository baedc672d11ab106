/** This module finds errors and risks in the access rules of aggregates and in the methods that they call. */
import type { PlannedStep } from '../aggregate/step.js';
import { type Diagnostic, errorAt, warningAt } from '../base/diagnostic.js';
import type { RuleId } from '../base/rules.js';
import type { Access } from '../policy/access/planned.js';
import { readsSubjectAlone, subjectAloneText, type Vouchers } from '../policy/access/vouchers.js';
import type { Policy } from '../policy/policy.js';
import { costOf, type PlannedAggregate, type PlannedCall } from '../route/planned-route.js';
import type { MethodDescriptor } from '../schema/descriptor.js';
import { callerPathsOf } from './aggregates.js';

export interface AggregateUse {
  readonly method: MethodDescriptor;
  readonly aggregate: PlannedAggregate;
  readonly policy: Policy;
  /** The access rules of the aggregate's own method: mode, scopes and `require`. */
  readonly own: Access;
  /** The same rules, with the mode and the scopes that the required steps demand in addition. */
  readonly access: Access;
  /** The ways in which callers can prove their identity. Undefined when the config has no `auth` block. */
  readonly vouchers: Vouchers | undefined;
  /** True if the config has upstreams. */
  readonly hasUpstreams: boolean;
  /** Returns why the clients of the surface cannot call a method. Undefined when the surface has the method. */
  readonly whyExcluded: (method: MethodDescriptor) => string | undefined;
}

/** Returns the problems of one aggregate's access rules and calls. */
export function aggregateProblems(use: AggregateUse): readonly Diagnostic[] {
  const { method, aggregate, policy, own, access } = use;
  const diagnostics: Diagnostic[] = [];
  const cost = costOf({ aggregate });
  for (const { limit } of policy.settings.rateLimits ?? []) {
    if (limit >= cost) continue;
    const text = `${method.fullName}: expected a limit of at least ${cost}, because one request counts as ${cost} (one per step), got ${limit}`;
    diagnostics.push(errorAt(policy.origins.get('rateLimits') ?? method.position, 'aggregate-limit', text));
  }
  const found = aggregate.plan.steps.map((step, index) => ofStep(step, aggregate.calls[index]));
  return [...diagnostics, ...found.flat()];

  function ofStep(step: PlannedStep, call: PlannedCall | undefined): Diagnostic[] {
    const says = (text: string) => `${method.fullName}: ${step.label}: ${text}`;
    const error = (rule: RuleId, text: string) => [errorAt(step.position, rule, says(text))];
    const warning = (rule: RuleId, text: string) => [warningAt(step.position, rule, says(text))];
    const demands = call?.access.mode === 'required';
    const reads = step.callerPaths.length > 0;
    const problems: Diagnostic[] = [];
    if (call !== undefined && call.upstream === undefined && use.hasUpstreams) {
      const text = `no upstream is configured for ${call.method.service.fullName}, so the aggregate is not served`;
      problems.push(...warning('no-upstream', text));
    }
    const hidden = call && (use.whyExcluded(call.method) ?? whyHidden(call.method, use.vouchers !== undefined));
    if (hidden !== undefined && policy.settings.auth === undefined) {
      problems.push(
        ...error(
          'aggregate-auth',
          `${hidden}: expected auth in the aggregate's policy, such as { mode: MODE_REQUIRED }, got none`,
        ),
      );
    }
    if (demands && !step.optional && own.mode !== 'required' && policy.settings.auth?.mode !== undefined) {
      const text = `${call.method.fullName} requires a caller, so the aggregate does too, although its own mode is ${own.mode}; set it to required`;
      problems.push(...warning('aggregate-auth', text));
    }
    if ((demands || reads) && step.optional && access.mode === 'public') {
      const text =
        'this step needs a caller, but the aggregate is public and knows none, so the step always fails; require a caller for the aggregate';
      problems.push(...warning('aggregate-auth', text));
    }
    if (reads && !step.optional && access.mode !== 'required') {
      problems.push(
        ...error(
          'auth-contradiction',
          `expected auth mode required, because the step reads the caller, got ${access.mode}`,
        ),
      );
    }
    const beside = [...callerPathsOf(step, call), ...own.require.flatMap(({ callerPaths }) => callerPaths)];
    if (use.vouchers !== undefined && readsSubjectAlone(step.callerPaths, beside, use.vouchers)) {
      problems.push(...warning('subject-alone', subjectAloneText(use.vouchers)));
    }
    if (policy.settings.cache?.scope === 'public' && dependsOnCaller(step, call)) {
      problems.push(
        ...error('cache-public', 'expected cache scope consumer, because the step depends on the caller, got public'),
      );
    }
    return problems;
  }
}

/**
 * Returns the reason why clients can call a method only through aggregates. Such an aggregate must declare who may
 * call. Undefined when clients can call the method directly.
 */
function whyHidden({ fullName, routing, httpRule }: MethodDescriptor, authenticates: boolean): string | undefined {
  if (routing === 'excluded') return `${fullName} is excluded (schema.exclude)`;
  const hasRoute = routing === 'routed' && httpRule !== undefined;
  return authenticates && !hasRoute ? `${fullName} has no route of its own` : undefined;
}

/** True if two callers that may both call the aggregate can get different answers from the step. */
function dependsOnCaller(step: PlannedStep, call: PlannedCall | undefined): boolean {
  if (callerPathsOf(step, call).length > 0) return true;
  if (!step.optional || call === undefined) return false;
  return call.access.mode === 'required' || call.access.scopes.length > 0 || call.admits !== undefined;
}
