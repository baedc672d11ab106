/** This module applies the flags of the command line to the settings of the config file. */

import { type Diagnostic, errorAt } from '../base/diagnostic.js';
import { isServiceSelector } from '../upstream/service-selector.js';
import { targetProblem } from '../upstream/target.js';
import { DEFAULT_ADMIN } from './blocks.js';
import type { Config } from './config.js';
import { DEFAULT_SURFACE } from './surface-configs.js';
import { PLAIN_UPSTREAM } from './upstream-blocks.js';

/** The name of an upstream for which the flag gives only a target. */
const NAMELESS = 'default';

export interface SchemaOverrides {
  /** Import roots that are added to those of the config file. */
  readonly protos: readonly string[];
  readonly imports: readonly string[];
  readonly descriptorSets: readonly string[];
  readonly autoRoutes?: boolean;
}

export interface Overrides extends SchemaOverrides {
  /**
   * The upstreams, each as `[NAME|SELECTOR=]TARGET`. If the config has an upstream with that name, the flag replaces its
   * target. Otherwise the flag adds an upstream that serves the services which the selector selects, and that has the selector
   * as its name. Without a name or selector, the upstream is called `default` and serves every service.
   */
  readonly upstreams: readonly string[];
  readonly host?: string;
  readonly port?: number;
  readonly adminHost?: string;
  readonly adminPort?: number;
  readonly workers?: number | 'auto';
  readonly watch?: boolean;
  /** The name of the surface that is served. Absent if all surfaces are. */
  readonly surface?: string;
}

export function applyOverrides(
  config: Config,
  flags: Overrides,
): { readonly config: Config; readonly diagnostics: readonly Diagnostic[] } {
  const { upstreams, diagnostics } = overrideUpstreams(config, flags.upstreams);
  const { schema, listen, surfaces } = config;
  const { surface } = flags;
  return {
    diagnostics: [...diagnostics, ...surfaceProblems(config, flags)],
    config: {
      ...config,
      schema: { ...overrideSchema(schema, flags), watch: flags.watch ?? schema.watch },
      listen: { ...listen, host: flags.host ?? listen.host, port: flags.port ?? listen.port },
      admin: overrideAdmin(config.admin, flags),
      workers: flags.workers ?? config.workers,
      upstreams,
      surfaces: surface === undefined ? surfaces : surfaces.map((one) => ({ ...one, isServed: one.name === surface })),
    },
  };
}

function surfaceProblems({ surfaces }: Config, { surface }: Overrides): readonly Diagnostic[] {
  if (surface === undefined || surfaces.some(({ name }) => name === surface)) return [];
  if (surfaces.length === 0 && surface === DEFAULT_SURFACE) return [];
  const known =
    surfaces.length === 0 ? 'a config with surfaces' : `one of ${surfaces.map(({ name }) => name).join(', ')}`;
  return [errorAt({ file: '--surface' }, 'flag', `expected ${known}, got '${surface}'`)];
}

/** Applies `--admin-host` and `--admin-port`. They also turn on an admin port that the config file has turned off. */
function overrideAdmin(admin: Config['admin'], { adminHost, adminPort }: Overrides): Config['admin'] {
  if (adminHost === undefined && adminPort === undefined) return admin;
  const { host, port, ...rest } = admin ?? DEFAULT_ADMIN;
  return { ...rest, host: adminHost ?? host, port: adminPort ?? port };
}

export function overrideSchema(schema: Config['schema'], flags: SchemaOverrides): Config['schema'] {
  return {
    ...schema,
    protos: [...schema.protos, ...flags.protos],
    imports: [...schema.imports, ...flags.imports],
    descriptorSets: [...schema.descriptorSets, ...flags.descriptorSets],
    autoRoutes: flags.autoRoutes === true ? ['*'] : schema.autoRoutes,
  };
}

function overrideUpstreams(config: Config, flags: readonly string[]) {
  const upstreams: Config['upstreams'] = new Map(config.upstreams);
  const diagnostics: Diagnostic[] = [];
  const wrong = (text: string) => diagnostics.push(errorAt({ file: '--upstream' }, 'flag', text));
  const given = new Map<string, string | undefined>();
  for (const flag of flags) {
    const match = /^(?:([^=\s]+)=)?([^=\s]+)$/.exec(flag);
    if (match === null) {
      wrong(`expected [NAME|SELECTOR=]TARGET, got '${flag}'`);
      continue;
    }
    const [, name, target = ''] = match;
    const problem = targetProblem(target);
    if (problem !== undefined) wrong(problem);
    const key = name ?? NAMELESS;
    if (given.has(key)) wrong(twice(key, [given.get(key), name]));
    given.set(key, name);
    const known = config.upstreams.get(key);
    if (known === undefined && name !== undefined && !isServiceSelector(name)) wrong(unknown(name, config));
    const settings = known ?? { ...PLAIN_UPSTREAM, services: [name ?? '*'] };
    upstreams.set(key, {
      ...settings,
      targets: [{ address: target, weight: 1 }],
      position: { file: `--upstream ${flag}` },
    });
  }
  return { upstreams, diagnostics };
}

function unknown(name: string, { upstreams }: Config): string {
  const configured =
    upstreams.size === 0 ? '' : `one of the config's upstreams (${[...upstreams.keys()].join(', ')}) or `;
  return `expected ${configured}a selector of services (shop.v1.Orders, billing.v1.*) before '=', got '${name}'`;
}

/**
 * Returns the error text for an upstream that is given twice. `names` are the names as they were given; undefined for an
 * upstream without a name.
 */
function twice(key: string, names: readonly (string | undefined)[]): string {
  const nameless = names.filter((name) => name === undefined).length;
  if (nameless === 2) return 'expected one target without a selector, got two; give the others as SELECTOR=TARGET';
  const why = nameless === 1 ? ` (a target without a name is called '${NAMELESS}')` : '';
  return `expected each name once, got '${key}' twice${why}`;
}
