import { describe, expect, it } from '@jest/globals';
import { salesRegionOf, salesRegionsOf2023 } from './sales-regions.js';

describe('The sales regions of 2023', () => {
  it('hold every country once', () => {
    const countries = Object.values(salesRegionsOf2023).flat();
    expect(new Set(countries).size).toBe(countries.length);
    for (const country of countries) expect(country).toMatch(/^[A-Z]{2}$/);
    expect(Object.entries(salesRegionsOf2023).map(([region, members]) => [region, members.length])).toEqual([
      ['Africa', 47],
      ['Asia and Pacific', 18],
      ['Australia', 21],
      ['Canada', 2],
      ['Europe', 45],
      ['Latin America and the Caribbean', 51],
      ['Middle East, Central Europe, and Eastern Europe', 44],
      ['New Zealand', 3],
      ['United States', 5],
    ]);
  });

  it('have the European Union, the EFTA and the United Kingdom in one', () => {
    const union = 'AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE';
    for (const country of [...union.split(' '), 'IS', 'LI', 'NO', 'CH', 'GB'])
      expect([country, salesRegionOf(country, salesRegionsOf2023)]).toEqual([country, 'Europe']);
  });

  it.each(['BR', 'CN', 'IN', 'JP', 'KR', 'TW', 'RU', 'ZZ'])('leave %s a region of its own', (country) => {
    expect(salesRegionOf(country, salesRegionsOf2023)).toBe(country);
  });

  it('give way to those that the ledger is configured with', () => {
    expect(salesRegionOf('AE', salesRegionsOf2023, { Gulf: ['AE'] })).toBe('Gulf');
    expect(salesRegionOf('RU', salesRegionsOf2023, { Gulf: ['AE'] })).toBe('RU');
  });
});
