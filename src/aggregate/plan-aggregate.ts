/**
 * Compiles the declaration of an aggregate into a plan: it resolves every path, checks every type, orders the steps and
 * computes the largest number of calls. All problems of the steps are found at once, each as a diagnostic with its position.
 * The order and the number of calls are checked when the steps have no problems.
 */

import { type Diagnostic, errorAt, type Position } from '../base/diagnostic.js';
import type { RuleId } from '../base/rules.js';
import { isStreaming } from '../call/call.js';
import { fieldOf } from '../routing/field-path.js';
import type { FieldDescriptor, MessageDescriptor, MethodDescriptor, Registry } from '../schema/descriptor.js';
import { LinkError } from '../schema/descriptor.js';
import { Shape } from './answer-draft.js';
import { signatureOf } from './called-rpc.js';
import { readAggregate } from './declaration.js';
import { orderSteps } from './order.js';
import { type Held, heldBy, ROOT_NAMES, type Roots } from './place.js';
import { rowGroups } from './row-groups.js';
import { compileStep, type PlannedStep } from './step.js';

export interface AggregatePlan {
  readonly method: MethodDescriptor;
  readonly steps: readonly PlannedStep[];
  /** The indices of the steps whose results each step needs. */
  readonly needs: readonly (readonly number[])[];
  /** The indices of the steps for which each step waits: those in `needs`, and others if the request needs them too. */
  readonly after: readonly (readonly number[])[];
  /** The fields of the answer that steps fill, and the fields on the way to them. */
  readonly shape: Shape;
  /** Returns the name under which clients see a field. */
  readonly nameOf: (field: FieldDescriptor) => string;
  /** The field of the answer that lists the failures of optional steps; undefined when the answer has none. */
  readonly failures: FieldDescriptor | undefined;
  /** The largest number of calls that one request can make. */
  readonly calls: number;
  readonly maxCalls: number;
}

