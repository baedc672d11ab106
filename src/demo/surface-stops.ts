/** The requests of the tour that show the two APIs of the shop: the surfaces `web` and `mobile`. */
import type { Stop } from './stop.js';

export const SURFACES: readonly Stop[] = [
  {
    title: 'A customer on the surface web, with all fields',
    first: true,
    path: '/customers/ada',
    expect: { status: 200, contains: 'loyaltyPoints' },
  },
  {
    title: 'The same customer on the surface mobile, which needs a key and leaves fields out',
    first: true,
    options: '-H "x-api-key: $KEY"',
    surface: '/mobile',
    path: '/customers/ada',
    expect: { status: 200, contains: 'Ada Okafor', lacks: 'loyaltyPoints' },
  },
  {
    title: 'An omitted field is refused like one that does not exist',
    options: '-g -H "x-api-key: $KEY"',
    surface: '/mobile',
    path: '/customers/ada?$fields=loyaltyPoints',
    expect: { status: 400, contains: 'expected a field of shop.v1.Customer' },
  },
  {
    title: 'The surface mobile knows no tokens: 401 with a token that the surface web accepts',
    options: '-H "authorization: Bearer $INES"',
    surface: '/mobile',
    path: '/customers/ada',
    expect: { status: 401, contains: 'UNAUTHENTICATED' },
  },
  {
    title: 'An aggregate that only the surface mobile has',
    first: true,
    options: '-H "x-api-key: $KEY"',
    surface: '/mobile',
    path: '/customers/ada/home',
    expect: { status: 200, contains: 'newestOrders', lacks: 'birthDate' },
  },
  {
    title: 'The same path on the surface web: 404',
    path: '/customers/ada/home',
    expect: { status: 404, contains: 'ROUTE_NOT_FOUND' },
  },
];
