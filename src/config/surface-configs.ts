/** This module computes the config of each surface: the common settings, with those of the surface in their place. */
import type { Config } from './config.js';
import type { IssueText } from './issues.js';
import { cors as corsBlock } from './policies.js';

export type SurfaceBlock = Config['surfaces'][number];

/** A surface with all settings that apply to it. */
export interface SurfaceConfig {
  /** The block of the config. Undefined for the only surface of a config without `surfaces`. */
  readonly block: SurfaceBlock | undefined;
  readonly name: string;
  /**
   * The common config, in which the settings of the surface replace the common ones. Its `policies` are the common ones,
   * followed by those of the surface.
   */
  readonly config: Config;
}

/** The name of the only surface of a config without `surfaces`. */
export const DEFAULT_SURFACE = 'default';

/** Returns the surfaces that this gateway serves, in the order of the config. There is at least one. */
export function surfaceConfigs(config: Config): readonly SurfaceConfig[] {
  if (config.surfaces.length === 0) return [{ block: undefined, name: DEFAULT_SURFACE, config }];
  const served = config.surfaces.filter(({ isServed }) => isServed);
  return served.map((block) => ({ block, name: block.name, config: configOf(config, block) }));
}

/** Returns true if the gateway serves only some of the surfaces in the config (`serve --surface`). */
export function servesPart({ surfaces }: Config): boolean {
  return surfaces.some(({ isServed }) => !isServed);
}

function configOf(common: Config, block: SurfaceBlock): Config {
  const { auth, policies, cors, metadata, json, query, errors, limits } = block;
  return {
    ...common,
    // The auth block of a surface replaces the common one as a whole, so the surface inherits no token issuer.
    auth: auth ?? common.auth,
    policies: [...common.policies, ...policies],
    cors: cors === undefined ? common.cors : { ...NO_CORS, ...common.cors, ...cors },
    metadata: { ...common.metadata, ...metadata },
    json: { ...common.json, ...json },
    query: { ...common.query, ...query },
    errors: { ...common.errors, ...errors },
    limits: { ...common.limits, ...limits },
  };
}

/** The default values of the block `cors`, without `origins`, which has no default. */
const NO_CORS = { ...corsBlock.parse({ origins: ['*'] })!, origins: [] };

/** Returns the problems that settings of a surface have only together with the common settings. */
export function surfaceIssues(config: Config): readonly IssueText[] {
  return config.surfaces.flatMap((block, index) => {
    const { cors } = configOf(config, block);
    if (block.cors === undefined || cors === undefined) return [];
    const path = ['surfaces', index, 'cors', 'origins'];
    const issue = (text: string) => [{ rule: 'config-value' as const, path, text: `${path.join('.')}: ${text}` }];
    if (cors.origins.length === 0) return issue('expected origins here or in the common cors, got none');
    if (cors.credentials && cors.origins.includes('*')) {
      return issue('expected origins by name with credentials: true, got *');
    }
    return [];
  });
}
