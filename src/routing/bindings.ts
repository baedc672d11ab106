/**
 * This module collects all bindings of a schema: those of each routed rpc with a `google.api.http` rule, and `POST
 * /pkg.Service/Method` for each routed rpc without a rule that `autoRoutes` selects.
 */
import { asWarning, type Diagnostic, errorAt, formatDiagnostic } from '../base/diagnostic.js';
import type { Steps } from '../base/slices.js';
import type { HttpRule } from '../schema/annotations.js';
import { LinkError, type MethodDescriptor, type Registry } from '../schema/descriptor.js';
import { type MethodSelector, parseMethodSelector } from '../schema/method-selector.js';
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

/** Collects the bindings without an error, in the order of the schema, and the problems of the others. */
export function* collectBindings(
  registry: Registry,
  { autoRoutes, isOffered = () => true }: BindingSources,
): Steps<{ readonly bindings: readonly Binding[]; readonly diagnostics: readonly Diagnostic[] }> {
  const bindings: Binding[] = [];
  const offered = new Findings();
  const others = new Findings();
  const selectors = autoRoutes.flatMap((text) => parseMethodSelector(text) ?? []);
  for (const service of registry.services) {
    for (const method of service.methods) {
      yield;
      if (method.routing !== 'routed') continue;
      const rule = method.httpRule ?? autoRule(method, selectors);
      if (rule === undefined) continue;
      const findings = isOffered(method) ? offered : others;
      const problems = linkProblems(registry, method);
      if (problems.length > 0) {
        for (const problem of [...problems, ...problemsBesides(method, rule)]) findings.addOnce(problem);
        continue;
      }
      const found = bindingsOf(method, rule);
      bindings.push(...found.bindings);
      findings.all.push(...found.diagnostics);
    }
  }
  return { bindings, diagnostics: [...offered.all, ...others.all.map(asWarning)] };
}

class Findings {
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

function autoRule(method: MethodDescriptor, selectors: readonly MethodSelector[]): HttpRule | undefined {
  const { position } = method;
  if (!selectors.some((selects) => selects(method))) return undefined;
  return {
    kind: 'POST',
    path: method.path,
    body: '*',
    responseBody: '',
    additionalBindings: [],
    positions: { rule: position, path: position, body: position, responseBody: position },
  };
}
