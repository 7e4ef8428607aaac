import { describe, expect, it } from '@jest/globals';
import { actorIds } from './actor-id.js';

const idOf = actorIds(Buffer.alloc(32, 1));

describe('the id of an actor', () => {
  it('is the GUID that the issuer gives, in lower case', () => {
    expect(idOf('5F1E9A3C-1D5B-4A6E-9B7F-2C3D4E5F6A7B')).toBe('5f1e9a3c-1d5b-4a6e-9b7f-2c3d4e5f6a7b');
  });

  it.each([
    'ada@contoso.example',
    'ada.lovelace',
    'CONTOSO\\ada',
    'live.com#ada@contoso.example',
    '+43-660-1234567',
    '192.0.2.7',
    'auth0|5f7c8ec7c33c6c004bbafe82',
  ])('is made from %s, and does not tell it', (named) => {
    const id = idOf(named);
    // Version 8 and the variant of RFC 9562.
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(idOf(named.toUpperCase())).toBe(id);
    expect(idOf(id)).toBe(id);
    expect(idOf(`${named}.`)).not.toBe(id);
    expect(actorIds(Buffer.alloc(32, 2))(named)).not.toBe(id);
  });
});
