/**
 * A step over the elements of a list: equal requests are one call, calls run so many at once, and each result goes into
 * the message that its element came from. With `key` the elements are asked for together.
 */

import { fieldValues, writeFieldValues } from '../codec/field-values.js';
import { WireWriter } from '../codec/wire-writer.js';
import { Code } from '../status/code.js';
import { StatusError } from '../status/status-error.js';
import { brokenAnswer } from '../upstream/failure.js';
import { type Draft, MissingPart } from './draft.js';
import type { Element, Scope } from './scope.js';
import type { Batch, PlannedStep, StepCall } from './step.js';
import type { Value } from './value.js';

/** Where the results of a step's elements go. */
export interface ElementResults {
  readonly scope: Scope;
  put(step: PlannedStep, home: Draft, values: readonly Uint8Array[]): void;
  /** `home`: what the failure is marked in. Throws unless the step is optional. */
  fail(step: PlannedStep, home: Draft | undefined, path: string, thrown: unknown): void;
}

/** What the run of an aggregate does for a step. */
export interface ElementCalls extends ElementResults {
  call(step: PlannedStep, call: StepCall, message: Uint8Array): Promise<readonly Uint8Array[]>;
}

/** What an element gets; elements that ask the same share one. */
interface Outcome {
  values: readonly Uint8Array[];
  failure: unknown;
}

/** Undefined: nothing was asked for it. */
type Outcomes = readonly (Outcome | undefined)[];

export async function runForEach(step: PlannedStep, elements: readonly Element[], run: ElementCalls): Promise<void> {
  const failure = tooManyItems(step, elements);
  if (failure !== undefined) {
    for (const home of new Set(elements.map((element) => element.home))) step.target?.fail(home, failure);
    throw failure;
  }
  const { source } = step;
  if (source.kind === 'copy') copyForEach(step, source.value, elements, run);
  else settle(step, elements, await outcomesOf(step, source.call, elements, run), run);
}

export function tooManyItems({ label, declaration }: PlannedStep, found: readonly Element[]): StatusError | undefined {
  const { maxItems } = declaration;
  if (found.length <= maxItems) return undefined;
  const text = `${label}: expected at most ${maxItems} items, got ${found.length}`;
  return new StatusError(Code.RESOURCE_EXHAUSTED, text);
}

export function copyForEach(
  step: PlannedStep,
  value: Value,
  elements: readonly Element[],
  results: ElementResults,
): void {
  const { scope } = results;
  const outcomes = elements.map((element) =>
    ask(step, element, scope, () => ({ values: value.read(scope, element.node), failure: undefined })),
  );
  settle(step, elements, outcomes, results);
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
        if (found.length === 0) outcome.failure = new StatusError(Code.NOT_FOUND, 'not found');
        else if (found.length > 1 && isSingle(step)) outcome.failure = severalFound(found.length);
        else outcome.values = found;
      }
    });
  });
  return outcomes;
}

/** An element has room for one result. */
function isSingle({ target }: PlannedStep): boolean {
  return target !== undefined && target.made === undefined;
}

function severalFound(count: number): StatusError {
  return brokenAnswer(`expected one result for an element, got ${count}`);
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

/** What an element asks for; a part that is missing is its failure alone. */
function ask(
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

/** A required step ends with the first failure. */
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

interface Home {
  readonly draft: Draft;
  readonly path: string;
  readonly values: Uint8Array[];
  readonly seen: Set<Outcome>;
}

/** Into each message, what its elements got, in their order; what is shared by several elements of one message, once. */
function settle(step: PlannedStep, elements: readonly Element[], outcomes: Outcomes, run: ElementResults): void {
  const homes = new Map<Draft, Home>();
  const failed: { readonly home: Home; readonly failure: unknown }[] = [];
  for (const [index, { home: draft, indices }] of elements.entries()) {
    const outcome = outcomes[index];
    if (outcome === undefined) continue;
    let home = homes.get(draft);
    if (home === undefined) {
      home = { draft, path: pathOf(step, indices), values: [], seen: new Set() };
      homes.set(draft, home);
    }
    if (home.seen.has(outcome)) continue;
    home.seen.add(outcome);
    if (outcome.failure === undefined) home.values.push(...outcome.values);
    else failed.push({ home, failure: outcome.failure });
  }
  for (const { draft, values } of homes.values()) if (values.length > 0) run.put(step, draft, values);
  for (const { home, failure } of failed) run.fail(step, home.draft, home.path, failure);
}

/** `lines[3].product`. */
function pathOf({ target, label }: PlannedStep, indices: readonly number[]): string {
  if (target === undefined) return label;
  let list = 0;
  return target.into
    .map(({ name, cardinality }, index) =>
      index < target.shared && cardinality === 'repeated' ? `${name}[${indices[list++]}]` : name,
    )
    .join('.');
}