export interface FoundPlan {
  /** Undefined when `diagnostics` is not empty. */
  readonly plan: AggregatePlan | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

const PART_FAILURE = 'protogate.v1.PartFailure';

/** Compiles the aggregate of a method that has one. `nameOf` returns the name under which clients see a field. */
export function planAggregate(
  method: MethodDescriptor,
  registry: Registry,
  nameOf: (field: FieldDescriptor) => string,
): FoundPlan {
  const diagnostics: Diagnostic[] = [];
  try {
    const plan = planned(method, registry, nameOf, diagnostics);
    return { plan: diagnostics.length > 0 ? undefined : plan, diagnostics };
  } catch (error) {
    if (!(error instanceof LinkError)) throw error;
    return { plan: undefined, diagnostics: [...diagnostics, error.diagnostic] };
  }
}

function planned(
  method: MethodDescriptor,
  registry: Registry,
  nameOf: (field: FieldDescriptor) => string,
  diagnostics: Diagnostic[],
): AggregatePlan | undefined {
  const { input, output, fullName } = method;
  const declaration = readAggregate(method.aggregate!, diagnostics);
  const problem = (position: Position, rule: RuleId, text: string) =>
    void diagnostics.push(errorAt(position, rule, `${fullName}: ${text}`));
  if (isStreaming(method)) {
    problem(declaration.position, 'aggregate-stream', 'expected a unary rpc for an aggregate, got one that streams');
  }
  if (declaration.steps.length === 0)
    problem(declaration.position, 'aggregate-step', 'expected at least one step in the aggregate, got none');
  for (const field of output.fields) {
    if (!ROOT_NAMES.has(field.name)) continue;
    const text = `${output.fullName}.${field.name}: expected a name other than ${[...ROOT_NAMES].join(', ')}, with which paths begin; rename the field`;
    problem(declaration.position, 'aggregate-name', text);
  }
  const signatures = declaration.steps.map((step) =>
    signatureOf(step, registry, (position, rule, text) => problem(position, rule, `${labelOf(step)}: ${text}`)),
  );
  const roots: Roots = { request: input, response: output, steps: namedSteps(), each: undefined };
  const shape = new Shape(output);
  const groups = rowGroups(declaration.steps, signatures, roots);
  const steps = declaration.steps.map((step, index) => {
    const signature = signatures[index];
    const report = (position: Position, rule: RuleId, text: string) =>
      problem(position, rule, `${labelOf(step)}: ${text}`);
    return compileStep({ step, index, signature, outer: roots, shape, rows: groups[index], nameOf, report });
  });
  const failures = failuresField();
  if (diagnostics.length > 0) return undefined;
  const compiled = steps.filter((step) => step !== undefined);
  for (const { index, label, position } of filledTwice(compiled)) {
    problem(
      position,
      'aggregate-type',
      `${label}: expected a field that no other step fills, but step ${index + 1} fills it too`,
    );
  }
  const { needs, after, problems } = orderSteps(compiled);
  for (const { step, rule, text } of problems)
    problem(compiled[step]!.position, rule, `${compiled[step]!.label}: ${text}`);
  const calls = compiled.reduce((sum, step) => sum + step.calls, 0);
  if (calls > declaration.maxCalls) {
    const parts = compiled.filter((step) => step.calls > 0).map((step) => `${step.label} ${step.calls}`);
    const text = `expected at most ${declaration.maxCalls} calls (max_calls), got up to ${calls} (${parts.join(', ')}); lower max_items or raise max_calls`;
    problem(declaration.position, 'aggregate-cost', text);
  }
  return { method, steps: compiled, needs, after, shape, nameOf, failures, calls, maxCalls: declaration.maxCalls };

  function namedSteps(): Roots['steps'] {
    const named = new Map<string, { readonly step: number; readonly held: Held }>();
    const names = new Set<string>();
    for (const [index, step] of declaration.steps.entries()) {
      const { name, positions } = step;
      if (name === '') continue;
      const clash = nameClash(name, output) ?? (names.has(name) ? 'the name of another step' : undefined);
      names.add(name);
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
        problem(positions.name, 'aggregate-name', `name: expected an identifier, got '${name}'`);
      } else if (clash !== undefined) {
        problem(positions.name, 'aggregate-name', `name: expected an unused name, but '${name}' is ${clash}`);
      } else {
        const held = signatures[index]?.held;
        // A name next to `into` cannot begin a path: other steps read the field that the step fills.
        if (held !== undefined && step.into === '')
          named.set(name, { step: index, held: { ...held, many: held.many || step.forEach !== '' } });
      }
    }
    return named;
  }

  function failuresField(): FieldDescriptor | undefined {
    const fields = output.fields.filter((field) => isPartFailures(heldBy(field)));
    if (fields.length > 1) {
      const names = fields.map(({ name }) => name).join(' and ');
      problem(
        declaration.position,
        'aggregate-type',
        `expected at most one list of ${PART_FAILURE} in ${output.fullName}, got ${names}`,
      );
    }
    return fields[0];
  }
}

/** Returns the steps that fill a field which an earlier step fills too, unless both make elements of one list. */
function filledTwice(steps: readonly PlannedStep[]) {
  return steps.flatMap(({ target, label, position }, at) => {
    const before = steps.slice(0, at).find((other) => {
      if (target === undefined || other.target === undefined) return false;
      const bothMake = target.made !== undefined && other.target.made !== undefined;
      return !bothMake && sameFields(other.target.into, target.into);
    });
    return before === undefined ? [] : [{ index: before.index, label, position }];
  });
}

function sameFields(a: readonly FieldDescriptor[], b: readonly FieldDescriptor[]): boolean {
  return a.length === b.length && a.every((field, index) => field === b[index]);
}

function isPartFailures({ type, many }: Held): boolean {
  return many && type.kind === 'message' && type.message.fullName === PART_FAILURE;
}

function nameClash(name: string, response: MessageDescriptor): string | undefined {
  if (ROOT_NAMES.has(name)) return 'a word with which paths begin';
  return fieldOf(response, name) === undefined ? undefined : `a field of ${response.fullName}`;
}

/** Returns the name of a step for error texts. */
function labelOf({ into, name }: { readonly into: string; readonly name: string }): string {
  return name || into || 'a step';
}
