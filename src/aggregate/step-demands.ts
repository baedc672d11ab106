/**
 * Checks what required steps demand of the caller: the scopes and `require` conditions of the methods that they call, and the
 * claims that they need. These demands protect the whole answer, even when `$fields` leaves out the step. Demands that need no
 * call, because they read only the request, the caller and copies of both, are checked before any call is made. The
 * others are checked when the calls that they need have answered.
 */
import type { Principal } from '../call/principal.js';
import { Draft, type Node } from './answer-draft.js';
import { copyStep } from './copy-step.js';
import { roundsOf } from './order.js';
import { requireFewItems, type StepResults } from './outcomes.js';
import type { AggregatePlan } from './plan-aggregate.js';
import type { Scope } from './reads.js';
import type { PlannedStep } from './step.js';
import type { StepCall } from './step-source.js';

/** Throws a StatusError if the caller may not make the call with this message. */
export type Authorize = (message: Uint8Array, caller: Principal | undefined) => void;

export interface Demands {
  /** Checks the demands that need no call. Throws a StatusError when one is not met. Undefined when there are none. */
  readonly askFirst: Authorize | undefined;
  /** True for each step that has demands which wait for calls, by the step's index. */
  readonly later: readonly boolean[];
}

/**
 * Compiles the checks. `authorize` has an entry for each step, which is undefined if the step demands nothing. If
 * `knowsCaller` is false (a dry run without a caller), steps that depend on the caller are not checked.
 */
export function compileDemands(
  plan: AggregatePlan,
  authorize: readonly (Authorize | undefined)[],
  knowsCaller = true,
): Demands {
  const { steps, needs, shape } = plan;
  const copiesAlone = steps.map(({ index }) =>
    allNeeds(needs, index).every((need) => steps[need]!.source.kind === 'copy'),
  );
  const guards = steps.filter(
    (step) => !step.optional && (authorize[step.index] !== undefined || step.needsCaller) && isKnown(step),
  );
  const first = guards.filter(({ index }) => copiesAlone[index]);
  const asked = new Set(first.flatMap(({ index }) => [index, ...allNeeds(needs, index)]));
  const rounds = roundsOf(needs);
  const order = steps.filter(({ index }) => asked.has(index)).sort((a, b) => rounds[a.index]! - rounds[b.index]!);
  return {
    askFirst: order.length === 0 ? undefined : askFirst,
    later: steps.map((step) => guards.includes(step) && !copiesAlone[step.index]),
  };

  function isKnown({ index }: PlannedStep): boolean {
    return knowsCaller || [index, ...allNeeds(needs, index)].every((step) => steps[step]!.callerPaths.length === 0);
  }

  function askFirst(request: Uint8Array, caller: Principal | undefined): void {
    const scope: Scope = { request, response: new Draft(shape), results: [], caller };
    const results = copiesInto(scope);
    for (const step of order) {
      if (step.source.kind === 'copy') copyStep(step, step.source.value, results);
      else askDemands(step, scope, authorize[step.index]);
    }
  }
}

/** Checks the demands of each call that the step would make, and makes none. Throws a StatusError when one is not met. */
export function askDemands(step: PlannedStep, scope: Scope, authorize: Authorize | undefined): void {
  const { elements, when, source } = step;
  if (elements === undefined) {
    if (when === undefined || when(scope, undefined)) ask(undefined);
    return;
  }
  const found = elements(scope, undefined);
  requireFewItems(step, found);
  for (const { node } of found) if (when === undefined || when(scope, node)) ask(node);

  function ask(each: Node | undefined): void {
    if (source.kind === 'copy') source.value.read(scope, each);
    else {
      const message = messageFor(source.call, scope, each);
      if (message !== undefined) authorize?.(message, scope.caller);
    }
  }
}

/**
 * Returns the request of a call; undefined when no call is made. The request of a batch lacks its list, which no demand can
 * read.
 */
function messageFor({ request, batch }: StepCall, scope: Scope, each: Node | undefined): Uint8Array | undefined {
  if (batch === undefined) return request.bytes(scope, each);
  return batch.value(scope, each).length === 0 ? undefined : request.bytes(scope, undefined);
}

function copiesInto(scope: Scope): StepResults {
  return {
    scope,
    put: ({ target }, home, values) => target!.fill(home, values),
    fail(_step, _place, thrown) {
      throw thrown;
    },
    failedForAll() {},
  };
}

/** Returns the steps that a step needs, directly or through others. */
function allNeeds(needs: AggregatePlan['needs'], step: number, known = new Set<number>()): readonly number[] {
  for (const need of needs[step]!) {
    if (known.has(need)) continue;
    known.add(need);
    allNeeds(needs, need, known);
  }
  return [...known];
}
