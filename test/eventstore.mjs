import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

// npm run test:eventstore: what the project asks of a real server, if there is one to ask: the contract that every store
// passes, the journeys by HTTP, and servers that are killed under load. It writes streams with prefixes of its own and reads no others; nothing is deleted.

const journeys = 'journeys over LEDGER_EVENT_STORE_URL';
const contract = 'libs/event-store-kurrentdb/src/.*contract';
const kills = 'test/faults/kills';

// Its former name.
if (process.env.EVENTSTORE_URL) process.env.LEDGER_EVENT_STORE_URL ||= process.env.EVENTSTORE_URL;
if (!process.env.LEDGER_EVENT_STORE_URL) {
  // Said, so that nobody takes it for a run that has passed.
  console.log(
    `Skipped, because LEDGER_EVENT_STORE_URL is not set: the store contract over a real server, ${journeys}, servers killed over LEDGER_EVENT_STORE_URL.`,
  );
  console.log(
    "Start one, then for example: LEDGER_EVENT_STORE_URL='esdb://127.0.0.1:2113?tls=false' npm run test:eventstore",
  );
} else {
  const jest = (...args) =>
    new Promise((done) => {
      const flags = ['--disable-warning=ExperimentalWarning', '--experimental-vm-modules'];
      const child = spawn(process.execPath, [...flags, resolve('node_modules/jest/bin/jest.js'), ...args], {
        stdio: 'inherit',
      });
      child.on('close', (code) => done(code ?? 1));
    });
  const failed =
    (await jest('--selectProjects', 'ledger', '--testPathPatterns', contract)) +
    (await jest('--selectProjects', journeys, '--runInBand')) +
    (await jest('--selectProjects', 'ledger', '--testPathPatterns', kills, '-t', 'two servers'));
  process.exitCode = failed === 0 ? 0 : 1;
}
