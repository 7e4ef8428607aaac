import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { occasionally } from './occasionally.js';

it('tells at once, then only now and then, with how often it would have been told', async () => {
  const told: unknown[] = [];
  const tell = occasionally(50, (times, what: string) => told.push([times, what]));
  tell('first');
  tell('second');
  tell('third');
  expect(told).toEqual([[1, 'first']]);
  await sleep(60);
  tell('fourth');
  expect(told).toEqual([
    [1, 'first'],
    [3, 'fourth'],
  ]);
});
