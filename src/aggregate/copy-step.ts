/** Runs a step that copies: it makes no call and ends at once. */
import { MissingPart } from './answer-draft.js';
import { ask, requireFewItems, type StepResults, settle } from './outcomes.js';
import type { Element, Scope } from './reads.js';
import type { PlannedStep } from './step.js';
import type { Value } from './value.js';

/**
 * Reads the value and puts it into the answer. Throws MissingPart or StatusError if it cannot be read, BrokenWire for broken
 * bytes.
 */
export function copyStep(step: PlannedStep, value: Value, results: StepResults): void {
  const { scope } = results;
  const { elements, when, target } = step;
  if (elements !== undefined) copyForEach(step, value, elements(scope, undefined), results);
  else if (when === undefined || when(scope, undefined)) {
    const { rows } = target!;
    if (rows === undefined || value.items === undefined) {
      results.put(step, scope.response, value.read(scope, undefined));
      return;
    }
    const items = value.items(scope, undefined);
    target!.answer(scope.response);
    const below = rows.below(scope.response);
    for (const [index, values] of items.entries()) rows.fill(below.at(index), values);
  }
}

function copyForEach(step: PlannedStep, value: Value, elements: readonly Element[], results: StepResults): void {
  const { scope } = results;
  const fillsRows = step.target!.rows !== undefined;
  requireFewItems(step, elements);
  const outcomes = elements.map((element) =>
    ask(step, element, scope, () => {
      const rows = fillsRows ? value.items?.(scope, element.node) : undefined;
      const values = rows === undefined ? value.read(scope, element.node) : [];
      return { values, failure: undefined, ...(rows === undefined ? {} : { rows }) };
    }),
  );
  settle(step, elements, outcomes, results, ({ node }) =>
    value.items === undefined ? 1 : countOf(value.items, scope, node),
  );
}

/** Returns how many values a copy takes from the `for_each` element `node`; 0 if they are missing because a step failed. */
function countOf(items: NonNullable<Value['items']>, scope: Scope, node: Element['node']): number {
  try {
    return items(scope, node).length;
  } catch (error) {
    if (error instanceof MissingPart) return 0;
    throw error;
  }
}
