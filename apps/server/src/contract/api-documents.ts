import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { FixedDocument } from '#http';
import type { FastifyInstance } from 'fastify';
import { checkedIn } from './checked-in.js';

/** Shorter than for schemas: a caller that tries out a new release must soon see its document. */
const keptForSeconds = 300;

/** The files of swagger-ui-dist that the page below needs. */
const parts = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
  'favicon-16x16.png': 'image/png',
} as const;
const start = 'swagger-ui-init.js';

/** Serves openapi.json as it is checked in, and a page to try its routes that loads nothing from other servers. */
export function serveApiDocuments(fastify: FastifyInstance): void {
  serve('/openapi.json', 'application/json; charset=utf-8', () => readFileSync(checkedIn('openapi.json')));
  for (const path of ['/docs', '/docs/', '/docs/index.html'])
    serve(path, 'text/html; charset=utf-8', () => page(path === '/docs' ? './docs/' : './'));
  serve(`/docs/${start}`, 'text/javascript; charset=utf-8', () => script);
  const require = createRequire(import.meta.url);
  for (const [name, mediaType] of Object.entries(parts))
    serve(`/docs/${name}`, mediaType, () => readFileSync(require.resolve(`swagger-ui-dist/${name}`)));

  function serve(path: string, mediaType: string, make: () => string | Buffer): void {
    const document = new FixedDocument(mediaType, keptForSeconds, make);
    fastify.get(path, async (_, reply) => {
      await document.sendTo(reply);
      return reply;
    });
  }
}

const page = (base: string) => `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>Reseller Ledger</title>
  <link rel="stylesheet" href="${base}swagger-ui.css">
  <link rel="icon" type="image/png" href="${base}favicon-32x32.png" sizes="32x32">
  <link rel="icon" type="image/png" href="${base}favicon-16x16.png" sizes="16x16">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="${base}swagger-ui-bundle.js"></script>
  <script src="${base}${start}"></script>
</body>
</html>
`;

// The address is relative to the script, so that a proxy may serve all of it below a path of its own. The page tries the
// server that it comes from, not those that the document names.
const script = `const address = new URL('../openapi.json', document.currentScript.src);
fetch(address)
  .then((answer) => answer.json())
  .then((spec) =>
    SwaggerUIBundle({
      spec: { ...spec, servers: [{ url: new URL('.', address).pathname }] },
      dom_id: '#swagger-ui',
      deepLinking: true,
    }),
  );
`;
