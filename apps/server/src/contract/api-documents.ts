import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
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
/** The page's own scripts, as they are built. */
const scripts = ['start.js', 'filled-in.js', 'shown-document.js', 'sign-in.js'] as const;

/**
 * A page that holds a token loads and runs nothing but its own files, talks to nobody but its server, and stands in no
 * frame. `data:` is for the pictures in the style sheet of swagger-ui.
 */
const pageFields = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Frame-Options': 'DENY',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
} as const;

/** Serves openapi.json as it is checked in. */
export function serveApiDocument(fastify: FastifyInstance): void {
  serve(fastify, '/openapi.json', 'application/json; charset=utf-8', (publicPath) => {
    const text = readFileSync(checkedIn('openapi.json'));
    if (publicPath === '') return text;
    const document = JSON.parse(text.toString()) as object;
    return JSON.stringify({ ...document, servers: [{ url: publicPath, description: 'This server.' }] });
  });
}

/** Serves a page to try the routes that loads nothing from other servers, and leads people from `/` to it. */
export function serveDocsPage(fastify: FastifyInstance): void {
  for (const path of ['/docs', '/docs/', '/docs/index.html'])
    serve(fastify, path, 'text/html; charset=utf-8', () => page(path === '/docs' ? './docs/' : './'), pageFields);
  const require = createRequire(import.meta.url);
  for (const [name, mediaType] of Object.entries(parts))
    serve(
      fastify,
      `/docs/${name}`,
      mediaType,
      () => readFileSync(require.resolve(`swagger-ui-dist/${name}`)),
      pageFields,
    );
  for (const name of scripts)
    serve(
      fastify,
      `/docs/${name}`,
      'text/javascript; charset=utf-8',
      () => readFileSync(join(import.meta.dirname, '../docs-page', name)),
      pageFields,
    );
  // Relative, so that a proxy may serve all of it below a path of its own, even one that is not configured.
  fastify.get('/', (_, reply) => reply.redirect(fastify.publicPath === '' ? 'docs' : '/docs', 302));
}

function serve(
  fastify: FastifyInstance,
  path: string,
  mediaType: string,
  make: (publicPath: string) => string | Buffer,
  fields: Readonly<Record<string, string>> = {},
): void {
  const document = new FixedDocument(mediaType, keptForSeconds, make);
  fastify.get(path, async (_, reply) => {
    reply.headers(fields);
    await document.sendTo(reply);
    return reply;
  });
}

const page = (base: string) => `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Reseller Ledger: routes to try</title>
  <link rel="stylesheet" href="${base}swagger-ui.css">
  <link rel="icon" type="image/png" href="${base}favicon-32x32.png" sizes="32x32">
  <link rel="icon" type="image/png" href="${base}favicon-16x16.png" sizes="16x16">
</head>
<body>
  <noscript>This page tries the routes of the server and needs JavaScript for that. The routes themselves are described in
    <a href="${base}../openapi.json">openapi.json</a>.</noscript>
  <main id="swagger-ui"></main>
  <script src="${base}swagger-ui-bundle.js"></script>
  <script type="module" src="${base}start.js"></script>
</body>
</html>
`;
