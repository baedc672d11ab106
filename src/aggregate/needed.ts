/**
 * Decides which steps a request with `$fields` needs: those that fill a requested field, and those that these depend
 * on. Other steps are not called. But if a step has demands that wait for calls, those calls are made and its demands
 * are checked.
 */
import type { FieldMask } from '../codec/field-mask.js';
import type { FieldDescriptor } from '../schema/descriptor.js';
import type { AggregatePlan } from './plan-aggregate.js';
import type { Demands } from './step-demands.js';

/** Why a step is needed: for its result, or only to check its scopes and rules. Undefined when it is not needed. */
export type Need = 'result' | 'demands' | undefined;

/** Returns what each step is needed for, by the step's index. */
export function neededSteps(
  { steps, needs }: AggregatePlan,
  mask: FieldMask,
  { later }: Pick<Demands, 'later'>,
): readonly Need[] {
  const needed: Need[] = steps.map(() => undefined);
  const need = (step: number): void => {
    if (needed[step] === 'result') return;
    needed[step] = 'result';
    for (const other of needs[step]!) need(other);
  };
  for (const { index, into } of steps) if (into !== undefined && asksFor(mask, into)) need(index);
  for (const [step, isLater] of later.entries()) {
    if (!isLater || needed[step] !== undefined) continue;
    needed[step] = 'demands';
    for (const other of needs[step]!) need(other);
  }
  return needed;
}

/** True if the mask contains the field, a field inside of it, or a message around it. */
function asksFor(mask: FieldMask, path: readonly FieldDescriptor[]): boolean {
  let inside: FieldMask | undefined = mask;
  for (const field of path) {
    if (!inside.has(field)) return false;
    inside = inside.get(field);
    if (inside === undefined) return true;
  }
  return true;
}
