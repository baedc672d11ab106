/**
 * This module turns a config into a plan: it loads the schema, plans each surface, and finds all problems. It opens no
 * connection. `routes`, `check` and `explain` need only the plan; `serve` compiles a snapshot from it.
 */

import { isDeepStrictEqual } from 'node:util';
import type { AggregatePlan } from '../aggregate/plan-aggregate.js';
import type { ChangedPaths } from '../base/changed-paths.js';
import { type Diagnostic, withoutRepeats } from '../base/diagnostic.js';
import { atOnce, inSlices, type Steps } from '../base/slices.js';
import type { Config } from '../config/config.js';
import { configRisks } from '../config/risks.js';
import { type SurfaceConfig, surfaceConfigs } from '../config/surface-configs.js';
import { jwksFileWarnings } from '../policy/access/jwks-file.js';
import type { PlannedRoute } from '../route/planned-route.js';
import { bindingProblems, collectBindings, type ServiceBindings } from '../routing/bindings.js';
import type { MethodDescriptor, Registry, ServiceDescriptor } from '../schema/descriptor.js';
import { loadAgain } from '../schema/load-again.js';
import { loadSchema, type Schema } from '../schema/source.js';
import { type Aggregates, findAggregates } from './aggregates.js';
import { assignUpstreams, offeredBy } from './assign-upstreams.js';
import { conflictsOf, keyFileProblems, nothingToServe } from './checks.js';
import { declarationProblems, type UsedRules, unusedPolicies } from './method-policies.js';
import { planSurface, type SurfacePlan } from './plan-surface.js';
import { surfaceProblems } from './surface-checks.js';
import { ofSomeSurfaces } from './surface-problems.js';
import { namingProblems, SharedSchemas } from './surface-schemas.js';

export interface Plan {
  readonly config: Config;
  readonly registry: Registry;
  /** The schema of which `registry` is a part. */
  readonly schema: Schema;
  /** The services with bindings. */
  readonly bindings: ReadonlyMap<ServiceDescriptor, ServiceBindings>;
  readonly settings: readonly SurfaceConfig[];
  /** The surfaces in the order of the config. There is at least one. */
  readonly surfaces: readonly SurfacePlan[];
  /** The routes of all surfaces. */
  readonly routes: readonly PlannedRoute[];
  /** The aggregates that some surface has, each once. */
  readonly aggregates: readonly AggregatePlan[];
  /** The views and codecs of the surfaces. */
  readonly schemas: SharedSchemas;
  readonly diagnostics: readonly Diagnostic[];
}

export interface PlanOptions {
  /** A schema that is loaded already. Without it the schema is read from the config's files. */
  readonly schema?: Schema;
  /** The place of diagnostics about the config that have no line in it: the config file, or a flag if there is no file. */
  readonly configFile?: string;
  readonly onProgress?: (done: number, total: number) => void;
  /**
   * The plan that is served during the work. With it, the work is done in slices, files that have not changed are not read
   * again, and registry and codecs are used again if they would be the same.
   */
  readonly previous?: Plan;
  /**
   * The real paths of all files that may have changed since `previous` was planned. Undefined if they are not known: then all files
   * are looked at.
   */
  readonly changed?: ChangedPaths;
}

/**
 * Loads the schema and plans the routes. `diagnostics` has all problems. The other parts have all that could be loaded.
 */
export async function plan(given: Config, options: PlanOptions = {}): Promise<Plan> {
  const { previous } = options;
  // A config that says the same is the same object, so that what depends on it can be used again.
  const config = previous !== undefined && isDeepStrictEqual(given, previous.config) ? previous.config : given;
  if (previous === undefined) {
    const { schema, onProgress } = options;
    const loaded = schema ?? loadSchema(config.schema, onProgress === undefined ? {} : { onProgress });
    return atOnce(planSteps(config, loaded, options));
  }
  const schema = options.schema ?? (await loadAgain(config.schema, previous.schema, options.changed));
  return inSlices(planSteps(config, schema, options));
}

