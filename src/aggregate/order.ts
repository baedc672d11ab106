/**
 * What waits for what, from the paths alone: a step waits for those that fill what it reads, and for those that make the
 * lists it runs over.
 */
import type { FieldDescriptor } from '../schema/descriptor.js';
import type { FieldPlace } from './place.js';
import type { PlannedStep } from './step.js';

export interface OrderProblem {
  readonly step: number;
  readonly rule: string;
  readonly text: string;
}

export interface Order {
  /** By step, ascending. */
  readonly needs: readonly (readonly number[])[];
  /** By step: those that end before it begins, where both run, though it reads nothing of theirs. Undefined: none. */
  readonly follows: readonly (readonly number[])[] | undefined;
  readonly problems: readonly OrderProblem[];
}

export function orderSteps(steps: readonly PlannedStep[]): Order {
  const needs = steps.map((step) => steps.flatMap((other, index) => (waitsFor(step, other) ? [index] : [])));
  const problems: OrderProblem[] = [];
  const cycle = findCycle(needs);
  if (cycle !== undefined) {
    const names = [...cycle, cycle[0]!].map((index) => steps[index]!.label);
    const text = cycle.length === 1 ? 'reads what it fills itself' : `waits for itself: ${names.join(' → ')}`;
    problems.push({ step: cycle[0]!, rule: 'aggregate-cycle', text });
  }
  for (const [index, step] of steps.entries()) {
    const optional = step.optional ? undefined : needs[index]!.find((other) => steps[other]!.optional);
    if (optional === undefined) continue;
    const text = `a required step can't need an optional one, it reads ${steps[optional]!.label}: make it optional too`;
    problems.push({ step: index, rule: 'aggregate-optional', text });
  }
  return { needs, follows: cycle === undefined ? followed(steps, needs) : undefined, problems };
}

/**
 * A list is missing when its makers failed and nobody else made an element of it. So that the order of arrival does not
 * decide that, a step that reads through a list begins behind those that make elements of it without reading it, unless
 * they wait for the step: then they come behind it in any case.
 */
function followed(steps: readonly PlannedStep[], needs: Order['needs']): Order['follows'] {
  const follows: number[][] = steps.map(() => []);
  const waits = (step: number, other: number): boolean =>
    step === other || [...needs[step]!, ...follows[step]!].some((next) => waits(next, other));
  for (const step of steps) {
    for (const other of steps) {
      if (!step.reads.some((place) => makes(other, place) && !other.reads.some((own) => readsThrough(own, other))))
        continue;
      if (needs[step.index]!.includes(other.index) || waits(other.index, step.index)) continue;
      follows[step.index]!.push(other.index);
    }
  }
  return follows.some((list) => list.length > 0) ? follows : undefined;
}

/** Whether the place is in what the step makes. */
function readsThrough({ root, fields }: FieldPlace, { makes: made }: PlannedStep): boolean {
  return root.kind === 'response' && made !== undefined && made.length <= fields.length && overlap(made, fields);
}

/** How many steps come one after the other at most, by step: 1 waits for nothing. */
export function roundsOf(needs: readonly (readonly number[])[]): readonly number[] {
  const rounds: number[] = [];
  const roundOf = (step: number): number => (rounds[step] ??= 1 + Math.max(0, ...needs[step]!.map(roundOf)));
  return needs.map((_, step) => roundOf(step));
}

function waitsFor(step: PlannedStep, other: PlannedStep): boolean {
  return step.reads.some((place) => fills(other, place)) || step.lists.some((list) => makes(other, list));
}

function fills(step: PlannedStep, { root, fields }: FieldPlace): boolean {
  if (root.kind === 'step') return root.step === step.index;
  return root.kind === 'response' && step.into !== undefined && overlap(step.into, fields);
}

/** Whether the step makes elements of the list, or a message that the list is in. */
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
