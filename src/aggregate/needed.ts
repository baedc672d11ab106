/**
 * Decides which steps a request needs: those that fill a field that the client sees and, with `$fields`, asks for, and the
 * steps on which these depend. Other steps are not called. But if the check whether the caller may call a step needs the
 * results of other steps, these are called, and the check is made.
 */
import type { FieldMask } from '../codec/field-mask.js';
import type { FieldDescriptor } from '../schema/descriptor.js';
import type { AggregatePlan } from './plan-aggregate.js';
import type { Demands } from './step-demands.js';

/** A step is needed for its result, or only to check whether the caller may make its calls. Undefined when it is not needed. */
export type Need = 'result' | 'demands' | undefined;

/**
 * Returns what each step is needed for, by the step's index. `mask` is undefined when the client asks for everything.
 * `hidden` are the steps that fill fields which the clients of a surface do not see.
 */
export function neededSteps(
  { steps, needs }: AggregatePlan,
  mask: FieldMask | undefined,
  { later }: Pick<Demands, 'later'>,
  hidden: ReadonlySet<number>,
): readonly Need[] {
  if (mask === undefined && hidden.size === 0) return steps.map(() => 'result');
  const needed: Need[] = steps.map(() => undefined);
  const need = (step: number): void => {
    if (needed[step] === 'result') return;
    needed[step] = 'result';
    for (const other of needs[step]!) need(other);
  };
  for (const { index, into } of steps) {
    if (into !== undefined && !hidden.has(index) && (mask === undefined || asksFor(mask, into))) need(index);
  }
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