/** Plans the surfaces of a schema in steps. */
export function* planSteps(config: Config, schema: Schema, options: PlanOptions): Steps<Plan> {
  const { registry, diagnostics: found } = schema;
  const { configFile, previous } = options;
  const isOffered = offeredBy(config);
  const before = previous?.config === config ? previous : undefined;
  const bindings = yield* collectBindings(registry, { ...config.schema, isOffered }, before?.bindings);
  yield;
  const settings = before?.settings ?? surfaceConfigs(config);
  const schemas = new SharedSchemas(registry, previous?.schemas);
  const own = settings.map((surface) => ({ surface, schema: schemas.of(surface) }));
  const aggregates = aggregatesOf(registry);
  const all = aggregates(config);
  // A config without blocks of surfaces has one with all methods.
  const isReached = (method: MethodDescriptor) => own.length === 1 || own.some(({ schema: { has } }) => has(method));
  const routed = [...bindings.values()].filter((service) =>
    service.bindings.some(({ method }) => method.aggregate === undefined && isReached(method)),
  );
  const upstreams = assignUpstreams(
    config,
    routed.map(({ service }) => service),
    all,
  );
  yield;
  const methods = () => [...bindings.values()].flatMap((service) => service.bindings.map(({ method }) => method));
  const used: UsedRules = new Set();
  const surfaces: SurfacePlan[] = [];
  const ofSurfaces: { readonly name: string; readonly diagnostics: readonly Diagnostic[] }[] = [];
  for (const { surface, schema } of own) {
    const shared = { bindings, upstreams: upstreams.of, isOffered, configFile, used };
    const sources = { ...shared, aggregates: aggregates(surface.config) };
    const earlier = before?.surfaces.find(({ name }) => name === surface.name);
    const planned = yield* planSurface(surface, schema, sources, earlier);
    surfaces.push(planned.surface);
    const diagnostics = [
      ...authFileProblems(surface.config),
      ...planned.diagnostics,
      ...namingProblems(surface, registry, methods),
    ];
    ofSurfaces.push({ name: surface.name, diagnostics });
    yield;
  }
  const routes = surfaces.flatMap((surface) => surface.routes);
  const called = () => [...methods(), ...all.methods];
  const problems = withoutRepeats([
    ...found,
    ...declarationProblems(registry, all.methods, isOffered),
    ...bindingProblems(bindings.values()),
    ...upstreams.diagnostics,
    ...ofSomeSurfaces(ofSurfaces),
    ...surfaceProblems(config, surfaces),
    ...unusedPolicies(config, called, used),
    ...all.diagnostics,
    ...settings.flatMap((surface) => configRisks(surface.config)),
  ]);
  const diagnostics = [...problems, ...nothingToServe(routes, problems, configFile)];
  const plans = [...new Set(surfaces.flatMap((surface) => surface.aggregates))];
  return {
    config,
    registry,
    schema,
    bindings,
    settings,
    surfaces,
    routes,
    aggregates: plans,
    schemas: schemas.settle(),
    diagnostics,
  };
}

/**
 * Returns a function that plans the aggregates with the names that clients of a surface see. The plans are made once for the
 * names of the protos and once for JSON names, however many surfaces use them.
 */
function aggregatesOf(registry: Registry): (config: Config) => Aggregates {
  const known = new Map<boolean, Aggregates>();
  return ({ json: { protoNames } }) => {
    const found = known.get(protoNames) ?? findAggregates(registry, { protoNames });
    known.set(protoNames, found);
    return found;
  };
}

function authFileProblems(config: Config): readonly Diagnostic[] {
  const files = (config.auth?.jwt ?? []).flatMap(({ keys }) => (keys.kind === 'file' ? keys.file : []));
  return [...keyFileProblems(config), ...files.flatMap((file) => jwksFileWarnings(file))];
}

/**
 * Returns the problems of protos that exist under any config. `areAll` is true if these are all protos that the config
 * names. If it is false, an import may be in another file, so problems that depend on imports are left out.
 */
export function protoProblems(
  sources: Config['schema'],
  areAll: boolean,
  options: Pick<PlanOptions, 'onProgress'>,
): readonly Diagnostic[] {
  const { registry, diagnostics: found } = loadSchema(sources, options);
  const aggregates = findAggregates(registry, { protoNames: false });
  const diagnostics = [...found, ...declarationProblems(registry, aggregates.methods, () => true)];
  if (!areAll) return diagnostics.filter(({ rule }) => rule !== 'unknown-import');
  const services = [...atOnce(collectBindings(registry, sources)).values()];
  const conflicts = conflictsOf(services.flatMap(({ bindings }) => bindings));
  return withoutRepeats([...diagnostics, ...bindingProblems(services), ...conflicts, ...aggregates.diagnostics]);
}
