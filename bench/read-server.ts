import Database from 'better-sqlite3';
import { fastify } from 'fastify';

// Fastify with one prepared read of SQLite for each request, and nothing else: no token, no right, no position, no log.
// What it answers is the text that the ledger answered at the same address, so both sides send the same number of bytes.

const [file, port] = process.argv.slice(2) as [string, string];
const database = new Database(file, { readonly: true });
const select = database.prepare<[string], string>('SELECT body FROM answers WHERE path = ?').pluck();

const app = fastify();
app.get('/*', (request, reply) => {
  const body = select.get(request.url);
  if (body === undefined) return reply.code(404).send();
  return reply.type('application/json; charset=utf-8').send(body);
});
await app.listen({ port: Number(port), host: '127.0.0.1' });
process.send?.('ready');
