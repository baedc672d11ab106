/**
 * Makes the context of a request as Koa's `createContext` does. Objects of a class have room for their properties from the
 * beginning. Those of Koa grow with each property, which takes a kilobyte for each request.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type Koa from 'koa';
import type { Context } from '../exchange/exchange.js';

/** Returns the function that makes contexts for an app. */
export function contextMaker<State>(app: Koa<State>): (req: IncomingMessage, res: ServerResponse) => Context {
  class KoaRequest {
    response: KoaResponse | undefined;
    ctx: KoaContext | undefined;
    readonly app = app;

    constructor(
      readonly req: IncomingMessage,
      readonly res: ServerResponse,
      readonly originalUrl: string | undefined,
    ) {}
  }

  class KoaResponse {
    ctx: KoaContext | undefined;
    readonly app = app;
    // Koa's own properties.
    _body: unknown;
    _explicitStatus = false;

    constructor(
      readonly req: IncomingMessage,
      readonly res: ServerResponse,
      readonly request: KoaRequest,
    ) {}

    /**
     * Sets bytes as the body as Koa does. Returns false, and sets nothing, unless they are the first body and the status and
     * the content type are set already.
     */
    takeBytes(body: Buffer): boolean {
      const { res } = this;
      if (this._body !== undefined || !this._explicitStatus || res.headersSent) return false;
      if (!res.hasHeader('content-type') || res.hasHeader('transfer-encoding')) return false;
      this._body = body;
      res.setHeader('Content-Length', body.length);
      return true;
    }
  }

  class KoaContext {
    readonly app = app;
    state: unknown = undefined;

    constructor(
      readonly req: IncomingMessage,
      readonly res: ServerResponse,
      readonly request: KoaRequest,
      readonly response: KoaResponse,
      readonly originalUrl: string | undefined,
    ) {}

    // Each of Koa's own accessors is one function for all properties, so the engine cannot compile it for the one it reads.
    get body(): unknown {
      return (this.response as unknown as Koa.Response).body;
    }

    set body(body: unknown) {
      // Koa itself looks up and checks headers that are known here.
      if (!Buffer.isBuffer(body) || !this.response.takeBytes(body))
        (this.response as unknown as Koa.Response).body = body;
    }

    get status(): number {
      return (this.response as unknown as Koa.Response).status;
    }

    set status(status: number) {
      (this.response as unknown as Koa.Response).status = status;
    }
  }

  Object.setPrototypeOf(KoaRequest.prototype, app.request);
  Object.setPrototypeOf(KoaResponse.prototype, app.response);
  Object.setPrototypeOf(KoaContext.prototype, app.context);

  return function contextOf(req, res) {
    const request = new KoaRequest(req, res, req.url);
    const response = new KoaResponse(req, res, request);
    const context = new KoaContext(req, res, request, response, req.url);
    request.response = response;
    request.ctx = context;
    response.ctx = context;
    return context as unknown as Context;
  };
}
