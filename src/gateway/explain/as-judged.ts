/** A route with only those demands that a dry run can judge. */
import { splitDemands } from '../../policy/access/demands.js';
import type { PlannedRoute } from '../../route/planned-route.js';

export interface Known {
  /** False: the request has no credential, so it is judged as one whose caller has everything that is demanded. */
  readonly namesCaller: boolean;
  /** The frames of a WebSocket are not known, so demands over them are not judged. */
  readonly overWebSocket: boolean;
  /** False: nothing tells the client's address, so networks are not judged. */
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
