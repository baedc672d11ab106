/**
 * Derives the order of the steps from their paths alone: a step waits for the steps that fill the fields that it reads, and for
 * the steps that make the lists that it runs over or reads through.
 */
import type { RuleId } from '../base/rules.js';
import type { FieldDescriptor } from '../schema/descriptor.js';
import type { FieldPlace } from './place.js';
import type { PlannedStep } from './step.js';

export interface OrderProblem {
  readonly step: number;
  readonly rule: RuleId;
  readonly text: string;
}

export interface Order {
  /** The indices of the steps whose results each step needs, in ascending order. */
  readonly needs: readonly (readonly number[])[];
  /** The indices of the steps that each step waits for if the request needs them, in ascending order. */
  readonly after: readonly (readonly number[])[];
  readonly problems: readonly OrderProblem[];
}

export function orderSteps(steps: readonly PlannedStep[]): Order {
  const needs = steps.map((step) => steps.flatMap((other, index) => (needsOf(step, other) ? [index] : [])));
  const problems: OrderProblem[] = [];
  const cycle = findCycle(needs);
  if (cycle !== undefined) {
    const names = [...cycle, cycle[0]!].map((index) => steps[index]!.label);
    const text =
      cycle.length === 1
        ? 'the step reads the field that it fills; read another field'
        : `the steps wait for each other in a circle: ${names.join(' → ')}`;
    problems.push({ step: cycle[0]!, rule: 'aggregate-cycle', text });
  }
  for (const [index, step] of steps.entries()) {
    const optional = step.optional ? undefined : needs[index]!.find((other) => steps[other]!.optional);
    if (optional === undefined) continue;
    const text = `a required step cannot read the result of an optional one, got ${steps[optional]!.label}; make this step optional, or that one required`;
    problems.push({ step: index, rule: 'aggregate-optional', text });
  }
  return { needs, after: problems.length > 0 ? needs : withListMakers(steps, needs), problems };
}

/**
 * Returns `needs` with the makers of lists added. A step that reads through a list does not need every step that makes
 * elements of the list. But the length of the list, and whether it is missing, must not depend on which step is faster.
 * So the step waits for every maker that does not wait for it.
 */
function withListMakers(
  steps: readonly PlannedStep[],
  needs: readonly (readonly number[])[],
): readonly (readonly number[])[] {
  const all = needs.map((list) => new Set(list));
  const reaches = (from: number, to: number): boolean =>
    from === to || [...all[from]!].some((step) => reaches(step, to));
  for (const [index, step] of steps.entries()) {
    const lists = step.reads.flatMap(listsOn);
    for (const [other, maker] of steps.entries()) {
      if (lists.some((list) => makes(maker, list)) && !reaches(other, index)) all[index]!.add(other);
    }
  }
  return all.map((list) => [...list].sort((a, b) => a - b));
}

/** Returns the place of each list on a path. */
function listsOn(place: FieldPlace): readonly FieldPlace[] {
  return place.fields.flatMap(({ cardinality }, index) =>
    cardinality === 'repeated' ? [{ ...place, fields: place.fields.slice(0, index + 1) }] : [],
  );
}

/**
 * Returns the round of each step: 1 if it needs no other step, otherwise one more than the latest round of the steps it needs.
 */
export function roundsOf(needs: readonly (readonly number[])[]): readonly number[] {
  const rounds: number[] = [];
  const roundOf = (step: number): number => (rounds[step] ??= 1 + Math.max(0, ...needs[step]!.map(roundOf)));
  return needs.map((_, step) => roundOf(step));
}

function needsOf(step: PlannedStep, other: PlannedStep): boolean {
  return step.reads.some((place) => fills(other, place)) || step.lists.some((list) => makes(other, list));
}

function fills(step: PlannedStep, { root, fields }: FieldPlace): boolean {
  if (root.kind === 'step') return root.step === step.index;
  return root.kind === 'response' && step.into !== undefined && overlap(step.into, fields);
}

/** True if the step makes elements of the list, or a message that contains the list. */
function makes(step: PlannedStep, list: FieldPlace): boolean {
  if (list.root.kind !== 'response') return fills(step, list);
  return step.makes !== undefined && step.makes.length <= list.fields.length && overlap(step.makes, list.fields);
}

function overlap(a: readonly FieldDescriptor[], b: readonly FieldDescriptor[]): boolean {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function findCycle(needs: readonly (readonly number[])[]): readonly number[] | undefined {
  const done = new Set<number>();
  const path: number[] = [];
  const visit = (step: number): readonly number[] | undefined => {
    const seen = path.indexOf(step);
    if (seen >= 0) return path.slice(seen);
    if (done.has(step)) return undefined;
    path.push(step);
    for (const need of needs[step]!) {
      const cycle = visit(need);
      if (cycle !== undefined) return cycle;
    }
    path.pop();
    done.add(step);
    return undefined;
  };
  for (const step of needs.keys()) {
    const cycle = visit(step);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
