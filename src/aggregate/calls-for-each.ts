/**
 * Runs a step that calls for each element of a list (`for_each`). Equal requests are sent as one call, at most `concurrency`
 * calls run at once, and each result goes into the message that its element came from. With `key`, one call asks for several
 * elements.
 */

import { fieldValues, writeFieldValues } from '../codec/field-values.js';
import { WireWriter } from '../codec/wire-writer.js';
import { gatewayError, type StatusError } from '../status/status-error.js';
import { brokenAnswer } from '../upstream/failure.js';
import { ask, type Outcome, type Outcomes, requireFewItems, type StepResults, settle } from './outcomes.js';
import type { Element } from './reads.js';
import type { PlannedStep } from './step.js';
import type { Batch, StepCall } from './step-source.js';

/** The functions of a running aggregate that a step with `for_each` uses. */
export interface ElementCalls extends StepResults {
  call(step: PlannedStep, call: StepCall, message: Uint8Array): Promise<readonly Uint8Array[]>;
}

export async function callForEach(
  step: PlannedStep,
  call: StepCall,
  elements: readonly Element[],
  run: ElementCalls,
): Promise<void> {
  requireFewItems(step, elements);
  settle(step, elements, await outcomesOf(step, call, elements, run), run);
}

function outcomesOf(
  step: PlannedStep,
  call: StepCall,
  elements: readonly Element[],
  run: ElementCalls,
): Promise<Outcomes> {
  return call.batch === undefined
    ? askEach(step, call, elements, run)
    : askTogether(step, call, call.batch, elements, run);
}

async function askEach(
  step: PlannedStep,
  call: StepCall,
  elements: readonly Element[],
  run: ElementCalls,
): Promise<Outcomes> {
  const distinct = new Map<string, { readonly message: Uint8Array; readonly outcome: Outcome }>();
  const outcomes = elements.map((element) =>
    ask(step, element, run.scope, () => {
      const message = call.request.bytes(run.scope, element.node);
      return known(distinct, message, () => ({ message, outcome: { values: NONE, failure: undefined } })).outcome;
    }),
  );
  await inParallel([...distinct.values()], step.declaration.concurrency, async ({ message, outcome }) => {
    await settled(step, [outcome], async () => {
      outcome.values = await run.call(step, call, message);
    });
  });
  return outcomes;
}

async function askTogether(
  step: PlannedStep,
  call: StepCall,
  { size, field, value, key }: Batch,
  elements: readonly Element[],
  run: ElementCalls,
): Promise<Outcomes> {
  const distinct = new Map<string, { readonly asked: Uint8Array; readonly outcome: Outcome }>();
  const outcomes = elements.map((element) =>
    ask(step, element, run.scope, () => {
      const asked = value(run.scope, element.node).at(-1);
      if (asked === undefined) return undefined;
      return known(distinct, asked, () => ({ asked, outcome: { values: NONE, failure: undefined } })).outcome;
    }),
  );
  const entries = [...distinct.entries()];
  const batches = Array.from({ length: Math.ceil(entries.length / size) }, (_, i) =>
    entries.slice(i * size, (i + 1) * size),
  );
  await inParallel(batches, step.declaration.concurrency, async (batch) => {
    const waiting = batch.map(([, { outcome }]) => outcome);
    await settled(step, waiting, async () => {
      const writer = new WireWriter();
      writer.raw(call.request.bytes(run.scope, undefined));
      writeFieldValues(
        writer,
        field,
        batch.map(([, { asked }]) => asked),
      );
      const results = new Map<string, Uint8Array[]>();
      for (const result of await run.call(step, call, writer.slice())) {
        known(results, fieldValues(result, key).at(-1) ?? EMPTY, (): Uint8Array[] => []).push(result);
      }
      for (const [text, { outcome }] of batch) {
        const found = results.get(text) ?? NONE;
        if (found.length === 0) outcome.failure = notFound(step);
        else if (found.length > 1 && isSingle(step)) outcome.failure = severalFound(found.length);
        else outcome.values = found;
      }
    });
  });
  return outcomes;
}

/** True if the answer has a place for only one result of each element. */
function isSingle({ target }: PlannedStep): boolean {
  return target !== undefined && (target.made === undefined || target.rows !== undefined);
}

/** The log names the step, because the message of a required step says nothing about where it failed. */
function notFound({ shown }: PlannedStep): StatusError {
  const logText = `${shown}: expected a result for each element, got none for one of them`;
  return gatewayError('ELEMENT_NOT_FOUND', 'the called rpc returned no result for this element', { logText });
}

function severalFound(count: number): StatusError {
  return brokenAnswer(`expected one result for each element, got ${count} for one of them`);
}

const NONE: readonly Uint8Array[] = [];
const EMPTY = new Uint8Array(0);

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function known<T>(distinct: Map<string, T>, bytes: Uint8Array, make: () => T): T {
  const text = textOf(bytes);
  let one = distinct.get(text);
  if (one === undefined) {
    one = make();
    distinct.set(text, one);
  }
  return one;
}

/** Runs `task`. If it fails, the outcomes of an optional step get the failure; a required step fails as a whole. */
async function settled(step: PlannedStep, outcomes: readonly Outcome[], task: () => Promise<void>): Promise<void> {
  try {
    await task();
  } catch (failure) {
    if (!step.optional) throw failure;
    for (const outcome of outcomes) outcome.failure = failure;
  }
}

async function inParallel<T>(
  items: readonly T[],
  concurrency: number,
  task: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < items.length) await task(items[next++]!);
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker));
}
