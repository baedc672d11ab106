/** This program is Koa alone with fixed answers. Its cost is the least that a gateway on Koa can have. `node koa.js PORT FOLDER MESSAGES` */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import Koa from 'koa';

const [port = '', folder = '', messages = ''] = process.argv.slice(2);
const small = readFileSync(join(folder, 'small.json'));
const big = readFileSync(join(folder, 'big.json'));
const line = Buffer.concat([small, Buffer.from('\n')]);

function* lines(): Iterable<Buffer> {
  for (let i = 0; i < Number(messages); i++) yield line;
}

const app = new Koa();
app.use(async (ctx) => {
  if (ctx.method === 'POST') {
    const chunks: Buffer[] = [];
    for await (const chunk of ctx.req) chunks.push(chunk as Buffer);
    ctx.state.bytes = Buffer.concat(chunks).length;
  }
  ctx.type = 'application/json';
  if (ctx.path.startsWith('/v1/bigs/')) ctx.body = big;
  else if (ctx.path === '/v1/watch') ctx.body = Readable.from(lines());
  else ctx.body = small;
});
app.listen(Number(port), '127.0.0.1');
