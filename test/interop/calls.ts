/** Calls of the service Kinds. The name in a request tells the server what to do, and later asks what it saw. */
import { sendTo } from '../support/gateway.js';

/** The acts that kinds.proto describes. */
export type Act = 'success' | 'refused' | 'failing' | 'hanging' | 'early';

interface Seen {
  readonly received: number;
  readonly halfClosed: boolean;
  readonly hasDeadline: boolean;
  readonly cancelled: boolean;
}

const NOTHING: Seen = { received: 0, halfClosed: false, hasDeadline: false, cancelled: false };

export interface KindCall {
  readonly name: string;
  /** The path, to which the verb of a method is added. */
  readonly path: string;
  /** Asks the server what it saw of the call. */
  seen(): Promise<Seen>;
}

let count = 0;

/** Returns a call with a name that no other call has. */
export function newCall(url: string, collection: 'cases' | 'bytes', act: Act): KindCall {
  const name = `${collection}/${act}/${++count}`;
  const path = `/v1/${name}`;
  return {
    name,
    path,
    async seen() {
      const { status, json, text } = await sendTo(url, 'GET', path);
      if (status !== 200 && status !== 404) throw new Error(`what was seen of ${name}: ${status} ${text}`);
      return { ...NOTHING, ...(status === 200 ? json : {}) };
    },
  };
}
