import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { exampleOf, openApiDocument } from './document.js';
import { unservedApplication } from './unserved-application.js';

describe('the document of the routes', () => {
  let app: NestFastifyApplication;
  const found: string[] = [];

  beforeAll(async () => {
    app = await unservedApplication();
    app
      .getHttpAdapter()
      .getInstance()
      .addHook('onRoute', ({ method, url }) => {
        for (const name of [method].flat())
          if (name !== 'HEAD') found.push(`${name} ${url.replace(/:(\w+)/g, '{$1}')}`);
      });
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
  });
  afterAll(() => app.close());

  it('names every route that there is, but the pages that show it', () => {
    const { paths } = openApiDocument(app, { answers: {}, commands: new Map() }) as { paths: Record<string, object> };
    const documented = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const served = found.filter((route) => !/^GET \/(docs|openapi\.json|$)/.test(route));
    expect([...served].sort()).toEqual([...documented].sort());
    expect(served.length).toBeGreaterThan(110);
  });
});

describe('an example of a body', () => {
  it('has what is required and nothing else', () => {
    const line = { type: 'object', properties: { id: { type: 'string', example: 'line-1' } }, required: ['id'] };
    const order = {
      type: 'object',
      properties: {
        lines: { type: 'array', items: { $ref: '#/components/schemas/Line' } },
        count: { type: 'integer', minimum: 3 },
        gift: { type: 'boolean' },
        kind: { enum: ['a', 'b'] },
        note: { type: 'string' },
      },
      required: ['lines', 'count', 'kind'],
    };
    expect(exampleOf(order, { Line: line })).toEqual({ lines: [{ id: 'line-1' }], count: 3, kind: 'a' });
  });
});
