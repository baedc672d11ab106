/** This module computes the config of each surface: its own settings over the common ones. */
import type { Config } from './config.js';
import type { IssueText } from './issues.js';
import { cors as corsBlock } from './policies.js';

export type SurfaceBlock = Config['surfaces'][number];

/** A surface with all settings that apply to it. */
export interface SurfaceConfig {
  /** The block of the config. Undefined for the only surface of a config without `surfaces`. */
  readonly block: SurfaceBlock | undefined;
  readonly name: string;
  /** The common config with the settings of the surface over it. Its `policies` are the common ones, then the own ones. */
  readonly config: Config;
}

/** The name of the only surface of a config without `surfaces`. */
export const DEFAULT_SURFACE = 'default';

/** Returns the surfaces that this gateway serves, in their order. There is at least one. */
export function surfaceConfigs(config: Config): readonly SurfaceConfig[] {
  if (config.surfaces.length === 0) return [{ block: undefined, name: DEFAULT_SURFACE, config }];
  const served = config.surfaces.filter(({ isServed }) => isServed);
  return served.map((block) => ({ block, name: block.name, config: configOf(config, block) }));
}

/** True if the gateway serves only some surfaces of the config (`serve --surface`). */
export function servesPart({ surfaces }: Config): boolean {
  return surfaces.some(({ isServed }) => !isServed);
}

function configOf(common: Config, block: SurfaceBlock): Config {
  const { auth, policies, cors, metadata, json, query, errors, limits } = block;
  return {
    ...common,
    // A surface that has its own auth inherits no issuer.
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

/** The defaults of the block, without the origins, which have none. */
const NO_CORS = { ...corsBlock.parse({ origins: ['*'] })!, origins: [] };

/** Returns the problems of settings that only the own and the common keys together can have. */
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
