/** Calls of the service Kinds: by their names the server knows what to do, and afterwards what it saw of them. */
import { sendTo } from '../support/gateway.js';

/** As kinds.proto says them. */
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
  /** To which the verb of a method is added. */
  readonly path: string;
  /** Asks the server. */
  seen(): Promise<Seen>;
}

let count = 0;

/** A call that no other is called like. */
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
