/** This module reduces a route to the demands that a dry run can check. */
import { splitDemands } from '../../policy/access/demands.js';
import type { PlannedRoute } from '../../route/planned-route.js';

export interface Known {
  /** False if the request has no credential. It is then treated as if its caller satisfied all demands. */
  readonly namesCaller: boolean;
  /** True for a WebSocket. The content of its frames is not known, so demands over messages are not checked. */
  readonly overWebSocket: boolean;
  /** False if no header contains the client's address. Then networks are not checked. */
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
