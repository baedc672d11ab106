/** This module removes from a route the access rules that `protogate explain` cannot check. */
import { splitDemands } from '../../policy/access/demands.js';
import type { PlannedRoute } from '../../route/planned-route.js';

export interface Known {
  /** False if the request has no credential. Then it is treated as if its caller fulfilled all access rules. */
  readonly namesCaller: boolean;
  /** True for a WebSocket. The content of its frames is not known, so rules about messages are not checked. */
  readonly overWebSocket: boolean;
  /** False if no header contains the client's address. Then the networks in `addresses` are not checked. */
  readonly tellsAddress: boolean;
}

export function asJudged(planned: PlannedRoute, { namesCaller, overWebSocket, tellsAddress }: Known): PlannedRoute {
  const route = tellsAddress ? planned : { ...planned, addresses: [] };
  const { binding, access } = route;
  const awaitsFrames = overWebSocket && (binding.method.clientStreaming || binding.body.kind !== 'none');
  const require = awaitsFrames ? splitDemands(access, binding).ofPath : access.require;
  if (namesCaller) return { ...route, access: { ...access, require } };
  return {
    ...route,
    access: {
      mode: access.mode === 'required' ? 'optional' : access.mode,
      scopes: [],
      require: require.filter(({ readsCaller }) => !readsCaller),
      origin: access.origin,
    },
  };
}
