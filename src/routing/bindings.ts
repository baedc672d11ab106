/**
 * This module collects all bindings of a schema: those of each routed rpc with a `google.api.http` rule, and `POST
 * /pkg.Service/Method` for each routed rpc without a rule that `autoRoutes` selects.
 */
import { asWarning, type Diagnostic, errorAt, formatDiagnostic } from '../base/diagnostic.js';
import type { Steps } from '../base/slices.js';
import type { HttpRule } from '../schema/annotations.js';
import { LinkError, type MethodDescriptor, type Registry, type ServiceDescriptor } from '../schema/descriptor.js';
import { parseMethodSelector } from '../schema/method-selector.js';
import { MISSING } from '../schema/missing-imports.js';
import type { Binding } from './binding.js';
import { bindingsOf } from './http-rule.js';

export interface BindingSources {
  /** The selectors of methods that get a route even without a rule. */
  readonly autoRoutes: readonly string[];
  /**
   * True if the method's routes would be served. The errors of all other methods become warnings. By default it is true
   * for all methods.
   */
  readonly isOffered?: (method: MethodDescriptor) => boolean;
}

/** The bindings of a service, without those that have an error, and the problems of its methods. */
export interface ServiceBindings {
  readonly service: ServiceDescriptor;
  readonly bindings: readonly Binding[];
  readonly findings: readonly Findings[];
}

/** The problems of a method. */
interface Findings extends Pick<Found, 'problems' | 'diagnostics'> {
  readonly isOffered: boolean;
}

/**
 * Collects the bindings of each service that has routes, in the order of the schema. `known` has the results of an earlier call with
 * the same sources.
 */
export function* collectBindings(
  registry: Registry,
  { autoRoutes, isOffered = () => true }: BindingSources,
  known?: ReadonlyMap<ServiceDescriptor, ServiceBindings>,
): Steps<ReadonlyMap<ServiceDescriptor, ServiceBindings>> {
  const all = new Map<ServiceDescriptor, ServiceBindings>();
  const selectors = autoRoutes.flatMap((text) => parseMethodSelector(text) ?? []);
  for (const service of registry.services) {
    yield;
    const result = known?.get(service) ?? (yield* bindingsOfService(service));
    if (result.bindings.length + result.findings.length > 0) all.set(service, result);
  }
  return all;

  function* bindingsOfService(service: ServiceDescriptor): Steps<ServiceBindings> {
    const bindings: Binding[] = [];
    const findings: Findings[] = [];
    for (const method of service.methods) {
      yield;
      if (method.routing !== 'routed') continue;
      if (method.httpRule === undefined && !selectors.some((selects) => selects(method))) continue;
      const found = foundAt(registry, method);
      for (const binding of found.bindings) bindings.push(binding);
      const { problems, diagnostics } = found;
      if (problems.length + diagnostics.length > 0)
        findings.push({ problems, diagnostics, isOffered: isOffered(method) });
    }
    return { service, bindings, findings };
  }
}

/** Returns the problems of the methods. Those of methods whose routes would not be served are warnings, and come last. */
export function bindingProblems(services: Iterable<ServiceBindings>): readonly Diagnostic[] {
  const offered = new Collected();
  const others = new Collected();
  for (const { findings } of services) {
    for (const { problems, diagnostics, isOffered } of findings) {
      const collected = isOffered ? offered : others;
      for (const problem of problems) collected.addOnce(problem);
      for (const one of diagnostics) collected.all.push(one);
    }
  }
  return [...offered.all, ...others.all.map(asWarning)];
}

interface Found {
  /** The problems of the method's messages and of its rule. */
  readonly problems: readonly Diagnostic[];
  readonly bindings: readonly Binding[];
  readonly diagnostics: readonly Diagnostic[];
}

/** The bindings and problems of each method. They are kept, because most methods are the same after a reload. */
const FOUND = new WeakMap<MethodDescriptor, Found>();

function foundAt(registry: Registry, method: MethodDescriptor): Found {
  const known = FOUND.get(method);
  if (known !== undefined) return known;
  const rule = method.httpRule ?? autoRule(method);
  const problems = linkProblems(registry, method);
  const found: Found =
    problems.length > 0
      ? { problems: [...problems, ...problemsBesides(method, rule)], bindings: [], diagnostics: [] }
      : { problems, ...bindingsOf(method, rule) };
  FOUND.set(method, found);
  return found;
}

class Collected {
  readonly all: Diagnostic[] = [];
  private readonly once = new Set<string | Diagnostic>();

  /**
   * Adds a problem unless it is known. Thousands of methods may need one broken message, so each object is formatted
   * only once.
   */
  addOnce(problem: Diagnostic): void {
    if (this.once.has(problem)) return;
    // Adding the import once fixes every such problem in the file, whatever the line.
    const isImport = problem.rule === MISSING;
    const text = isImport ? `${problem.position.file} ${problem.text}` : formatDiagnostic(problem);
    if (!this.once.has(text)) this.all.push(problem);
    this.once.add(problem).add(text);
  }
}

/**
 * Returns the problems of a method's rule, when the method's messages already have problems. The list is empty when the
 * rule cannot be checked because of a missing type.
 */
function problemsBesides(method: MethodDescriptor, rule: HttpRule): readonly Diagnostic[] {
  try {
    return bindingsOf(method, rule).diagnostics;
  } catch (error) {
    if (error instanceof LinkError) return [];
    throw error;
  }
}

function linkProblems(registry: Registry, method: MethodDescriptor): readonly Diagnostic[] {
  try {
    return [...registry.problems(method.input), ...registry.problems(method.output)];
  } catch (error) {
    if (error instanceof LinkError) return [error.diagnostic];
    return [errorAt(method.position, 'link', `${method.fullName}: ${(error as Error).message}`)];
  }
}

/** Returns the rule of a method that has none and that `autoRoutes` selects. */
function autoRule(method: MethodDescriptor): HttpRule {
  const { position } = method;
  return {
    kind: 'POST',
    path: method.path,
    body: '*',
    responseBody: '',
    additionalBindings: [],
    positions: { rule: position, path: position, body: position, responseBody: position },
  };
}
