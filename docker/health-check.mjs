import { get } from 'node:http';

// node docker/health-check.mjs [live|ready]
// Asks the server of this container how it is, and ends with 0 when it is well. What it says is kept by the engine
// (docker inspect), so that an operator can read why a server is not ready.

const asked = process.argv[2] ?? 'live';
const bound = process.env.HOST || '127.0.0.1';
// An address that means "all of them" is none that can be called.
const host = bound === '0.0.0.0' || bound === '::' ? '127.0.0.1' : bound;

const request = get({ host, port: process.env.PORT || 3000, path: `/health/${asked}`, timeout: 4_000 }, (response) => {
  let body = '';
  response.setEncoding('utf8');
  response.on('data', (text) => (body += text));
  response.on('end', () => {
    console.log(response.statusCode, body);
    process.exitCode = response.statusCode === 200 ? 0 : 1;
  });
});
request.on('timeout', () => request.destroy(new Error('no answer within 4 s')));
request.on('error', (error) => {
  console.log(error.message);
  process.exitCode = 1;
});
