/**
 * This module makes a plan of a config: it loads the schema, plans each surface, and finds all problems. It opens no
 * connections. `routes`, `check` and `explain` need only the plan; `serve` compiles it to a snapshot.
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
  /** The loaded schema, with its files; `registry` contains its types. */
  readonly schema: Schema;
  /** The services that have bindings, with these. */
  readonly bindings: ReadonlyMap<ServiceDescriptor, ServiceBindings>;
  readonly settings: readonly SurfaceConfig[];
  /** The surfaces in the order of the config. There is at least one. */
  readonly surfaces: readonly SurfacePlan[];
  /** The routes of all surfaces. */
  readonly routes: readonly PlannedRoute[];
  /** The aggregates of all surfaces, each once. */
  readonly aggregates: readonly AggregatePlan[];
  /** The views of the schema (without omitted fields) and the codecs, which surfaces share. */
  readonly schemas: SharedSchemas;
  readonly diagnostics: readonly Diagnostic[];
}

export interface PlanOptions {
  /** A schema that is already loaded. Without it, the schema is read from the files in the config. */
  readonly schema?: Schema;
  /** The place of diagnostics that belong to no line of the config: the config file, or a flag if there is no file. */
  readonly configFile?: string;
  readonly onProgress?: (done: number, total: number) => void;
  /**
   * The plan that is served now. If it is given, the work is done in slices, files that have not changed are not read again,
   * and parts of the old plan are used again if they would be the same.
   */
  readonly previous?: Plan;
  /**
   * The real paths of all files that may have changed since `previous` was made. Undefined if they are not known; then all
   * files are checked.
   */
  readonly changed?: ChangedPaths;
}

/**
 * Loads the schema and plans the routes. `diagnostics` contains all problems. The rest of the plan contains what could be
 * loaded in spite of them.
 */
export async function plan(given: Config, options: PlanOptions = {}): Promise<Plan> {
  const { previous } = options;
  // If the new config is equal to the previous one, the previous object is used, so that what was computed for it can be used
  // again.
  const config = previous !== undefined && isDeepStrictEqual(given, previous.config) ? previous.config : given;
  if (previous === undefined) {
    const { schema, onProgress } = options;
    const loaded = schema ?? loadSchema(config.schema, onProgress === undefined ? {} : { onProgress });
    return atOnce(planSteps(config, loaded, options));
  }
  const schema = options.schema ?? (await loadAgain(config.schema, previous.schema, options.changed));
  return inSlices(planSteps(config, schema, options));
}

/** Plans the surfaces of a schema, as work that can pause between its steps. */
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
  // With a single surface, every method counts as reached, because the config usually has no `surfaces` and all methods belong
  // to it.
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
 * Returns a function that plans the aggregates for a surface, with proto names or JSON names as its clients see them. Each of
 * the two kinds is planned once.
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
 * Returns the problems of the protos that do not depend on the config. `areAll` is true if all protos of the config are known.
 * Otherwise an import may be in a file that is not known, so problems that depend on imports are left out.
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
