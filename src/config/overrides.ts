/** Flags of the command line over the config file. */

import { type Diagnostic, errorAt } from '../base/diagnostic.js';
import { isServiceSelector } from '../upstream/service-selector.js';
import { targetProblem } from '../upstream/target.js';
import { PLAIN_UPSTREAM } from './blocks.js';
import type { Config } from './config.js';

/** The name of an upstream that is given without one. */
const NAMELESS = 'default';

export interface SchemaOverrides {
  /** Added to what the file names. */
  readonly protos: readonly string[];
  readonly imports: readonly string[];
  readonly descriptorSets: readonly string[];
  readonly autoRoutes?: boolean;
}

export interface Overrides extends SchemaOverrides {
  /**
   * `[NAME|SELECTOR=]TARGET`: the target of the configured upstream of that name; otherwise of a new one that serves the
   * services of the selector, which also names it. Without either it serves every service, and is called `default`.
   */
  readonly upstreams: readonly string[];
  readonly host?: string;
  readonly port?: number;
  readonly adminPort?: number;
  readonly workers?: number | 'auto';
}

export function applyOverrides(
  config: Config,
  flags: Overrides,
): { readonly config: Config; readonly diagnostics: readonly Diagnostic[] } {
  const { upstreams, diagnostics } = overrideUpstreams(config, flags.upstreams);
  const { schema, listen, admin } = config;
  return {
    diagnostics,
    config: {
      ...config,
      schema: overrideSchema(schema, flags),
      listen: { ...listen, host: flags.host ?? listen.host, port: flags.port ?? listen.port },
      admin: flags.adminPort === undefined ? admin : { host: admin?.host ?? '127.0.0.1', port: flags.adminPort },
      workers: flags.workers ?? config.workers,
      upstreams,
    },
  };
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
    upstreams.set(key, { ...(known ?? { ...PLAIN_UPSTREAM, services: [name ?? '*'] }), target });
  }
  return { upstreams, diagnostics };
}

function unknown(name: string, { upstreams }: Config): string {
  const configured =
    upstreams.size === 0 ? '' : `one of the config's upstreams (${[...upstreams.keys()].join(', ')}) or `;
  return `expected ${configured}a selector of services (shop.v1.Orders, billing.v1.*) before '=', got '${name}'`;
}

/** In the words of who typed it: nobody typed the name of a nameless one. */
function twice(key: string, names: readonly (string | undefined)[]): string {
  const nameless = names.filter((name) => name === undefined).length;
  if (nameless === 2) return 'expected one without a name, got two: give SELECTOR=TARGET';
  return `expected each name once, got '${key}' twice${nameless === 1 ? ' (one without a name is called so)' : ''}`;
}
