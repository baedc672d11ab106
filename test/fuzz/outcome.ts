/** The outcome of one drawn request. */
export interface Outcome {
  readonly kind: 'http1' | 'http2' | 'websocket';
  /** The problem, or undefined if there is none. */
  readonly verdict: string | undefined;
  /** The status of the answer, or the close code of a WebSocket; 0 for a connection that ended without an answer. */
  readonly status?: number;
}
