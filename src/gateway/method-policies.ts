/** This module computes the policy of each method, and who may call it, from the protos and the rules of the config. */
import { asWarning, type Diagnostic, warningAt } from '../base/diagnostic.js';
import { remembered } from '../base/remembered.js';
import type { Config } from '../config/config.js';
import { type SurfaceConfig, servesPart } from '../config/surface-configs.js';
import { type DeclaredInProto, overruledAuth, overruledWarning } from '../policy/access/overruled.js';
import { type Access, accessOf, type FoundAccess, meansOf } from '../policy/access/planned.js';
import { type Policy, type PolicyRule, policyOf, readDeclaration } from '../policy/policy.js';
import type { MethodDescriptor, Registry, ServiceDescriptor } from '../schema/descriptor.js';
import type { SchemaView } from '../schema/field-omission.js';
import { parseMethodSelector, type SelectableMethod, selectorHint } from '../schema/method-selector.js';
import type { IsOffered } from './assign-upstreams.js';
import { rateLimitProblem } from './checks.js';

/** The policy of a method, and who may call it. All routes of a method have the same. */
export interface MethodPolicy {
  readonly policy: Policy;
  readonly access: Access;
}

/** The entries of `policies` that select a method in at least one surface. */
export type UsedRules = Set<Config['policies'][number]>;

export interface DecidedPolicies {
  readonly of: ReadonlyMap<MethodDescriptor, MethodPolicy>;
  readonly diagnostics: readonly Diagnostic[];
  /** The entries of `policies` that select at least one of the methods. */
  readonly used: Iterable<Config['policies'][number]>;
}

/**
 * Returns a function that computes the policies of methods in a surface, and who may call them, from the protos and from the
 * `policies` of the config.
 */
export function policyDecider(
  surface: SurfaceConfig,
  isOffered: IsOffered,
  view: SchemaView | undefined,
): (methods: Iterable<MethodDescriptor>) => DecidedPolicies {
  let used: UsedRules = new Set();
  const rules = rulesOf(surface, (rule) => used.add(rule));
  const means = meansOf(surface.config.auth);

  return function decide(methods) {
    used = new Set();
    const of = new Map<MethodDescriptor, MethodPolicy>();
    const diagnostics: Diagnostic[] = [];
    for (const method of methods) {
      if (of.has(method)) continue;
      const { wrong, ...decided } = decideOne(method);
      diagnostics.push(...(isOffered(method) ? wrong : wrong.map(asWarning)));
      of.set(method, decided);
    }
    return { of, diagnostics, used };
  };

  function decideOne(method: MethodDescriptor): MethodPolicy & { readonly wrong: readonly Diagnostic[] } {
    const policy = policyOf(method, rules);
    const declared = { auth: policy.settings.auth, origin: policy.origins.get('auth') };
    const found = accessOf(method, declared, means);
    const whole = view?.wholeOf(method) ?? method;
    const isLacking = whole !== method && lacksOnly(found, accessOf(whole, declared, means));
    const overruled = overruledAuth(
      declaredAuth(method),
      policy.settings.auth,
      policy.origins.get('auth'),
      found.access,
    );
    const wrong = [
      ...(isLacking ? found.diagnostics.map((one) => asOmission(one, surface.name)) : found.diagnostics),
      ...(overruled === undefined ? [] : [overruledWarning(method, overruled)]),
      rateLimitProblem(method, policy, found.access) ?? [],
    ].flat();
    return { policy, access: found.access, wrong };
  }
}

/** Returns true if a `require` has problems only because the surface omits fields that it reads. */
function lacksOnly(seen: FoundAccess, whole: FoundAccess): boolean {
  const isWrong = ({ diagnostics }: FoundAccess) => diagnostics.some(({ rule }) => rule === 'require');
  return isWrong(seen) && !isWrong(whole);
}

function asOmission(diagnostic: Diagnostic, surface: string): Diagnostic {
  if (diagnostic.rule !== 'require') return diagnostic;
  const text = `surface ${surface}: expected omitFields without the field that a require reads: ${diagnostic.text}`;
  return { ...diagnostic, rule: 'omitted-field', text };
}

/**
 * Compiles the `policies` of a surface: the common ones, and then its own. The rate limits of the latter have counters of their
 * own.
 */
function rulesOf(
  { name, block, config }: SurfaceConfig,
  onUse: (rule: Config['policies'][number]) => void,
): readonly PolicyRule[] {
  const own = new Set(block?.policies);
  return config.policies.map((rule) => {
    const { selector, declaration } = rule;
    const matches = parseMethodSelector(selector) ?? (() => false);
    const selects = (method: SelectableMethod) => {
      const isSelected = matches(method);
      if (isSelected) onUse(rule);
      return isSelected;
    };
    const owner = own.has(rule) ? `surface ${name} policy ${selector}` : `policy ${selector}`;
    return { owner, declaration, selects };
  });
}

/**
 * Warns of the entries of `policies` that select no method in any surface. Returns nothing if only some of the surfaces are
 * served.
 */
export function unusedPolicies(
  config: Config,
  methods: () => readonly MethodDescriptor[],
  used: UsedRules,
): readonly Diagnostic[] {
  if (servesPart(config)) return [];
  const { policies, surfaces } = config;
  const all = [
    ...policies.map((rule, index) => ({ rule, place: `policies.${index}` })),
    ...surfaces.flatMap((surface, at) =>
      surface.policies.map((rule, index) => ({ rule, place: `surfaces.${at}.policies.${index}` })),
    ),
  ];
  const unused = all.filter(({ rule }) => !used.has(rule));
  if (unused.length === 0) return [];
  const names = methods().map(({ fullName }) => fullName);
  return unused.map(({ rule, place }) => {
    const { selector, declaration } = rule;
    const hint = selectorHint(selector, names);
    const text = `${place}: expected a selector that matches a method with a route, got '${selector}'${hint}`;
    return warningAt(declaration.position, 'unused-policy', text);
  });
}

/**
 * Returns the problems of policies that the protos declare, for methods with routes and methods that aggregates call
 * (`called`). Policies of methods that no client can reach are not checked.
 */
export function declarationProblems(
  { services }: Registry,
  called: ReadonlySet<MethodDescriptor>,
  isOffered: IsOffered,
): readonly Diagnostic[] {
  return services.filter(isDeclaredWrongly).flatMap(({ defaultPolicy, methods }) => {
    const reached = methods.filter((method) => method.routing === 'routed' || called.has(method));
    const [first] = reached;
    if (first === undefined) return [];
    const options = [defaultPolicy, ...reached.map(({ policy }) => policy)].filter((option) => option !== undefined);
    const wrong = options.flatMap((option) => readDeclaration(option).diagnostics);
    return reached.some(isOffered) ? wrong : wrong.map(asWarning);
  });
}

/** Returns true if a policy of the service or of one of its methods has a problem. */
const isDeclaredWrongly = remembered(({ defaultPolicy, methods }: ServiceDescriptor) =>
  [defaultPolicy, ...methods.map(({ policy }) => policy)].some(
    (option) => option !== undefined && readDeclaration(option).diagnostics.length > 0,
  ),
);

/**
 * Returns the `auth` that the protos declare for a method; undefined when they declare none. The `policies` of the config are
 * not considered.
 */
export function declaredAuth({ policy, service }: MethodDescriptor): DeclaredInProto | undefined {
  for (const option of [policy, service.defaultPolicy]) {
    const declared = option && readDeclaration(option).declaration;
    if (declared?.settings.auth !== undefined) return { auth: declared.settings.auth, position: declared.position };
  }
  return undefined;
}
