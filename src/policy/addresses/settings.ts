/** This module has the schema of `addresses` in a policy: the networks from which a client may call. */
import * as z from 'zod';
import { isNetwork } from '../../base/networks.js';
import { lastMessage, policyKind } from '../kind.js';

const network = z.string().refine(isNetwork, { error: 'expected an address or a network such as 10.0.0.0/8' });

const settings = z
  .strictObject({
    allow: z.array(network).default([]).describe('Only clients in these networks may call. Without it all may.'),
    deny: z.array(network).default([]).describe('Clients in these networks may not call, whatever `allow` says.'),
  })
  .refine(({ allow, deny }) => allow.length + deny.length > 0, {
    error: 'expected at least one network in allow or deny, got none',
  })
  .describe(
    'From which addresses clients may call. Others get 403. `trustedProxies` decides what the address of a client is.',
  );

export const addresses = policyKind({
  key: 'addresses',
  schema: settings,
  fromOption: (policy) =>
    lastMessage(policy, 'addresses', (one) => ({ allow: one.strings('allow'), deny: one.strings('deny') })),
  notes: ({ allow, deny }) => [
    ...(allow.length === 0 ? [] : [`allow: ${allow.join(' ')}`]),
    ...(deny.length === 0 ? [] : [`deny: ${deny.join(' ')}`]),
  ],
  describe: ({ allow, deny }) => [
    ...(allow.length === 0 ? [] : [`only clients in ${allow.join(', ')}`]),
    ...(deny.length === 0 ? [] : [`no clients in ${deny.join(', ')}`]),
  ],
});

export type AddressSettings = z.output<typeof settings>;
