/** The Koa application: the pipeline, and what watches that its answers are taken. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import Koa from 'koa';
import { dismiss, isOver, isWhole } from './answer.js';
import type { Exchange } from './exchange.js';
import { tellWhenGone } from './gone.js';
import { hasEnded, lingerAfter } from './linger.js';
import { beforeMatch, type PipelineOptions } from './pipeline.js';
import { cutIfStalled } from './stall.js';
import { turnOf } from './turn.js';

export type RequestListener = (req: IncomingMessage, res: ServerResponse) => Promise<void>;

/** Builds the request listener; it fits `http.createServer`. */
export function createApp(options: PipelineOptions): RequestListener {
  const app = new Koa<Exchange>();
  // Reached only if the funnel itself fails or a client leaves while an answer is written; the access log has the line.
  app.silent = true;
  for (const middleware of beforeMatch(options)) app.use(middleware);
  const handle = app.callback();
  const { snapshots, clock } = options;

  return function listener(req, res) {
    tellWhenGone(req, res);
    if (hasEnded(req)) return Promise.resolve();
    lingerAfter(req, res, clock);
    const turn = turnOf(req, res);
    return turn === undefined ? serve(req, res) : turn.then((isThere) => (isThere ? serve(req, res) : undefined));
  };

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { stallTimeoutMs } = snapshots.current;
    await handle(req, res);
    dismiss(res, clock);
    if (!isWhole(res) && !isOver(res)) cutIfStalled(res, stallTimeoutMs, clock);
  }
}
