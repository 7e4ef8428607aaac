import { describe, expect, it } from '@jest/globals';
import { acceptable } from './accept.js';

const offered = ['application/json', 'application/x-ndjson', 'text/event-stream'] as const;

describe('the media type of an answer', () => {
  it.each<[string | undefined, string | undefined]>([
    [undefined, 'application/json'],
    ['', 'application/json'],
    ['*/*', 'application/json'],
    ['application/json', 'application/json'],
    ['Application/X-NDJSON', 'application/x-ndjson'],
    ['application/x-ndjson; charset=utf-8', 'application/x-ndjson'],
    ['text/html, application/x-ndjson;q=0.5, */*;q=0.1', 'application/x-ndjson'],
    ['text/*', 'text/event-stream'],
    ['application/*', 'application/json'],
    ['application/json;q=0, */*', 'application/x-ndjson'],
    ['application/json;q=0.2, application/x-ndjson ; q=0.3', 'application/x-ndjson'],
    ['application/json;profile="a,b;q=1";q=0.2, application/x-ndjson;q=0.3', 'application/x-ndjson'],
    ['application/json;profile="\\",text/*"', 'application/json'],
    ['application/json;q=0.5, application/x-ndjson;Q=0.6', 'application/x-ndjson'],
    ['application/json;q=1.0000', 'application/json'],
    ['application/json;q=0.0', undefined],
    ['application/json;q=1.1', undefined],
    ['application/json;q=0x1', undefined],
    ['application/json;q=1e0', undefined],
    ['application/json;q=-0', undefined],
    ['text/html', undefined],
    ['application/json;q=0', undefined],
    ['application/json;q=much', undefined],
    ['json', undefined],
    [',', undefined],
  ])('for Accept: %s is %s', (accept, type) => {
    expect(acceptable(accept, offered)).toBe(type);
  });
});
