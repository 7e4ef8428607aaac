import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  appClaims,
  appUri,
  clientId,
  entraNames,
  globalAdministrator,
  newSigner,
  personClaims,
  startIssuer,
  tokenOf,
} from './test-issuer.js';

// npm run test-issuer [PARTNER [CUSTOMER [DIRECTORY]]]: an issuer in the shape of Entra for trying the server by hand. It prints what
// to start the server with, and tokens of both tenants. Whoever reads them can act for these tenants: for trying only.

const [
  partner = 'a1a1a1a1-0001-4000-8000-000000000001',
  customer = 'c0c0c0c0-0001-4000-8000-000000000001',
  directory = './data',
] = process.argv.slice(2);

const signer = await newSigner('test', { issuer: entraNames[0] });
const issuer = await startIssuer({ entra: () => [signer.jwk] });
const file = resolve(join(directory, 'test-identity.json'));
mkdirSync(resolve(directory), { recursive: true });
writeFileSync(
  file,
  JSON.stringify([
    {
      issuers: entraNames,
      jwksUrl: issuer.keysAt('entra'),
      audiences: [clientId, appUri],
      roles: [
        { claim: 'roles', roles: ['GlobalAdmin', 'AdminAgent', 'Auditor'] },
        { claim: 'wids', value: globalAdministrator, roles: ['CustomerGlobalAdmin'] },
      ],
    },
  ]),
);
const appRoles = ['GlobalAdmin', 'AdminAgent'];
const tokens = {
  'the partner’s Global admin': personClaims({ tenant: partner, appRoles }),
  'the partner’s program': appClaims({ tenant: partner, appRoles }),
  'the customer’s Global Administrator': personClaims({ tenant: customer, wids: [globalAdministrator] }),
};
process.stdout.write(`IDENTITY_FILE=${file}\n`);
for (const [whose, claims] of Object.entries(tokens))
  process.stdout.write(`\nToken of ${whose}\n${await tokenOf(signer, claims)}\n`);
process.stdout.write('\nThe issuer runs until Ctrl+C.\n');
