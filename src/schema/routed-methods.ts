/** Which rpcs get routes, and by which rule: what the config says over what the files declare. */
import type { Diagnostic } from '../base/diagnostic.js';
import { calledBySteps, HTTP_RULE, labelsOf } from './annotation-reader.js';
import type { FileDeclaration, MethodDeclaration, ServiceDeclaration } from './declaration.js';
import type { Routing } from './descriptor.js';
import type { Exclusion } from './exclusion.js';
import type { RegistryFile } from './registry.js';
import type { ConfiguredRule, ConfiguredRules } from './service-config.js';

/** By import name. */
type Files = ReadonlyMap<string, RegistryFile>;

/** The same files, with what the config says of their rpcs. */
export function withRouting(files: Files, exclusion: Exclusion, rules: ConfiguredRules): Files {
  if (exclusion.isEmpty && rules.isEmpty) return files;
  const excluded = new Set<FileDeclaration>();
  for (const [name, { declaration }] of files) if (exclusion.hasFile(name)) excluded.add(declaration);
  // A file of two import names stays one.
  const changed = new Map<FileDeclaration, FileDeclaration>();
  for (const { declaration } of files.values()) {
    if (changed.has(declaration) || declaration.services.length === 0) continue;
    const services = declaration.services.map((service) => routedService(service, excluded.has(declaration)));
    changed.set(declaration, { ...declaration, services });
  }
  return new Map(
    [...files].map(([name, { declaration, routed }]) => [
      name,
      { declaration: changed.get(declaration) ?? declaration, routed },
    ]),
  );

  function routedService(service: ServiceDeclaration, isExcluded: boolean): ServiceDeclaration {
    const { fullName, defaultPolicy } = service;
    const methods = service.methods.map((method): MethodDeclaration => {
      const labels = labelsOf(method.policy, defaultPolicy);
      const selected = exclusion.hasMethod({ fullName: `${fullName}/${method.name}`, labels });
      const configured = rules.of(`${fullName}.${method.name}`);
      if (isExcluded || selected) return { ...method, routing: 'excluded' };
      return configured === undefined ? method : withRule(method, configured);
    });
    return { ...service, methods };
  }
}

/** Replaces the annotation, and what is wrong with it. */
function withRule(method: MethodDeclaration, { rule, diagnostics }: ConfiguredRule): MethodDeclaration {
  const others = method.diagnostics.filter((one) => one.rule !== HTTP_RULE);
  return { ...method, routing: 'routed', httpRule: rule, diagnostics: [...others, ...diagnostics] };
}

/**
 * What is wrong with the options of services and rpcs. Of an rpc without a route nobody needs to know, unless an
 * aggregate calls it: then its policy holds.
 */
export function optionProblems(files: Files): readonly Diagnostic[] {
  const all = [...new Set([...files.values()])];
  const called = new Set(all.flatMap(calledBy));
  const diagnostics: Diagnostic[] = [];
  const seen = new Set<ServiceDeclaration>();
  for (const { declaration, routed } of all) {
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
