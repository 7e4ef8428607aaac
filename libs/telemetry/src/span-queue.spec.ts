import { describe, expect, it } from '@jest/globals';
import { SpanQueue, type SpanBatch } from './span-queue.js';
import { OpenSpan, spanKind, type SpanRecord } from './trace.js';

const span = { name: 'span' } as SpanRecord;
const add = (queue: SpanQueue, count: number) => Array.from({ length: count }, () => queue.add(span));

describe('a queue of spans', () => {
  it('sends many at once, and the rest when it is flushed', () => {
    const sent: SpanBatch[] = [];
    const queue = new SpanQueue((batch) => sent.push(batch));
    add(queue, 600);
    queue.flush();
    queue.flush();
    expect(sent.map(({ spans }) => spans.length)).toEqual([256, 256, 88]);
  });

  it('drops and counts what finds no room, until some has been taken', () => {
    let sent = 0;
    const queue = new SpanQueue(({ spans }) => (sent += spans.length));
    add(queue, 20_100);
    expect(queue.dropped).toBe(100);
    queue.taken(50);
    add(queue, 100);
    queue.flush();
    expect([queue.dropped, sent]).toEqual([150, 20_050]);
  });
});

it('a span has a bounded number of steps', () => {
  const ended: SpanRecord[] = [];
  const open = new OpenSpan('trace', 'span', '', (record) => ended.push(record));
  for (let step = 0; step < 1_000; step++) open.step('step', spanKind.internal, 0, []);
  open.end('whole', spanKind.server, 0, []);
  expect(ended[0]!.steps).toHaveLength(512);
});
