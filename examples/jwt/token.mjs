// Prints a token that is valid for an hour: node jwt/token.mjs --sub ada --scope 'bookings.write'
// For another config, add --issuer and --audience with the values of its auth.jwt. JWT_SECRET is the secret.
import { createHmac } from 'node:crypto';
import { parseArgs } from 'node:util';

const { sub, scope, issuer, audience } = parseArgs({
  options: {
    sub: { type: 'string', default: 'ada' },
    scope: { type: 'string', default: '' },
    issuer: { type: 'string', default: 'https://auth.hotel.example' },
    audience: { type: 'string', default: 'hotel' },
  },
}).values;
const secret = process.env.JWT_SECRET;
if (!secret) {
  console.error('expected JWT_SECRET in the environment, the secret that the gateway has too, got none');
  process.exit(1);
}
const encode = (part) => Buffer.from(JSON.stringify(part)).toString('base64url');

const payload = {
  iss: issuer,
  aud: audience,
  exp: Math.floor(Date.now() / 1000) + 3600,
  sub,
  scope, // names with a space between them
};
const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(payload)}`;
const signature = createHmac('sha256', secret).update(signed).digest('base64url');
console.log(`${signed}.${signature}`);
