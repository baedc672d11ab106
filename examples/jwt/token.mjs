// Prints a token that is valid for an hour: node jwt/token.mjs --sub ada --scope 'bookings.write'
import { createHmac } from 'node:crypto';
import { parseArgs } from 'node:util';

const { sub, scope } = parseArgs({
  options: { sub: { type: 'string', default: 'ada' }, scope: { type: 'string', default: '' } },
}).values;
const encode = (part) => Buffer.from(JSON.stringify(part)).toString('base64url');

const payload = {
  iss: 'https://auth.hotel.example',
  aud: 'hotel',
  exp: Math.floor(Date.now() / 1000) + 3600,
  sub,
  scope, // names with a space between them
};
const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(payload)}`;
const signature = createHmac('sha256', process.env.JWT_SECRET).update(signed).digest('base64url');
console.log(`${signed}.${signature}`);
