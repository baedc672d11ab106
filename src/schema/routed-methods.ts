/** This module decides which rpcs get routes, and by which rule. The config takes precedence over the files. */
import type { Diagnostic } from '../base/diagnostic.js';
import { remembered } from '../base/remembered.js';
import type { Steps } from '../base/slices.js';
import { calledBySteps, HTTP_RULE, labelsOf } from './annotation-reader.js';
import type { FileDeclaration, MethodDeclaration, ServiceDeclaration } from './declaration.js';
import type { Routing } from './descriptor.js';
import type { Exclusion } from './exclusion.js';
import type { RegistryFile } from './registry.js';
import type { ConfiguredRule, ConfiguredRules } from './service-config.js';

/** The files by import name. */
type Files = ReadonlyMap<string, RegistryFile>;

/**
 * Returns the files with the exclusions and rules of the config applied to their rpcs. `known` has the results of an earlier call
 * with the same exclusions and rules.
 */
export function* withRouting(
  files: Files,
  exclusion: Exclusion,
  rules: ConfiguredRules,
  known: ReadonlyMap<FileDeclaration, FileDeclaration> = new Map(),
): Steps<Files> {
  if (exclusion.isEmpty && rules.isEmpty) return files;
  const excluded = new Set<FileDeclaration>();
  for (const [name, { declaration }] of files) {
    yield;
    if (exclusion.hasFile(name)) excluded.add(declaration);
  }
  // Exclusions and rules are applied even if the result is known, because they note which of them were used.
  const notesUse = exclusion.selectsSeveral || !rules.isEmpty;
  // A file with two import names stays one object.
  const changed = new Map<FileDeclaration, FileDeclaration>();
  for (const { declaration } of files.values()) {
    yield;
    if (changed.has(declaration) || declaration.services.length === 0) continue;
    const services: ServiceDeclaration[] = [];
    const result = known.get(declaration);
    if (result === undefined || notesUse) {
      for (const service of declaration.services)
        services.push(yield* routedService(service, excluded.has(declaration)));
    }
    changed.set(declaration, result ?? { ...declaration, services });
  }
  return new Map(
    [...files].map(([name, { declaration, routed }]) => [
      name,
      { declaration: changed.get(declaration) ?? declaration, routed },
    ]),
  );

  function* routedService(service: ServiceDeclaration, isExcluded: boolean): Steps<ServiceDeclaration> {
    const { fullName, defaultPolicy } = service;
    const methods: MethodDeclaration[] = [];
    for (const method of service.methods) {
      yield;
      const labels = labelsOf(method.policy, defaultPolicy);
      const selected = exclusion.hasMethod({ fullName: `${fullName}/${method.name}`, labels });
      const configured = rules.of(`${fullName}.${method.name}`);
      if (isExcluded || selected) methods.push({ ...method, routing: 'excluded' });
      else methods.push(configured === undefined ? method : withRule(method, configured));
    }
    return { ...service, methods };
  }
}

/** Returns the method with the rule in place of its annotation, and with the rule's problems in place of the annotation's. */
function withRule(method: MethodDeclaration, { rule, diagnostics }: ConfiguredRule): MethodDeclaration {
  const others = method.diagnostics.filter((one) => one.rule !== HTTP_RULE);
  return { ...method, routing: 'routed', httpRule: rule, diagnostics: [...others, ...diagnostics] };
}

/**
 * Returns the problems of the options of services and rpcs. The problems of an rpc without a route are left out, unless an
 * aggregate calls the rpc, because its policy applies there.
 */
export function* optionProblems(files: readonly RegistryFile[]): Steps<readonly Diagnostic[]> {
  const all = [...new Set(files)];
  const called = new Set(all.flatMap((file) => (hasAggregates(file.declaration) ? calledBy(file) : [])));
  const diagnostics: Diagnostic[] = [];
  const seen = new Set<ServiceDeclaration>();
  for (const { declaration, routed } of all) {
    yield;
    if (!hasProblems(declaration)) continue;
    for (const service of declaration.services) {
      if (seen.has(service)) continue;
      seen.add(service);
      const heeded = service.methods.filter(
        (method) => routingOf(method, routed) === 'routed' || called.has(`${service.fullName}/${method.name}`),
      );
      const isHeeded = heeded.length > 0 || (routed && service.methods.length === 0);
      for (const { diagnostics: found } of isHeeded ? [service, ...heeded] : [])
        for (const one of found) diagnostics.push(one);
    }
  }
  return diagnostics;
}

/** True if an rpc of the file is an aggregate. */
export const hasAggregates = remembered(({ services }: FileDeclaration) =>
  services.some(({ methods }) => methods.some(({ aggregate }) => aggregate !== undefined)),
);

/** True if an option of a service or of an rpc in the file has a problem. */
export const hasProblems = remembered(({ services }: FileDeclaration) =>
  services.some((service) => [service, ...service.methods].some(({ diagnostics }) => diagnostics.length > 0)),
);

function calledBy({ declaration, routed }: RegistryFile): readonly string[] {
  return declaration.services.flatMap(({ methods }) =>
    methods.flatMap((method) => {
      if (method.aggregate === undefined || routingOf(method, routed) !== 'routed') return [];
      return calledBySteps(method.aggregate).map((call) => call.replace(/^\//, ''));
    }),
  );
}

function routingOf({ routing }: MethodDeclaration, routed: boolean): Routing {
  return routing ?? (routed ? 'routed' : 'unrouted');
}
