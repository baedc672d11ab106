/**
 * This module prints the plan of an aggregate for people:
 *
 *     at most 22 calls (64 are allowed), in 2 rounds
 *     1  customer  GetCustomer(name = request.customer)
 *        orders    ListOrders(parent = request.customer).orders, optional
 *     2  products  GetProduct(name = each.product) for each of orders, at most 20, 8 at once, optional; after orders
 *
 * All steps below one number run at the same time.
 */
import { roundsOf } from '../aggregate/order.js';
import type { AggregatePlan } from '../aggregate/plan-aggregate.js';
import type { PlannedStep } from '../aggregate/step.js';

/** Returns a summary such as `at most 22 calls (64 are allowed), in 2 rounds`. */
export function describePlan({ calls, maxCalls, after }: AggregatePlan): string {
  const rounds = Math.max(...roundsOf(after));
  return `at most ${calls} ${calls === 1 ? 'call' : 'calls'} (${maxCalls} are allowed), in ${rounds} ${rounds === 1 ? 'round' : 'rounds'}`;
}

export function planTree({ steps, after }: AggregatePlan): readonly string[] {
  const rounds = roundsOf(after);
  const width = Math.max(...steps.map(({ label }) => label.length));
  return [...new Set(rounds)]
    .sort((a, b) => a - b)
    .flatMap((round) =>
      steps
        .filter(({ index }) => rounds[index] === round)
        .map((step, position) => {
          const number = position === 0 ? String(round) : '';
          return `${number.padEnd(3)}${step.label.padEnd(width)}  ${describeStep(step, namesOf(steps, after[step.index]!))}`;
        }),
    );
}

function namesOf(steps: readonly PlannedStep[], indices: readonly number[]): string {
  return indices.map((index) => steps[index]!.label).join(', ');
}

function describeStep({ source, declaration, optional, target }: PlannedStep, after: string): string {
  const { forEach, maxItems, batchSize, key, concurrency, when, take } = declaration;
  const words: string[] = [];
  if (source.kind === 'copy') words.push(`copy of ${declaration.copy}`);
  else words.push(`${source.call.method.fullName}(${declaration.with.join(', ')})${take === '' ? '' : `.${take}`}`);
  if (forEach !== '') {
    const size = key === '' ? '' : `, ${batchSize || maxItems} per call, matched by ${key}`;
    const together = source.kind === 'call' ? `, ${concurrency} calls at once` : '';
    words.push(`for each of ${forEach}, at most ${maxItems}${size}${together}`);
  }
  if (when !== '') words.push(`when ${when}`);
  if (target !== undefined && declaration.name !== '') words.push(`into ${declaration.into}`);
  if (optional) words.push('optional');
  if (target === undefined) words.push('not returned');
  const text = words.join(', ').replace(', for each', ' for each');
  return after === '' ? text : `${text}; after ${after}`;
}
