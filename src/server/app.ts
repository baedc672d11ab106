/**
 * Makes the Koa application. Its pipeline of stages runs inside the listener of `connection/watched.ts`, which guards
 * connections.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import Koa from 'koa';
import { endAtOnce } from '../exchange/answer.js';
import type { Context, Exchange } from '../exchange/exchange.js';
import { composed } from './compose-route.js';
import { type RequestListener, watched } from './connection/watched.js';
import { contextMaker } from './koa-context.js';
import { beforeMatch, type PipelineOptions } from './pipeline.js';

/** Builds the request listener; it fits `http.createServer`. */
export function createApp(options: PipelineOptions): RequestListener {
  const app = new Front();
  const contextOf = contextMaker(app);
  const run = composed(beforeMatch(options));
  const { snapshots, clock } = options;
  const handle = (req: IncomingMessage, res: ServerResponse) => {
    const ctx = contextOf(req, res);
    res.statusCode = 404;
    const fail = (error: unknown) => ctx.onerror(error as Error);
    return run(ctx).then(() => {
      // Streams are written by their endpoint, so they are over at this point.
      if (ctx.respond === false) return undefined;
      ctx.state.answeredAt = clock.monotonic();
      try {
        return app.answer(ctx)?.catch(fail);
      } catch (error) {
        return fail(error);
      }
    }, fail);
  };
  return watched(handle, () => snapshots.current, clock);
}

/** An app without Koa's `callback`, which adds four listeners to each request to report errors that the access log has. */
class Front extends Koa<Exchange> {
  constructor() {
    super();
    // Koa itself reports only errors of the error funnel, and clients that leave while an answer is written; the access log
    // has those.
    this.silent = true;
    this.on('error', this.onerror);
  }

  /** Writes the answer that the stages have left in the context. Returns a promise if it is written later. */
  answer(ctx: Context): Promise<void> | undefined {
    const { req, res, body } = ctx;
    const isPlain = Buffer.isBuffer(body) || (typeof body === 'string' && body !== '');
    if (!isPlain || req.method === 'HEAD' || !ctx.writable || NO_CONTENT.has(res.statusCode)) return this.respond(ctx);
    endAtOnce(res, body);
    return undefined;
  }

  /** Lets Koa write an answer that is not plain bytes, such as a stream, or the answer of a HEAD. */
  private respond(ctx: Context): Promise<void> {
    const { statusCode } = ctx.res;
    const koa = this as unknown as { handleRequest(ctx: Context, run: () => Promise<void>): Promise<void> };
    return koa.handleRequest(ctx, async () => {
      // Koa has just set 404.
      ctx.res.statusCode = statusCode;
    });
  }
}

/** The statuses whose answers have no content. */
const NO_CONTENT: ReadonlySet<number> = new Set([204, 205, 304]);
