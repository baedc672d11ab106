// A Koa app with a page of its own. The gateway answers everything below /v1.
import { join } from 'node:path';
import Koa from 'koa';
import { createGateway } from 'protogate';

const gateway = await createGateway({
  version: 1,
  schema: { protos: [join(import.meta.dirname, '../backend/protos')] },
  upstreams: { hotel: { target: process.env.BACKEND ?? '127.0.0.1:50051' } },
});
const handle = gateway.callback();

const app = new Koa();
app.use(async (ctx, next) => {
  ctx.set('x-app', 'hotel'); // middleware of the app also runs for the gateway's routes
  await next();
});
app.use((ctx, next) => {
  if (!ctx.path.startsWith('/v1/')) return next();
  ctx.respond = false; // the gateway writes the answer
  return handle(ctx.req, ctx.res);
});
app.use((ctx) => {
  ctx.body = 'The hotel is open.\n';
});

const server = app.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
server.maxHeadersCount = 0; // otherwise Node drops all headers after the first thousand
process.once('SIGTERM', () => {
  server.close(() => gateway.close());
  server.closeIdleConnections();
});
