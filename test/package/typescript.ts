/** The TypeScript project of a user who has installed nothing but protogate. */

/** `types` is empty, as it is by default since TypeScript 6: nothing but the import of protogate brings types in. */
export const PROJECT = {
  compilerOptions: {
    target: 'es2022',
    module: 'nodenext',
    moduleResolution: 'nodenext',
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
  },
  files: ['sample.ts', 'readme.ts'],
};

/** The code of the user names every public type. */
export const SAMPLE = `import { createServer } from 'node:http';
import {
  type CacheNote,
  type Attempt,
  type Call,
  type CallContext,
  type CallMethod,
  type CallNotes,
  type CallRecord,
  type CallRequest,
  type CallResponse,
  Code,
  type ConfigInput,
  type Context,
  type Credential,
  createGateway,
  type Deadline,
  type DeadlineOwner,
  type Diagnostic,
  type ErrorDetail,
  type Gateway,
  GatewayError,
  type GatewayOptions,
  type Interceptor,
  type MatchedRoute,
  type Messages,
  type Room,
  type RuleId,
  type Metadata,
  type MetadataEntry,
  type Middleware,
  type Position,
  type Principal,
  type Reason,
  type Span,
  type SpanAttributes,
  type RequestListener,
  type RequestState,
  StatusError,
  type StatusErrorOptions,
  type StatusMetadata,
  type TriedEndpoints,
} from 'protogate';

const subjectOf = (context: CallContext): string => {
  const principal: Principal | undefined = context.principal;
  return principal?.subject ?? 'nobody';
};

const tenant: Interceptor = (next: Call) => async (request: CallRequest): Promise<CallResponse> => {
  const entry: MetadataEntry = ['x-tenant', subjectOf(request.context)];
  const metadata: Metadata = [...request.metadata, entry];
  const { path }: CallMethod = request.method;
  const left: number | undefined = request.deadline === undefined ? undefined : request.deadline.at - Date.now();
  if (left !== undefined && left < 0) throw new StatusError(Code.DEADLINE_EXCEEDED, path);
  return next({ ...request, metadata });
};

const timed: Middleware = async (ctx: Context, next) => {
  const { requestId, principal, route, captures }: RequestState = ctx.state;
  const matched: MatchedRoute | undefined = route;
  ctx.set('x-route', matched?.binding.template.text ?? '');
  await next();
  console.log(requestId, principal?.scopes.has('read'), matched?.binding.method.fullName, captures[0], ctx.status);
};

const options: GatewayOptions = {
  version: 1,
  schema: { protos: ['protos'] },
  upstreams: { library: { target: '127.0.0.1:50051', timeout: '5s' } },
  middleware: { beforeMatch: [timed], afterAuth: [timed] },
  interceptors: [tenant],
};
const config: ConfigInput = options;
const refusal: StatusErrorOptions = { httpStatus: 409, headers: { 'x-hint': 'later' } };

try {
  const gateway: Gateway = await createGateway(options);
  const listener: RequestListener = gateway.callback();
  createServer(listener).listen(8080);
  await gateway.reload(config);
} catch (error) {
  if (!(error instanceof GatewayError)) throw error;
  for (const { position, text } of error.diagnostics) console.log(position.line, text, refusal);
}

export type Others = Attempt | CacheNote | CallNotes | CallRecord | Credential | Deadline | DeadlineOwner | Diagnostic | ErrorDetail | Messages | Position | Reason | Room | RuleId | Span | SpanAttributes | StatusMetadata | TriedEndpoints;
`;
