/** Puts the results of a step with `for_each` into the messages that its elements came from, and records its failures. */
import { gatewayError, StatusError } from '../status/status-error.js';
import { type Draft, MissingPart } from './answer-draft.js';
import type { FailurePlace } from './failure-path.js';
import type { RowTarget } from './into.js';
import type { Element, Scope } from './reads.js';
import type { PlannedStep } from './step.js';

/** Receives the results and failures of steps. */
export interface StepResults {
  readonly scope: Scope;
  put(step: PlannedStep, home: Draft, values: readonly Uint8Array[]): void;
  /** Records a failure, or throws it if the step is required. `place` is undefined when the step failed as a whole. */
  fail(step: PlannedStep, place: FailurePlace | undefined, thrown: unknown): void;
  /** Call it after `fail` was called for every one of several elements: equal failures may then be reported as one. */
  failedForAll(step: PlannedStep): void;
}

/** The result of a step for an element. Elements with equal requests share one Outcome. */
export interface Outcome {
  values: readonly Uint8Array[];
  /**
   * The values for each row (element of the answer's list) that is made from this element; absent when `values` are those of
   * the only one.
   */
  readonly rows?: readonly (readonly Uint8Array[])[];
  failure: unknown;
}

/** The outcome of each element; undefined when no call was made for the element. */
export type Outcomes = readonly (Outcome | undefined)[];

const NONE: readonly Uint8Array[] = [];

/**
 * Throws a StatusError for more elements than `max_items`. Its code is OUT_OF_RANGE, because repeating the request would not
 * help.
 */
export function requireFewItems({ index, shown, maxItems, target }: PlannedStep, elements: readonly Element[]): void {
  if (elements.length <= maxItems) return;
  const text = `${shown}: expected at most ${maxItems} items, got ${elements.length}`;
  const failure = gatewayError('TOO_MANY_ITEMS', text);
  for (const home of new Set(elements.map((element) => element.home))) target?.fail(home, failure, index);
  throw failure;
}

/**
 * Returns `outcome()` if the `when` of the step holds for the element, and otherwise undefined. A missing part fails this
 * element only.
 */
export function ask(
  step: PlannedStep,
  { node }: Element,
  scope: Scope,
  outcome: () => Outcome | undefined,
): Outcome | undefined {
  try {
    return step.when === undefined || step.when(scope, node) ? outcome() : undefined;
  } catch (failure) {
    if (failure instanceof MissingPart || failure instanceof StatusError) return { values: NONE, failure };
    throw failure;
  }
}

/**
 * Puts the outcomes into the answer. An element without an outcome (its `when` is false) leaves out as many rows as `rowsOf`
 * returns, so that the rows of the elements after it keep their index.
 */
export function settle(
  step: PlannedStep,
  elements: readonly Element[],
  outcomes: Outcomes,
  results: StepResults,
  rowsOf: (element: Element) => number = oneRow,
): void {
  const rows = step.target?.rows;
  if (elements.length === 0 && step.target?.shared === 0) step.target.answer(results.scope.response);
  if (rows === undefined) settleValues(step, elements, outcomes, results);
  else settleRows(step, rows, elements, outcomes, results, rowsOf);
  const asked = outcomes.filter((outcome) => outcome !== undefined);
  if (asked.length > 1 && asked.every(({ failure }) => failure !== undefined)) results.failedForAll(step);
}

const oneRow = () => 1;

interface Home {
  readonly place: FailurePlace & { readonly home: Draft };
  readonly values: Uint8Array[];
  readonly seen: Set<Outcome>;
}

/**
 * Puts the values of the elements into their messages, in the order of the elements. An outcome that several elements
 * of one message share is put in once.
 */
function settleValues(step: PlannedStep, elements: readonly Element[], outcomes: Outcomes, results: StepResults): void {
  const homes = new Map<Draft, Home>();
  const failed: { readonly place: FailurePlace; readonly failure: unknown }[] = [];
  for (const [index, { home: draft, indices }] of elements.entries()) {
    const outcome = outcomes[index];
    if (outcome?.failure === undefined) step.target?.answer(draft);
    if (outcome === undefined) continue;
    let home = homes.get(draft);
    if (home === undefined) {
      home = { place: { home: draft, indices }, values: [], seen: new Set() };
      homes.set(draft, home);
    }
    if (home.seen.has(outcome)) continue;
    home.seen.add(outcome);
    if (outcome.failure === undefined) for (const value of outcome.values) home.values.push(value);
    else failed.push({ place: home.place, failure: outcome.failure });
  }
  for (const { place, values } of homes.values()) if (values.length > 0) results.put(step, place.home, values);
  for (const { place, failure } of failed) results.fail(step, place, failure);
}

/** Puts the values of each element of `for_each` into the rows: the elements of the answer's list that are made from it. */
function settleRows(
  step: PlannedStep,
  { below, fill }: RowTarget,
  elements: readonly Element[],
  outcomes: Outcomes,
  results: StepResults,
  rowsOf: (element: Element) => number,
): void {
  const next = new Map<Draft, number>();
  for (const [index, element] of elements.entries()) {
    const { home, indices } = element;
    const outcome = outcomes[index];
    let at = next.get(home) ?? 0;
    if (outcome?.failure === undefined) step.target!.answer(home);
    if (outcome === undefined) at += rowsOf(element);
    else if (outcome.failure === undefined) {
      for (const values of outcome.rows ?? [outcome.values]) fill(below(home).at(at++), values);
    } else {
      const row = below(home).at(at++);
      results.fail(step, { home, indices, row }, outcome.failure);
    }
    next.set(home, at);
  }
}
