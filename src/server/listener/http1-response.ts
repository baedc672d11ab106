/**
 * The answer of the HTTP/1.1 listener. Node keeps headers in an object without a prototype, which is slow to fill and to read:
 * for four headers that is more than all stages of the pipeline together. A list is enough for the few headers of an answer.
 */
import {
  type OutgoingHttpHeader,
  type OutgoingHttpHeaders,
  ServerResponse,
  validateHeaderName,
  validateHeaderValue,
} from 'node:http';

type HeaderValue = number | string | readonly string[];

/** Node accepts a text that matches as the name (NAME) or the value (VALUE) of a header. */
const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

export class Http1Response extends ServerResponse {
  /** The headers as name, value, name, value. Node sends such a list as it is. */
  private list: OutgoingHttpHeader[] = [];

  override setHeader(name: string, value: HeaderValue): this {
    if (this.headersSent) return super.setHeader(name, value); // this throws
    // Node's own checks run only for what may be wrong, because they cost more than the rest.
    if (typeof name !== 'string' || !NAME.test(name)) validateHeaderName(name);
    if (typeof value !== 'number' && (typeof value !== 'string' || !VALUE.test(value)))
      validateHeaderValue(name, value as string);
    const { list } = this;
    const at = this.indexOf(name);
    if (at < 0) list.push(name, value as OutgoingHttpHeader);
    else {
      list[at] = name;
      list[at + 1] = value as OutgoingHttpHeader;
    }
    return this;
  }

  override getHeader(name: string): OutgoingHttpHeader | undefined {
    const at = this.indexOf(name);
    return at < 0 ? undefined : this.list[at + 1];
  }

  override hasHeader(name: string): boolean {
    return this.indexOf(name) >= 0;
  }

  override removeHeader(name: string): void {
    super.removeHeader(name); // this also notes that Node must not add the header
    const at = this.indexOf(name);
    if (at >= 0) this.list.splice(at, 2);
  }

  override getHeaders(): OutgoingHttpHeaders {
    const headers: OutgoingHttpHeaders = Object.create(null);
    const { list } = this;
    for (let i = 0; i < list.length; i += 2) headers[(list[i] as string).toLowerCase()] = list[i + 1];
    return headers;
  }

  override getHeaderNames(): string[] {
    return Object.keys(this.getHeaders());
  }

  override appendHeader(name: string, value: string | readonly string[]): this {
    const known = this.getHeader(name);
    return this.setHeader(name, known === undefined ? value : [known, value].flat().map(String));
  }

  /** Adds the headers of the arguments to those that were set, as Node does. */
  override writeHead(status: number, ...more: readonly unknown[]): this {
    const write = super.writeHead as (status: number, ...more: readonly unknown[]) => this;
    const [first] = more;
    if (first === undefined) return write.call(this, status, this.list);
    const reason = typeof first === 'string' ? [first] : [];
    const headers = (typeof first === 'string' ? more[1] : first) ?? {};
    for (const [name, value] of pairsOf(headers)) this.setHeader(name, value);
    return write.call(this, status, ...reason, this.list);
  }

  /** Returns the index of a header in the list, or -1. The case of letters does not count. */
  private indexOf(name: string): number {
    const { list } = this;
    for (let i = 0; i < list.length; i += 2) {
      const known = list[i] as string;
      if (known === name) return i;
      if (known.length === name.length && known.toLowerCase() === name.toLowerCase()) return i;
    }
    return -1;
  }
}

/** Returns the headers of an object, or of a list with name, value, name, value. */
function pairsOf(headers: object): readonly (readonly [name: string, value: HeaderValue])[] {
  if (!Array.isArray(headers)) return Object.entries(headers as OutgoingHttpHeaders) as [string, HeaderValue][];
  return headers.flatMap((name, index) => (index % 2 === 0 ? [[name, headers[index + 1]]] : []));
}
