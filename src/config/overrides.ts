/** Flags of the command line over the config file. */

import { type Diagnostic, errorAt } from '../base/diagnostic.js';
import { targetProblem } from '../upstream/target.js';
import { PLAIN_UPSTREAM } from './blocks.js';
import type { Config } from './config.js';

export interface Overrides {
  /** Added to what the file names. */
  readonly protos: readonly string[];
  readonly imports: readonly string[];
  readonly descriptorSets: readonly string[];
  /** `[NAME=]TARGET`: the target of the upstream of that name; a new one serves every service. Nameless: `default`. */
  readonly upstreams: readonly string[];
  readonly autoRoutes?: boolean;
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
      schema: {
        protos: [...schema.protos, ...flags.protos],
        imports: [...schema.imports, ...flags.imports],
        descriptorSets: [...schema.descriptorSets, ...flags.descriptorSets],
        autoRoutes: flags.autoRoutes === true ? ['*'] : schema.autoRoutes,
      },
      listen: { ...listen, host: flags.host ?? listen.host, port: flags.port ?? listen.port },
      admin: flags.adminPort === undefined ? admin : { host: admin?.host ?? '127.0.0.1', port: flags.adminPort },
      workers: flags.workers ?? config.workers,
      upstreams,
    },
  };
}

function overrideUpstreams(config: Config, flags: readonly string[]) {
  const upstreams: Config['upstreams'] = new Map(config.upstreams);
  const diagnostics: Diagnostic[] = [];
  const given = new Set<string>();
  for (const flag of flags) {
    const match = /^(?:([A-Za-z][A-Za-z0-9_-]*)=)?([^=\s]+)$/.exec(flag);
    if (match === null) {
      diagnostics.push(errorAt({ file: '--upstream' }, 'flag', `expected [NAME=]TARGET, got '${flag}'`));
      continue;
    }
    const [, name = 'default', target = ''] = match;
    const problem = targetProblem(target);
    if (problem !== undefined) diagnostics.push(errorAt({ file: '--upstream' }, 'flag', problem));
    if (given.has(name)) {
      diagnostics.push(errorAt({ file: '--upstream' }, 'flag', `expected each name once, got '${name}' twice`));
    }
    given.add(name);
    upstreams.set(name, { ...(upstreams.get(name) ?? PLAIN_UPSTREAM), target });
  }
  return { upstreams, diagnostics };
}
