import { createServer } from 'node:http';

// A collector that reads what it gets and keeps the number of bytes: the least that exporting costs others on this machine.

let bytes = 0;
let exports = 0;
const server = createServer((request, response) => {
  request.on('data', (chunk: Buffer) => (bytes += chunk.length));
  request.on('end', () => {
    exports++;
    response.writeHead(200, { 'Content-Type': 'application/x-protobuf' }).end();
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => process.send!('ready'));
process.on('SIGTERM', () => {
  console.log(`  ${exports} exports of ${Math.round(bytes / 1024)} KiB`);
  process.exit(0);
});
