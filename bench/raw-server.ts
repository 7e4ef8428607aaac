import { createServer } from 'node:http';

// Reads the body and answers, and nothing else: what node:http and the load generator can do on this machine.

const [port] = process.argv.slice(2);

createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { quantity } = JSON.parse(Buffer.concat(chunks).toString()) as { quantity: number };
    const body = JSON.stringify({
      relationship: { status: 'active' },
      revision: quantity,
      events: ['SubscriptionQuantityChanged'],
    });
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
  });
}).listen(Number(port), '127.0.0.1', () => process.send?.('ready'));
