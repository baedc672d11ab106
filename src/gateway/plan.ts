/**
 * This module turns a config into a plan: it loads the schema, plans each surface, and finds all problems. It opens no
 * connection. `routes`, `check` and `explain` need only the plan; `serve` compiles a snapshot from it.
 */
import type { AggregatePlan } from '../aggregate/plan-aggregate.js';
import { type Diagnostic, withoutRepeats } from '../base/diagnostic.js';
import { atOnce, inSlices, type Steps } from '../base/slices.js';
import type { Config } from '../config/config.js';
import { configRisks } from '../config/risks.js';
import { surfaceConfigs } from '../config/surface-configs.js';
import { jwksFileWarnings } from '../policy/access/jwks-file.js';
import type { PlannedRoute } from '../route/planned-route.js';
import { collectBindings } from '../routing/bindings.js';
import type { Registry } from '../schema/descriptor.js';
import { loadAgain, loadSchema, type Schema } from '../schema/source.js';
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
  /** The schema whose registry it is. */
  readonly schema: Schema;
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
   * The plan that is served meanwhile. The work is done in slices then, files that have not changed are not read again, and
   * registry and codecs are used again if they would be the same.
   */
  readonly previous?: Plan;
}

/**
 * Loads the schema and plans the routes. `diagnostics` has all problems. The other parts have all that could be loaded.
 */
export async function plan(config: Config, options: PlanOptions = {}): Promise<Plan> {
  const { previous } = options;
  if (previous === undefined) {
    const { schema, onProgress } = options;
    const loaded = schema ?? loadSchema(config.schema, onProgress === undefined ? {} : { onProgress });
    return atOnce(planSteps(config, loaded, options));
  }
  const schema = options.schema ?? (await loadAgain(config.schema, previous.schema));
  return inSlices(planSteps(config, schema, options));
}

/** Plans the surfaces of a schema in steps. */
export function* planSteps(config: Config, schema: Schema, options: PlanOptions): Steps<Plan> {
  const { registry, diagnostics: found } = schema;
  const { configFile, previous } = options;
  const isOffered = offeredBy(config);
  const { bindings, diagnostics: wrong } = yield* collectBindings(registry, { ...config.schema, isOffered });
  yield;
  const settings = surfaceConfigs(config);
  const schemas = new SharedSchemas(registry, previous?.schemas);
  const own = settings.map((surface) => ({ surface, schema: schemas.of(surface) }));
  const aggregates = aggregatesOf(registry);
  const reached =
    own.length === 1 ? bindings : bindings.filter(({ method }) => own.some(({ schema: { has } }) => has(method)));
  const all = aggregates(config);
  const upstreams = assignUpstreams(config, reached, all);
  yield;
  const used: UsedRules = new Set();
  const surfaces: SurfacePlan[] = [];
  const ofSurfaces: { readonly name: string; readonly diagnostics: readonly Diagnostic[] }[] = [];
  for (const { surface, schema } of own) {
    const shared = { bindings, upstreams: upstreams.of, isOffered, configFile, used };
    const planned = yield* planSurface(surface, schema, { ...shared, aggregates: aggregates(surface.config) });
    surfaces.push(planned.surface);
    const diagnostics = [
      ...authFileProblems(surface.config),
      ...planned.diagnostics,
      ...namingProblems(surface, registry, bindings),
    ];
    ofSurfaces.push({ name: surface.name, diagnostics });
    yield;
  }
  const routes = surfaces.flatMap((surface) => surface.routes);
  const called = [...bindings.map(({ method }) => method), ...all.methods];
  const problems = withoutRepeats([
    ...found,
    ...declarationProblems(registry, all.methods, isOffered),
    ...wrong,
    ...upstreams.diagnostics,
    ...ofSomeSurfaces(ofSurfaces),
    ...surfaceProblems(config, surfaces),
    ...unusedPolicies(config, called, used),
    ...all.diagnostics,
    ...settings.flatMap((surface) => configRisks(surface.config)),
  ]);
  const diagnostics = [...problems, ...nothingToServe(routes, problems, configFile)];
  const plans = [...new Set(surfaces.flatMap((surface) => surface.aggregates))];
  return { config, registry, schema, surfaces, routes, aggregates: plans, schemas: schemas.settle(), diagnostics };
}

/** Returns a function that plans the aggregates with the names that clients of a surface see. Each kind is planned once. */
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
  const { bindings, diagnostics: wrong } = atOnce(collectBindings(registry, sources));
  return withoutRepeats([...diagnostics, ...wrong, ...conflictsOf(bindings), ...aggregates.diagnostics]);
}
