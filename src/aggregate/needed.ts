/** `$fields` of an aggregate: the steps that fill what is asked for, and those that they need. */
import type { FieldMask } from '../codec/field-mask.js';
import type { FieldDescriptor } from '../schema/descriptor.js';
import type { AggregatePlan } from './plan.js';

/** By step. */
export function neededSteps({ steps, needs }: AggregatePlan, mask: FieldMask): readonly boolean[] {
  const needed = steps.map(() => false);
  const need = (step: number): void => {
    if (needed[step]) return;
    needed[step] = true;
    for (const other of needs[step]!) need(other);
  };
  for (const { index, into } of steps) if (into !== undefined && asksFor(mask, into)) need(index);
  return needed;
}

/** Whether the mask names the field, something in it, or something around it. */
function asksFor(mask: FieldMask, path: readonly FieldDescriptor[]): boolean {
  let inside: FieldMask | undefined = mask;
  for (const field of path) {
    if (!inside.has(field)) return false;
    inside = inside.get(field);
    if (inside === undefined) return true;
  }
  return true;
}
